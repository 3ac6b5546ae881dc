"""Measure this machine's clock once: what the sources said, as one event.

Owns: what counts as a measurement, and the words where there is none.
Never: sets the machine's clock, or decides when to measure (`ticktrail._clock.keep` does).

A clock is in tolerance where that is proven: the offset and its error bound together are within `max_offset_ms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ticktrail._clock.intersection import Agreement, intersect
from ticktrail._clock.ntp import Measurement
from ticktrail._clock.sources import NoAnswer, Said, TimeSources
from ticktrail._contracts.clock import Clock
from ticktrail._plan.clock import ClockSettings
from ticktrail.events import ClockMeasured, ClockSource, ClockUnavailable

__all__ = ["conclude", "measure_once"]

_NS_PER_MS = 1_000_000


async def measure_once(
    settings: ClockSettings, clock: Clock, sources: TimeSources | None = None
) -> ClockMeasured | ClockUnavailable:
    """Ask all sources at the same time, and return what most of them agree on; takes `timeout_s` at most.

    Args:
        settings: The ``[clock]`` table.
        clock: Whose offset is measured.
        sources: Those of an earlier measurement, who remember which servers want to be spared.
    """
    said = await (sources or TimeSources(settings, clock)).ask()
    return conclude(said, settings, at_ns=clock.now_ns())


def conclude(
    said: Sequence[Said], settings: ClockSettings, *, at_ns: int
) -> ClockMeasured | ClockUnavailable:
    """Return what the sources prove together."""
    agreed = intersect(one for one in said if isinstance(one, Measurement))
    if agreed is None or len(agreed.used) < settings.min_sources:
        sources = tuple(_told(one, "no_majority") for one in said)
        return ClockUnavailable(at_ns=at_ns, cause=_why_not(said, agreed, settings), sources=sources)
    false = {one.server for one in agreed.false_tickers}
    return ClockMeasured(
        at_ns=at_ns,
        server=agreed.server,
        offset_ns=agreed.offset_ns,
        bound_ns=agreed.bound_ns,
        in_tolerance=abs(agreed.offset_ns) + agreed.bound_ns <= settings.limit_ns,
        sources=tuple(_told(one, "false_ticker" if one.server in false else "used") for one in said),
        limit_ns=settings.limit_ns,
    )


def _told(one: Said, verdict: Literal["used", "false_ticker", "no_majority"]) -> ClockSource:
    if isinstance(one, NoAnswer):
        return ClockSource(server=one.server, verdict="no_answer", detail=one.cause)
    return ClockSource(server=one.server, verdict=verdict, offset_ns=one.offset_ns, bound_ns=one.bound_ns)


def _why_not(said: Sequence[Said], agreed: Agreement | None, settings: ClockSettings) -> str:
    told = "; ".join(
        f"{one.server}: {one.offset_ns / _NS_PER_MS:+.3f} ms ± {one.bound_ns / _NS_PER_MS:.3f} ms"
        if isinstance(one, Measurement)
        else f"{one.server}: {one.cause}"
        for one in said
    )
    if agreed is not None:
        return (
            f"{len(agreed.used)} of the time sources agree, and [clock] min_sources asks for {settings.min_sources} "
            f"({told}): name more servers that can be reached"
        )
    if settings.chrony == "only":
        return f"chronyd gave no measurement ({told}): see `chronyc tracking` on this machine"
    if not any(isinstance(one, Measurement) for one in said):
        return (
            f"no time server answered ({told}): let UDP port 123 out, name servers that can be reached in [clock] "
            "servers, or set servers = [] to go without"
        )
    return (
        f"no majority of the time sources agrees ({told}): name at least three servers that have nothing to do "
        "with each other in [clock] servers, and take out those that are wrong"
    )
