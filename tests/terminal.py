"""A terminal of a given size, for programs that look whether they have one."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

PATIENCE_S = 60


class Terminal:
    """A process on a pseudo-terminal; `seen` is all that it drew."""

    def __init__(self, command, *, columns=80, lines=24, cwd=None, stdout=None, env=None):
        self._own, other = pty.openpty()
        self.resize(columns, lines)
        given = {
            key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLUMNS", "LINES"}
        }
        self.process = subprocess.Popen(
            command,
            stdin=other,
            stdout=other if stdout is None else stdout,
            stderr=other,
            cwd=cwd,
            env={**given, "TERM": "xterm-256color", **(env or {})},
            start_new_session=True,
        )
        os.close(other)
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._own)

    def resize(self, columns, lines):
        fcntl.ioctl(self._own, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text):
        os.write(self._own, text.encode())

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def read(self):
        """Take what is there; False where the process has let go of the terminal."""
        ready, _, _ = select.select([self._own], [], [], 0.1)
        if not ready:
            return self.process.poll() is None
        try:
            part = os.read(self._own, 65_536)
        except OSError:  # the other end was closed
            return False
        self.seen += part
        return bool(part)

    def until(self, *wanted, after=0):
        """Read until each of the texts was drawn."""
        end = time.monotonic() + PATIENCE_S
        while not all(text.encode() in self.seen[after:] for text in wanted):
            assert time.monotonic() < end, (wanted, self.seen[-4_000:])
            assert self.read() or all(text.encode() in self.seen[after:] for text in wanted), self.seen[
                -4_000:
            ]

    def to_the_end(self):
        """Read to the end and return the exit status."""
        end = time.monotonic() + PATIENCE_S
        while self.read():
            assert time.monotonic() < end, self.seen[-4_000:]
        return self.process.wait(PATIENCE_S)
