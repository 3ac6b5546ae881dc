"""Take chronyd's word for this machine's clock, where it runs: ``chronyc -c tracking``.

Owns: the meaning of the fields, which answers are no evidence, and the deadline of asking.
Never: changes what chronyd does.

Sources: chronyc(1) of chrony 4.3 (tracking, and option -c), tried with Debian's 4.3-2+deb12u3 in November 2026. The
fields of a line are, in order: reference ID in hexadecimal, its name or address, stratum, reference time, system time,
last offset, RMS offset, frequency, residual frequency, skew, root delay, root dispersion, update interval, leap status;
seconds and ppm, no unit. System time is positive where the machine's clock is slow of NTP time, so it has the sign of
our offsets. The page bounds the clock's error, if the stratum-1 server is right, by |system time| + root dispersion +
root delay / 2.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import anyio

from ticktrail._clock.ntp import Measurement

__all__ = ["CHRONY", "NotRunning", "ask_chrony", "read_tracking"]

CHRONY = "local chronyd"
"""What chronyd on this machine is called among the servers; with a blank, so that no host has the name."""
_FIELDS = 14
_LOCAL = "7F7F0101"
_SYNCHRONISED = frozenset({"Normal", "Insert second", "Delete second"})
_NO_DAEMON = (
    "506 Cannot talk to daemon",
    "Could not open connection to daemon",
)  # silent, and no socket there
_NS = 1_000_000_000
_MOST_S = 10**6  # eleven days: no clock's error, and no number that would fill the memory
_MOST_READ = 1_000  # characters; a line of tracking has some 200


class NotRunning(OSError):
    """There is no chronyc here, or no chronyd that answers it."""


async def ask_chrony(address: str, *, timeout_s: float) -> Measurement:
    """Return what chronyd says; the program is ended where it takes longer than `timeout_s`.

    Args:
        address: Where chronyd listens, a socket's path or a host, as ``chronyc -h`` takes it; empty: chronyc's default.
        timeout_s: How long to wait.

    Raises:
        NotRunning: chronyc is not installed, or cannot reach a daemon.
        ValueError: chronyd is not synchronised, or answers something else.
        TimeoutError: No answer in time.
    """
    command = ["chronyc", "-c", *(("-h", address) if address else ()), "tracking"]
    try:
        with anyio.fail_after(timeout_s):
            done = await anyio.run_process(command, check=False)
    except FileNotFoundError as exc:
        raise NotRunning("chronyc is not installed") from exc
    except TimeoutError as exc:
        raise TimeoutError(f"chronyc gave no answer within {timeout_s:g} s") from exc
    text, said = (
        stream.decode("utf-8", "replace").strip()[:_MOST_READ] for stream in (done.stdout, done.stderr)
    )
    if done.returncode != 0:
        said = text or said
        if said.startswith(_NO_DAEMON):
            raise NotRunning(f"chronyc cannot reach chronyd ({said})")
        raise ValueError(f"chronyc failed with status {done.returncode}: {said}")
    return read_tracking(text)


def read_tracking(line: str) -> Measurement:
    """Return what a line of ``chronyc -c tracking`` proves.

    Raises:
        ValueError: It proves nothing: chronyd is not synchronised or follows nothing but itself, or it is no such line.
    """
    fields = line.split(",")
    if len(fields) != _FIELDS:
        raise ValueError(f"chronyc gave {len(fields)} fields where {_FIELDS} were expected: {line!r}")
    reference, name, leap = fields[0], fields[1], fields[13]
    if leap not in _SYNCHRONISED:
        raise ValueError(f"chronyd says that it is not synchronised (leap status {leap!r})")
    if reference == _LOCAL and not name:
        raise ValueError("chronyd follows nothing but this machine's own clock (its local mode)")
    system, delay, dispersion = (_ns(fields[number], line) for number in (4, 10, 11))
    if delay < 0 or dispersion < 0:
        raise ValueError(f"chronyc gave a negative root delay or dispersion: {line!r}")
    return Measurement(server=CHRONY, offset_ns=system, bound_ns=(delay + 1) // 2 + dispersion)


def _ns(field: str, line: str) -> int:
    try:
        seconds = Decimal(field)
    except InvalidOperation as exc:
        raise ValueError(f"chronyc gave {field!r} where seconds were expected: {line!r}") from exc
    if not seconds.is_finite() or not -_MOST_S < seconds < _MOST_S:
        raise ValueError(f"chronyc gave {field!r} where seconds were expected: {line!r}")
    return int(seconds * _NS)
