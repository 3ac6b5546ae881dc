"""Measuring over real UDP: against the tests' own server, and against real chronyd."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import anyio.to_thread
import pytest

from chrony import shifted_chronyds
from ticktrail._clock.measure import measure_once
from ticktrail._clock.sources import TimeSources
from ticktrail._plan.clock import ClockSettings
from ticktrail.events import ClockMeasured, ClockSource, ClockUnavailable
from ticktrail.plugin import SystemClock
from ticktrail.testing import ManualClock
from time_servers import TimeServer, time_server

pytestmark = pytest.mark.anyio
MS = 1_000_000


def settings(*servers: str, **more: object) -> ClockSettings:
    return ClockSettings(
        servers=servers,
        **{"chrony": "off", "timeout_s": 2, **more},  # type: ignore[arg-type]
    )


async def measured(*servers: TimeServer, **more: object) -> ClockMeasured:
    event = await measure_once(settings(*(server.address for server in servers), **more), SystemClock())
    assert isinstance(event, ClockMeasured), event
    return event


async def unavailable(*servers: TimeServer, **more: object) -> ClockUnavailable:
    event = await measure_once(settings(*(server.address for server in servers), **more), SystemClock())
    assert isinstance(event, ClockUnavailable), event
    return event


def verdicts(event: ClockMeasured | ClockUnavailable) -> dict[str, str]:
    return {source.server: source.verdict for source in event.sources}


@pytest.mark.parametrize("offset_s", [0.0, 0.030, 0.080, -0.5, 3600.0])
async def test_the_offset_is_found_within_its_bound(offset_s: float) -> None:
    """The set offset lies within the stated bound, and the bound is small on the loopback."""
    with time_server(offset_s=offset_s) as server:
        event = await measured(server, samples=4)
    assert event.server == server.address
    assert abs(event.offset_ns - offset_s * 1e9) <= event.bound_ns
    assert event.bound_ns < 250 * MS  # a busy machine's loopback; some 0.1 ms where it is idle
    assert event.sources == (
        ClockSource(
            server=server.address, verdict="used", offset_ns=event.offset_ns, bound_ns=event.bound_ns
        ),
    )


@pytest.fixture(scope="module")
def chronyds() -> Iterator[dict[float, tuple[str, str]]]:
    """Address and command socket of a real chronyd by the offset that it serves, in milliseconds."""
    offsets_ms = (30.0, 80.0, -500.0, 5000.0)
    with shifted_chronyds(*(offset_ms / 1000 for offset_ms in offsets_ms)) as found:
        yield dict(zip(offsets_ms, found, strict=True))


@pytest.mark.parametrize("offset_ms", [30.0, 80.0, -500.0])
async def test_real_chronyd_is_measured_within_2_ms(
    chronyds: dict[float, tuple[str, str]], offset_ms: float
) -> None:
    """By NTP, by chronyc, and by both together."""
    address, socket = chronyds[offset_ms]
    by_ntp = settings(address, samples=8)
    by_chronyc = settings(chrony="only", chrony_address=socket)
    by_both = settings(address, samples=8, chrony="auto", chrony_address=socket)
    for one, sources in ((by_ntp, 1), (by_chronyc, 1), (by_both, 2)):
        event = await measure_once(one, SystemClock())
        assert isinstance(event, ClockMeasured), event
        assert abs(event.offset_ns / MS - offset_ms) < 2
        assert (
            abs(event.offset_ns - offset_ms * MS) <= event.bound_ns + 0.5 * MS
        )  # what chronyd has yet to slew
        assert list(verdicts(event).values()) == ["used"] * sources


async def test_a_real_liar_of_three_is_thrown_out(chronyds: dict[float, tuple[str, str]]) -> None:
    """One chronyd is five seconds off, two servers are right: it is named, and has no say in the offset."""
    liar, _ = chronyds[5000.0]
    with time_server() as one, time_server() as other:
        event = await measure_once(settings(one.address, liar, other.address, samples=4), SystemClock())
    assert isinstance(event, ClockMeasured)
    assert verdicts(event) == {one.address: "used", liar: "false_ticker", other.address: "used"}
    assert abs(event.offset_ns) <= event.bound_ns
    (false,) = (source for source in event.sources if source.verdict == "false_ticker")
    assert false.offset_ns is not None
    assert abs(false.offset_ns / MS - 5000) < 250


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
    assert event.limit_ns == limit_ms * MS


async def test_a_liar_of_three_is_thrown_out_and_named() -> None:
    """With its offset and bound."""
    with time_server() as one, time_server(offset_s=5) as liar, time_server() as other:
        event = await measured(one, liar, other)
    assert verdicts(event) == {one.address: "used", liar.address: "false_ticker", other.address: "used"}
    assert abs(event.offset_ns) <= event.bound_ns


async def test_two_that_disagree_prove_nothing() -> None:
    """Both are told, with what they said; neither is called wrong."""
    with time_server() as one, time_server(offset_s=5) as other:
        event = await unavailable(one, other)
    assert verdicts(event) == {one.address: "no_majority", other.address: "no_majority"}
    assert "no majority" in event.cause
    assert "at least three servers" in event.cause
    assert all(source.offset_ns is not None for source in event.sources)


async def test_the_server_that_knows_best_is_taken() -> None:
    """Among those that agree, the one with the smallest bound."""
    with ExitStack() as stack:
        vague = stack.enter_context(time_server(offset_s=5, root_dispersion_s=8))
        close = stack.enter_context(time_server(offset_s=0.030))
        event = await measured(vague, close)
    assert event.server == close.address


async def test_a_long_way_back_is_in_the_bound() -> None:
    """An answer that takes 0.2 s on its way back shifts the offset by half of it, which the bound admits."""
    with time_server(delay_s=0.2) as server:
        event = await measured(server)
    assert event.bound_ns >= 100 * MS
    assert -event.bound_ns <= event.offset_ns < -50 * MS


async def test_of_several_samples_the_quickest_stands() -> None:
    """The server is asked as often as is set; one slow answer does not matter."""
    with time_server(delay_s=0.2) as server:

        class Once(SystemClock):
            """Let the second question find a quick server."""

            def now_ns(self) -> int:
                if server.asked:
                    server.delay_s = 0
                return super().now_ns()

        event = await measure_once(settings(server.address, samples=3), Once())
    assert server.asked == 3
    assert isinstance(event, ClockMeasured)
    assert event.bound_ns < 100 * MS


async def test_a_mute_server_costs_the_timeout_and_no_more() -> None:
    """The event names the server and the remedy."""
    before = time.monotonic()
    with time_server(mute=True) as server:
        event = await unavailable(server, timeout_s=0.3)
    assert time.monotonic() - before < 30
    assert "no time server answered" in event.cause
    assert "servers = [] to go without" in event.cause
    assert verdicts(event) == {server.address: "no_answer"}


async def test_a_mute_server_does_not_hide_one_that_answers() -> None:
    """They are asked at the same time; the mute one is told."""
    with time_server(mute=True) as mute, time_server(offset_s=0.030) as server:
        event = await measured(mute, server, timeout_s=3.0)
    assert event.server == server.address
    assert verdicts(event) == {mute.address: "no_answer", server.address: "used"}


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"stratum": 16}, "not synchronised"),
        ({"leap": 3}, "not synchronised"),
        ({"kiss": "DENY"}, "refuses to serve"),
        ({"forged": True}, "was not asked"),
        ({"timeless": True}, "gave no time"),
        ({"root_dispersion_s": 17.0}, "17 s from its reference clock"),
    ],
)
async def test_an_answer_that_proves_nothing_is_no_measurement(fault: dict[str, object], cause: str) -> None:
    """Unsynchronised, refusing, or answering somebody else's question."""
    with time_server(**fault) as server:
        event = await unavailable(server)
    assert cause in event.cause
    assert cause in event.sources[0].detail


@pytest.mark.parametrize(("kiss", "ever_again"), [("DENY", False), ("RSTR", False), ("RATE", True)])
async def test_who_refuses_is_spared(kiss: str, ever_again: bool) -> None:
    """DENY and RSTR for good, RATE for the longest pause; meanwhile the event says why it was not asked."""
    clock = ManualClock(now_ns=time.time_ns())
    with time_server(kiss=kiss) as server:
        own = settings(server.address)
        sources = TimeSources(own, clock)
        first = await measure_once(own, clock, sources)
        again = await measure_once(own, clock, sources)
        assert server.asked == 1
        clock.advance(own.every_max_s)
        clock.step(-own.every_max_s)
        await measure_once(own, clock, sources)
        assert server.asked == (2 if ever_again else 1)
    for event in (first, again):
        assert isinstance(event, ClockUnavailable)
        assert kiss in event.cause


async def test_more_sources_may_be_asked_for_than_one() -> None:
    """One answer of two, or a majority of one, is then no measurement."""
    with time_server() as one, time_server(mute=True) as mute, time_server(offset_s=5) as liar:
        await measured(one, mute, timeout_s=2.0)
        event = await unavailable(one, mute, timeout_s=2.0, min_sources=2)
        assert "1 of the time sources agree, and [clock] min_sources asks for 2" in event.cause
        with time_server() as other:
            assert verdicts(await measured(one, other, liar, min_sources=2))[liar.address] == "false_ticker"
            await unavailable(one, other, liar, min_sources=3)


async def test_a_clock_that_is_set_meanwhile_widens_the_bound() -> None:
    """By what the monotonic clock says that it was set by."""

    class Set(SystemClock):
        """Set forward by a second between question and answer."""

        def now_ns(self) -> int:
            return super().now_ns() + (1_000 * MS if server.asked else 0)

    with time_server() as server:
        event = await measure_once(settings(server.address), Set())
    assert isinstance(event, ClockMeasured)
    assert event.bound_ns >= 999 * MS


async def test_look_ups_that_hang_take_no_thread_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their servers keep one thread each; who writes files has all of the others, and the next ask is on time."""
    released = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: released.wait(60))
    own = settings("one.invalid", "two.invalid", timeout_s=0.05)
    sources = TimeSources(own, SystemClock())
    try:
        for _ in range(3):
            found = await measure_once(own, SystemClock(), sources)
            assert isinstance(found, ClockUnavailable)
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        released.set()


async def test_a_host_that_does_not_exist_is_told() -> None:
    """The name is in the event."""
    event = await measure_once(settings("clock.invalid"), SystemClock())
    assert isinstance(event, ClockUnavailable)
    assert "clock.invalid" in event.cause


async def test_chronyd_is_used_only_where_it_runs() -> None:
    """Set to auto and not there, it is passed over in silence; set to only, that is the finding."""
    with time_server() as server:
        event = await measured(server, chrony="auto", chrony_address="/nonexistent/chronyd.sock")
    assert list(verdicts(event)) == [server.address]
    alone = await unavailable(chrony="only", chrony_address="/nonexistent/chronyd.sock")
    assert verdicts(alone) == {"local chronyd": "no_answer"}
