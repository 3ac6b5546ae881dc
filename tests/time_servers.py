"""A real NTP server on the loopback that shifts, lies, delays and refuses as a test wants, while it runs."""

import socket
import struct
import threading
import time
from contextlib import contextmanager

NTP_EPOCH_S = 2_208_988_800
SERVER, VERSION = 4, 4


class TimeServer:
    """What the server does with the next question; a test may change it at any time."""

    def __init__(
        self,
        address,
        *,
        offset_s=0.0,
        stratum=1,
        leap=0,
        kiss="",
        root_delay_s=0.0,
        root_dispersion_s=0.0,
        delay_s=0.0,
        mute=False,
        forged=False,
        timeless=False,
    ):
        self.address = address
        self.offset_s = offset_s
        self.stratum = 0 if kiss else stratum
        self.leap = leap
        self.kiss = kiss
        self.root_delay_s = root_delay_s
        self.root_dispersion_s = root_dispersion_s
        self.delay_s = delay_s
        """How long an answer is on its way, all of it after it was stamped: the worst path there is."""
        self.mute = mute
        self.forged = forged
        self.timeless = timeless
        self.asked = 0
        self._questions = threading.Condition()

    def take_question(self):
        with self._questions:
            self.asked += 1
            self._questions.notify_all()

    def wait_asked(self, times=1, within_s=60):
        """Wait until it was asked so many times in all; tells whether it was."""
        with self._questions:
            return self._questions.wait_for(lambda: self.asked >= times, within_s)

    def answer(self, request):
        now = time.time() + self.offset_s + NTP_EPOCH_S
        stamp = bytes(8) if self.timeless else struct.pack("!II", int(now), int(now % 1 * 2**32))
        head = struct.pack(
            "!BBBbII4s",
            self.leap << 6 | VERSION << 3 | SERVER,
            self.stratum,
            0,
            -20,
            int(self.root_delay_s * 2**16),
            int(self.root_dispersion_s * 2**16),
            self.kiss.encode(),
        )
        return head + stamp + (bytes(8) if self.forged else request[40:48]) + stamp + stamp


@contextmanager
def time_server(**how):
    """Serve NTP with this machine's time plus `offset_s`; gives the `TimeServer`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        host, port = own.getsockname()
        server = TimeServer(f"{host}:{port}", **how)

        def serve():
            while True:
                request, client = own.recvfrom(512)
                if request == b"stop":
                    return
                server.take_question()
                if not server.mute:
                    answer = server.answer(request)
                    time.sleep(server.delay_s)
                    own.sendto(answer, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
                stop.sendto(b"stop", (host, port))
            thread.join()
