"""Cut a feed off its database in the middle of a run, and let it come back."""

import socket
import threading
from contextlib import suppress

from sqlalchemy.engine import make_url

from unit.compliance.adversarial.attacks import Log


class Cut:
    """A database that can be cut off and come back, in the middle of a feed's run."""

    def __init__(self, log):
        self.log = log

    def cut(self):
        raise NotImplementedError

    def mend(self):
        raise NotImplementedError


class Locked(Cut):
    """SQLite: the table of entries is renamed away."""

    def cut(self):
        with self.log.attacked() as connection:
            connection.exec_driver_sql("ALTER TABLE audit_entries RENAME TO gone")

    def mend(self):
        with self.log.attacked() as connection:
            connection.exec_driver_sql("ALTER TABLE gone RENAME TO audit_entries")


class Proxied(Cut):
    """PostgreSQL behind a proxy: open connections die, and new ones are refused."""

    def __init__(self, log):
        url = make_url(log.database)
        self._server = (url.host, url.port)
        self._pairs = []
        self._listener = None
        self._port = 0
        self.mend()
        proxied = url.set(port=self._port).render_as_string()
        super().__init__(Log(log.folder, proxied))

    def cut(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._pairs:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._pairs.clear()

    def mend(self):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self._port))
        self._listener.listen()
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _serve(self, listener):
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._server)
                self._pairs += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one, other):
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
