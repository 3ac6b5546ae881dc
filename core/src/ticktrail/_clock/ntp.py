"""Read one time server's answer as an offset with its error bound, and choose among several of one server.

Owns: the arithmetic of RFC 5905, and which answers are no evidence.
Never: opens a socket, or reads a clock.

Sources: RFC 5905 (June 2010): section 8 for offset and delay, section 7.3 for stratum and leap indicator, sections
11.1 and 11.2 for the root synchronisation distance, of which `bound_ns` is the part that one exchange can know:
half of its delay, half of the server's root delay, and the server's root dispersion; section 7.4 for the kiss codes,
by which a server refuses; appendix A.5.1.1 for what a client drops (times of zero, a root distance of 16 s and more).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ticktrail.text import one_line

__all__ = ["Answer", "Kissed", "Measurement", "best", "measure"]

_NS = 1_000_000_000
_MAX_STRATUM = 15  # 16 says unsynchronised
_UNSYNCHRONISED = 3  # leap indicator
_SERVER_MODE = 4
_MAX_ROOT_S = 16.0  # MAXDISP, section 7.2
_FLOAT_NS = 1_000  # seconds since 1900 as a double are good to half a microsecond; two readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One exchange. The four times are seconds in the NTP era, as sent, received, sent back, received back.

    `disturbed_ns` is how much further than the monotonic clock this machine's clock went meanwhile: it was set or
    slewed.
    """

    server: str
    leap: int
    mode: int
    stratum: int
    reference_id: int
    root_delay_s: float
    root_dispersion_s: float
    sent_s: float
    server_received_s: float
    server_sent_s: float
    received_s: float
    disturbed_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """True time = local time + `offset_ns`, within ± `bound_ns`, says `server`."""

    server: str
    offset_ns: int
    bound_ns: int


class Kissed(ValueError):
    """The server refuses to serve, by a kiss-o'-death; `code` is such as ``RATE`` (too often), ``DENY``, ``RSTR``."""

    def __init__(self, server: str, code: str) -> None:
        super().__init__(f"{server} refuses to serve (kiss-o'-death {code})")
        self.code = code


def measure(answer: Answer) -> Measurement:
    """Return what an answer proves.

    Raises:
        Kissed: The server refuses to serve.
        ValueError: It proves nothing: the server is not synchronised, or answers something else.
    """
    if answer.mode != _SERVER_MODE:
        raise ValueError(f"{answer.server} answered in mode {answer.mode}, which is no server's")
    if answer.stratum == 0:
        code = one_line(
            answer.reference_id.to_bytes(4, "big").rstrip(b"\0").decode("ascii", "backslashreplace")
        )
        raise Kissed(answer.server, code or "without a code")
    if answer.leap == _UNSYNCHRONISED or answer.stratum > _MAX_STRATUM:
        raise ValueError(
            f"{answer.server} says that it is not synchronised "
            f"(stratum {answer.stratum}, leap indicator {answer.leap})"
        )
    if not answer.server_received_s or not answer.server_sent_s:
        raise ValueError(f"{answer.server} gave no time")
    root_s = answer.root_delay_s / 2 + answer.root_dispersion_s
    if root_s >= _MAX_ROOT_S:
        raise ValueError(f"{answer.server} is {root_s:g} s from its reference clock, which is no evidence")
    out_s = answer.server_received_s - answer.sent_s
    back_s = answer.server_sent_s - answer.received_s
    delay_ns = round((out_s - back_s) * _NS)
    if delay_ns < -_FLOAT_NS or answer.server_sent_s < answer.server_received_s:
        raise ValueError(f"{answer.server} gave times that cannot be: it answered before it was asked")
    return Measurement(
        server=answer.server,
        offset_ns=round((out_s + back_s) / 2 * _NS),
        bound_ns=max(0, delay_ns) // 2 + round(root_s * _NS) + abs(answer.disturbed_ns) + _FLOAT_NS,
    )


def best(measurements: Iterable[Measurement]) -> Measurement:
    """Return the measurement that is known most closely; of one server, the one with the least delay.

    Raises:
        ValueError: There is none.
    """
    return min(measurements, key=lambda found: (found.bound_ns, found.offset_ns, found.server))
