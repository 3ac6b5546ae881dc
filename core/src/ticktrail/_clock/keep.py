"""Keep knowing how wrong this machine's clock is, for as long as a feed runs.

Owns: the loop of measuring, the clock's `offset_ns` and `bound_ns`, and the word that a feed must halt.
Never: sets the machine's clock, or ends the feed itself.

Where no source answers, the last offset stays in use, and the event says that it could not be renewed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio
import anyio.abc
import anyio.lowlevel

from ticktrail._clock.measure import measure_once
from ticktrail._clock.schedule import Pace
from ticktrail._clock.sources import TimeSources
from ticktrail._clock.track import ClockTrack
from ticktrail._contracts.clock import SystemClock
from ticktrail._plan.clock import ClockSettings
from ticktrail.errors import ClockError
from ticktrail.events import ClockMeasured, ClockUnavailable, Event

__all__ = ["keep_measuring"]

_NS_PER_MS = 1_000_000


async def keep_measuring(
    settings: ClockSettings,
    clock: SystemClock,
    publish: Callable[[Event], None],
    *,
    warn: Callable[[str], None],
    halt: Callable[[ClockError], None],
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Measure now and then on the schedule, until cancelled or halted; return at once where nothing is to be measured.

    Args:
        settings: The ``[clock]`` table.
        clock: Its `offset_ns` and `bound_ns` are set after each measurement.
        publish: Is given each measurement, and each step and breach.
        warn: Is told, once each, that there is no measurement at the start, and that the limit can never be proven.
        halt: Is told once why the feed must end, where ``on_unsynchronised = "halt"``; measuring ends then.
        task_status: Started after the first measurement, or its timeout.
    """
    if not settings.measures:
        task_status.started()
        await anyio.lowlevel.checkpoint()
        return
    sources = TimeSources(settings, clock)
    found: ClockMeasured | ClockUnavailable | None
    track = ClockTrack(settings, clock.mono_ns())
    pace = Pace(settings)
    is_first = True
    while True:
        found = None
        with anyio.move_on_after(_wait_s(track, clock)):
            found = await measure_once(settings, clock, sources)
        if found is None:  # its time is over while it goes on: that must not wait for the last answer
            for event in track.check(clock.now_ns(), clock.mono_ns()):
                publish(event)
            if _must_halt(settings, track, None, halt):
                return
            found = await measure_once(settings, clock, sources)
        mono_ns = clock.mono_ns()
        for event in track.take(found, mono_ns):
            publish(event)
        if isinstance(found, ClockMeasured):
            if found.bound_ns > settings.limit_ns and clock.bound_ns is None:
                warn(_unprovable(found, settings))
            clock.offset_ns, clock.bound_ns = found.offset_ns, found.bound_ns
        pace.found(stable=track.stable)
        if is_first:
            is_first = False
            task_status.started()
            if isinstance(found, ClockUnavailable):
                if settings.on_unsynchronised == "halt":
                    halt(
                        ClockError(f"the clock cannot be proven, and the feed does not start: {found.cause}")
                    )
                    return
                warn(f"the clock could not be measured at the start: {found.cause}")
        if _must_halt(settings, track, found, halt):
            return
        pause_s = pace.next_s(clock.now_ns() + (clock.offset_ns or 0))
        left_s = track.left_s(clock.mono_ns())
        if 0 < left_s < pause_s:
            await anyio.sleep(left_s)
            for event in track.check(clock.now_ns(), clock.mono_ns()):
                publish(event)
            if _must_halt(settings, track, found, halt):
                return
            pause_s -= left_s
        await anyio.sleep(pause_s)


def _wait_s(track: ClockTrack, clock: SystemClock) -> float:
    """Return how long a measurement may take before the last one holds no more; for ever where none holds now."""
    left_s = track.left_s(clock.mono_ns())
    return left_s if left_s > 0 else math.inf


def _must_halt(
    settings: ClockSettings,
    track: ClockTrack,
    found: ClockMeasured | ClockUnavailable | None,
    halt: Callable[[ClockError], None],
) -> bool:
    if settings.on_unsynchronised != "halt" or not track.in_breach:
        return False
    if isinstance(found, ClockMeasured) and not found.in_tolerance:
        halt(ClockError(_out_of_tolerance(found, settings)))
    else:
        halt(
            ClockError(
                f"the clock has had no valid measurement for {settings.max_unmeasured_s:g} s ([clock] "
                f'max_unmeasured_s); {_remedy(settings)}, or set on_unsynchronised = "flag" to go on'
            )
        )
    return True


def _remedy(settings: ClockSettings) -> str:
    if settings.chrony == "only":
        return "see `chronyc tracking` on this machine"
    return "name time servers that can be reached in [clock] servers"


def _out_of_tolerance(found: ClockMeasured, settings: ClockSettings) -> str:
    return (
        f"the clock is out of tolerance: offset {found.offset_ns / _NS_PER_MS:+.3f} ms ± "
        f"{found.bound_ns / _NS_PER_MS:.3f} ms by {found.server}, against [clock] max_offset_ms = "
        f"{settings.max_offset_ms:g}; synchronise this machine (chronyd does it), then start the feed again, or set "
        'on_unsynchronised = "flag" to go on'
    )


def _unprovable(found: ClockMeasured, settings: ClockSettings) -> str:
    return (
        f"[clock] max_offset_ms = {settings.max_offset_ms:g} cannot be proven with these sources: the measurement "
        f"itself is uncertain by ± {found.bound_ns / _NS_PER_MS:.3f} ms, so the clock counts as out of tolerance "
        "however right it is; use a nearer source (chronyd with a local reference clock, PTP hardware), or a limit "
        "that can be kept"
    )
