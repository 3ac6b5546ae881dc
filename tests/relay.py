"""A wire between a client and a server of loopback, that a test can cut and mend."""

import socket
import threading
from contextlib import contextmanager, suppress


class Relay:
    """Passes on what comes, as long as it is not cut."""

    def __init__(self, port):
        self._to = ("127.0.0.1", port)
        self._is_cut = False
        self._lock = threading.Lock()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            with self._lock:
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(self._to)
                self._open |= {near, far}
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(a, b), daemon=True).start()

    def _pass_on(self, one, other):
        with suppress(OSError):  # either end may hang up, or the wire be cut
            while some := one.recv(65_536):
                other.sendall(some)
        with self._lock:
            for end in {one, other} & self._open:
                _hang_up(end)
                self._open.discard(end)

    def cut(self):
        """End all connections, and take no new one."""
        with self._lock:
            self._is_cut = True
            for end in self._open:
                _hang_up(end)
            self._open.clear()

    def mend(self):
        """Take connections again."""
        with self._lock:
            self._is_cut = False

    def close(self):
        """End it all."""
        self.cut()
        _hang_up(self._listener)


def _hang_up(end):
    with suppress(OSError):  # gone already
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def relay(port):
    """A wire to a port of loopback."""
    wire = Relay(port)
    try:
        yield wire
    finally:
        wire.close()
