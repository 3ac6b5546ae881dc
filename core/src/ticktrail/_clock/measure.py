"""Keep knowing how wrong this machine's clock is.

Owns: when time servers are asked, the deadline of asking, and the clock's `offset_ns`.
Never: sets the machine's clock, or stops a feed: the events say what was found.

A clock is in tolerance where that is proven: the offset and its error bound together are within `max_offset_ms`.
Where no server answers, the last offset stays in use, and the event says that it could not be renewed.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import anyio.to_thread
import ntplib  # type: ignore[import-untyped]  # it ships no types

from ticktrail._clock.ntp import Answer, Measurement, best, measure
from ticktrail._plan.model import ClockSettings
from ticktrail.events import ClockMeasured, ClockUnavailable, Event
from ticktrail.plugin import SystemClock

__all__ = ["keep_measuring", "measure_once"]

_NTP_PORT = 123
_NTP_VERSION = 4
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_SLACK_S = 1e-5  # seconds since 1900 as doubles


async def keep_measuring(
    settings: ClockSettings, clock: SystemClock, publish: Callable[[Event], None]
) -> None:
    """Measure now and every `every_s`, until cancelled; return at once where no servers are set.

    Args:
        settings: The ``[clock]`` table. A server is a host, or ``host:port``.
        clock: Its `offset_ns` is set after each measurement.
        publish: Is given a `ClockMeasured` or a `ClockUnavailable` each time.
    """
    if not settings.servers:
        await anyio.lowlevel.checkpoint()
        return
    while True:
        event = await measure_once(settings, clock)
        if isinstance(event, ClockMeasured):
            clock.offset_ns = event.offset_ns
        publish(event)
        await anyio.sleep(settings.every_s)


async def measure_once(settings: ClockSettings, clock: SystemClock) -> ClockMeasured | ClockUnavailable:
    """Ask all servers at the same time, and return the closest measurement; takes `timeout_s` at most."""
    found: list[Measurement] = []
    faults: list[str] = []

    async def ask(server: str) -> None:
        try:
            # Left behind on cancellation: name look-up knows no deadline, and the socket has its own.
            answer = await anyio.to_thread.run_sync(
                _ask, server, settings.timeout_s, clock, abandon_on_cancel=True
            )
            found.append(measure(answer))
        except (OSError, ValueError, ntplib.NTPException) as exc:
            faults.append(f"{server}: {exc}")

    with anyio.move_on_after(settings.timeout_s) as deadline:
        async with anyio.create_task_group() as tasks:
            for server in settings.servers:
                tasks.start_soon(ask, server)
    if not found:
        if deadline.cancelled_caught:
            faults.append(f"no answer within {settings.timeout_s:g} s")
        return ClockUnavailable(
            at_ns=clock.now_ns(),
            cause=f"no time server answered ({'; '.join(faults)}): let UDP port {_NTP_PORT} out, name servers that "
            "can be reached in [clock] servers, or set servers = [] to go without",
        )
    chosen = best(found)
    return ClockMeasured(
        at_ns=clock.now_ns(),
        server=chosen.server,
        offset_ns=chosen.offset_ns,
        bound_ns=chosen.bound_ns,
        in_tolerance=abs(chosen.offset_ns) + chosen.bound_ns <= settings.max_offset_ms * _NS_PER_MS,
    )


def _ask(server: str, timeout_s: float, clock: SystemClock) -> Answer:
    """Ask one server, blocking."""
    address = urlsplit(f"//{server}")
    if address.hostname is None:
        raise ValueError(f"{server!r} is neither a host nor host:port")
    asked_s = ntplib.system_to_ntp_time(clock.now_ns() / _NS_PER_S)
    reply = ntplib.NTPClient().request(
        address.hostname, version=_NTP_VERSION, port=address.port or _NTP_PORT, timeout=timeout_s
    )
    if not asked_s - _SLACK_S <= reply.orig_timestamp <= reply.dest_timestamp + _SLACK_S:
        raise ValueError(f"{server} answered a question that was not asked (its origin time is not ours)")
    return Answer(
        server=server,
        leap=reply.leap,
        mode=reply.mode,
        stratum=reply.stratum,
        root_delay_s=reply.root_delay,
        root_dispersion_s=reply.root_dispersion,
        sent_s=reply.orig_timestamp,
        server_received_s=reply.recv_timestamp,
        server_sent_s=reply.tx_timestamp,
        received_s=reply.dest_timestamp,
    )
