"""Measuring over real UDP, against servers of our own on the loopback."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import anyio
import pytest

from ticktrail._clock.measure import keep_measuring, measure_once
from ticktrail._plan.model import ClockSettings
from ticktrail.events import ClockMeasured, ClockUnavailable, Event
from ticktrail.plugin import SystemClock

pytestmark = pytest.mark.anyio
NTP_EPOCH_S = 2_208_988_800
MS = 1_000_000


@contextmanager
def time_server(
    *,
    offset_s: float = 0.0,
    stratum: int = 1,
    root_dispersion_s: float = 0.0,
    mute: bool = False,
    forged: bool = False,
) -> Iterator[str]:
    """Serve NTP with the machine's time plus `offset_s`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                request, address = server.recvfrom(512)
                if request == b"stop":
                    return
                if mute:
                    continue
                now = time.time() + offset_s + NTP_EPOCH_S
                stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
                origin = bytes(8) if forged else request[40:48]
                head = struct.pack(
                    "!BBBbIII", 4 << 3 | 4, stratum, 0, -20, 0, int(root_dispersion_s * 2**16), 0
                )
                server.sendto(head + stamp + origin + stamp + stamp, address)

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
                stop.sendto(b"stop", (host, port))
            thread.join()


def settings(
    *servers: str, max_offset_ms: float = 50, timeout_s: float = 2, every_s: float = 300
) -> ClockSettings:
    return ClockSettings(servers=servers, max_offset_ms=max_offset_ms, timeout_s=timeout_s, every_s=every_s)


async def measured(*servers: str, max_offset_ms: float = 50) -> ClockMeasured:
    event = await measure_once(settings(*servers, max_offset_ms=max_offset_ms), SystemClock())
    assert isinstance(event, ClockMeasured), event
    return event


async def unavailable(*servers: str, timeout_s: float = 2) -> ClockUnavailable:
    event = await measure_once(settings(*servers, timeout_s=timeout_s), SystemClock())
    assert isinstance(event, ClockUnavailable), event
    return event


@pytest.mark.parametrize("offset_s", [0.0, 0.030, 0.080, -0.5, 3600.0])
async def test_the_offset_is_found_within_its_bound(offset_s: float) -> None:
    """The set offset lies within the stated bound, and the bound is small on the loopback."""
    with time_server(offset_s=offset_s) as server:
        event = await measured(server)
    assert event.server == server
    assert abs(event.offset_ns - offset_s * 1e9) <= event.bound_ns
    assert event.bound_ns < 250 * MS  # a busy machine's loopback; some 0.1 ms where it is idle


@pytest.mark.parametrize(
    ("offset_s", "dispersion_s", "limit_ms", "within"),
    [(0.0, 0.0, 500, True), (0.6, 0.0, 500, False), (-0.6, 0.0, 500, False), (0.0, 0.6, 500, False)],
)
async def test_tolerance_is_what_is_proven(
    offset_s: float, dispersion_s: float, limit_ms: float, within: bool
) -> None:
    """Offset and bound together must be within the limit: a vague server proves nothing."""
    with time_server(offset_s=offset_s, root_dispersion_s=dispersion_s) as server:
        event = await measured(server, max_offset_ms=limit_ms)
    assert event.in_tolerance is within


async def test_the_server_that_knows_best_is_believed() -> None:
    """Among several answers, the one with the smallest bound."""
    with ExitStack() as stack:
        vague = stack.enter_context(time_server(offset_s=5, root_dispersion_s=8))
        close = stack.enter_context(time_server(offset_s=0.030))
        event = await measured(vague, close)
    assert event.server == close


async def test_a_mute_server_costs_the_timeout_and_no_more() -> None:
    """The event names the server and the remedy."""
    before = time.monotonic()
    with time_server(mute=True) as server:
        event = await unavailable(server, timeout_s=0.3)
    assert time.monotonic() - before < 3
    assert "no time server answered" in event.cause
    assert "servers = [] to go without" in event.cause


async def test_a_mute_server_does_not_hide_one_that_answers() -> None:
    """They are asked at the same time."""
    with time_server(mute=True) as mute, time_server(offset_s=0.030) as server:
        event = await measure_once(settings(mute, server, timeout_s=0.5), SystemClock())
    assert isinstance(event, ClockMeasured)
    assert event.server == server


@pytest.mark.parametrize(
    ("fault", "cause"),
    [({"stratum": 16}, "not synchronised"), ({"stratum": 0}, "refuses"), ({"forged": True}, "was not asked")],
)
async def test_an_answer_that_proves_nothing_is_no_measurement(fault: dict[str, int], cause: str) -> None:
    """Unsynchronised, refusing, or answering somebody else's question."""
    with time_server(**fault) as server:  # type: ignore[arg-type]
        event = await unavailable(server)
    assert cause in event.cause


@pytest.mark.parametrize("server", ["", ":123", "127.0.0.1:99999"])
async def test_a_server_that_is_no_address_is_named(server: str) -> None:
    """A slip in the feed file is a finding, not a crash."""
    assert server in (await unavailable(server)).cause


async def test_the_clock_learns_its_offset_again_and_again() -> None:
    """Each round publishes an event and sets the clock."""
    clock, events = SystemClock(), list[Event]()
    with time_server(offset_s=1.0) as server, anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            done = anyio.Event()

            def publish(event: Event) -> None:
                events.append(event)
                if len(events) == 3:
                    done.set()

            tasks.start_soon(keep_measuring, settings(server, every_s=0.01), clock, publish)
            await done.wait()
            tasks.cancel_scope.cancel()
    assert [type(event) for event in events] == [ClockMeasured] * 3
    assert clock.offset_ns is not None
    assert abs(clock.offset_ns - 1_000 * MS) < 250 * MS


async def test_the_last_offset_stays_when_servers_fall_silent() -> None:
    """An old measurement is better than none; the event says that it could not be renewed."""
    clock, events = SystemClock(), list[Event]()
    clock.offset_ns = 42
    with time_server(mute=True) as server, anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:

            def publish(event: Event) -> None:
                events.append(event)
                tasks.cancel_scope.cancel()

            tasks.start_soon(keep_measuring, settings(server, timeout_s=0.1), clock, publish)
    assert [type(event) for event in events] == [ClockUnavailable]
    assert clock.offset_ns == 42


async def test_no_servers_means_no_measurement() -> None:
    """It returns, and the offset stays unknown."""
    clock, events = SystemClock(), list[Event]()
    with anyio.fail_after(1):
        await keep_measuring(settings(), clock, events.append)
    assert events == []
    assert clock.offset_ns is None
