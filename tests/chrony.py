"""Real chronyd as a time server on the loopback, its time shifted, without touching this machine's clock.

``chronyd -x`` steers no clock; it serves the time that it believes in. One instance serves this machine's time
(``local stratum 8``). Another follows it with an ``offset`` on its source, and so believes and serves a shifted time,
with a reference, a stratum and root values as real servers have them (tried with Debian's 4.3-2+deb12u3: within 0.03 ms
of the shift). It gets there within a second or two, since the clock that it sets is its own.
"""

import os
import pwd
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import ntplib
import pytest

from debian import PATH, why_without

LIMIT_S = 60
CLOSE_S = 0.0005


def why_not():
    """Return why there is no chronyd, empty where there is."""
    return why_without("chronyd", "chrony")


def need_chrony():
    """Skip a test where there is no chronyd: what it shows, others show with the tests' own NTP server."""
    if reason := why_not():
        pytest.skip(reason)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def chronyd(*directives):
    """Run one instance; gives its address and the path of its command socket."""
    # a socket's path must be short, and its folder private
    with (
        TemporaryDirectory(prefix="chrony-") as folder,
        _chronyd(Path(folder), free_port(), directives) as found,
    ):
        yield found


@contextmanager
def _chronyd(own, port, directives):
    settings = [
        f"port {port}",
        "bindaddress 127.0.0.1",
        "allow 127.0.0.1",
        "cmdport 0",
        f"bindcmdaddress {own}/chronyd.sock",
        f"pidfile {own}/chronyd.pid",
        *directives,
    ]
    (own / "chrony.conf").write_text("\n".join(settings) + "\n")
    rights = ["-U", "-u", pwd.getpwuid(os.geteuid()).pw_name]  # whoever runs the tests, root or not
    command = [shutil.which("chronyd", path=PATH), "-x", "-d", *rights, "-f", str(own / "chrony.conf")]
    with (own / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield f"127.0.0.1:{port}", str(own / "chronyd.sock")
        finally:
            process.terminate()
            process.wait(LIMIT_S)


@contextmanager
def shifted_chronyds(*offsets_s):
    """Run a server for each offset; gives their addresses and command sockets once each serves its time."""
    need_chrony()
    with ExitStack() as stack:
        true, _ = stack.enter_context(chronyd("local stratum 8"))
        host, _, port = true.partition(":")
        found = [
            stack.enter_context(
                chronyd(
                    f"server {host} port {port} iburst minpoll -4 maxpoll -4 offset {offset_s}",
                    "maxslewrate 100000",
                )
            )
            for offset_s in offsets_s
        ]
        for (address, _), offset_s in zip(found, offsets_s, strict=True):
            _until_it_serves(address, offset_s)
        yield found


def _until_it_serves(address, offset_s):
    host, _, port = address.partition(":")
    deadline, last = time.monotonic() + LIMIT_S, "nothing"
    while time.monotonic() < deadline:
        try:
            reply = ntplib.NTPClient().request(host, port=int(port), version=4, timeout=1)
        except (ntplib.NTPException, OSError) as exc:
            last = repr(exc)
        else:
            last = f"offset {reply.offset}, stratum {reply.stratum}"
            if 0 < reply.stratum < 16 and abs(reply.offset - offset_s) < CLOSE_S:
                return
        time.sleep(0.1)
    pytest.fail(f"chronyd at {address} does not serve {offset_s:+} s within {LIMIT_S} s (last: {last})")
