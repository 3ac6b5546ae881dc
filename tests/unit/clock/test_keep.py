"""The loop of measuring: what it publishes, when it warns, and when it says that the feed must halt."""

from collections.abc import Callable

import anyio
import pytest

from ticktrail._clock.keep import keep_measuring
from ticktrail._plan.clock import ClockSettings
from ticktrail.errors import ClockError
from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockStepped,
    ClockUnavailable,
    Event,
)
from ticktrail.plugin import SystemClock
from time_servers import time_server

pytestmark = pytest.mark.anyio
MS = 1_000_000
LIMIT_S = 20


def settings(*servers: str, **more: object) -> ClockSettings:
    quick = {"chrony": "off", "timeout_s": 2.0, "every_min_s": 0.01, "every_max_s": 0.01}
    return ClockSettings(servers=servers, **{**quick, **more})  # type: ignore[arg-type]


class Kept:
    """What the loop said; `until` waits for a state of it."""

    def __init__(self, own: ClockSettings) -> None:
        self.settings = own
        self.clock = SystemClock()
        self.events: list[Event] = []
        self.warnings: list[str] = []
        self.halts: list[ClockError] = []
        self.started = False
        self._changed = anyio.Event()

    async def run_until(self, done: Callable[[], bool]) -> None:
        """Run until `done` is true, which is asked again after each event; then the loop is cancelled."""
        with anyio.fail_after(LIMIT_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._run, tasks)
                while not done():
                    await self._changed.wait()
                    self._changed = anyio.Event()
                tasks.cancel_scope.cancel()

    async def _run(self, tasks: anyio.abc.TaskGroup) -> None:
        await tasks.start(self._keep)
        self.started = True
        self._changed.set()

    async def _keep(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        await keep_measuring(
            self.settings,
            self.clock,
            self._publish,
            warn=self.warnings.append,
            halt=self._halt,
            task_status=task_status,
        )

    def _publish(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    def _halt(self, error: ClockError) -> None:
        self.halts.append(error)
        self._changed.set()

    @property
    def kinds(self) -> list[type]:
        return [type(event) for event in self.events]


async def test_the_clock_learns_its_offset_again_and_again() -> None:
    """Each round publishes a measurement and sets the clock."""
    with time_server(offset_s=1.0) as server:
        kept = Kept(settings(server.address, max_offset_ms=5000))
        await kept.run_until(lambda: kept.kinds.count(ClockMeasured) == 3)
    assert kept.clock.offset_ns is not None
    assert kept.clock.bound_ns is not None
    assert abs(kept.clock.offset_ns - 1_000 * MS) <= kept.clock.bound_ns < 250 * MS
    assert (kept.warnings, kept.halts) == ([], [])


async def test_the_feed_may_begin_after_the_first_measurement() -> None:
    """Not before it, and not later."""
    with time_server() as server:
        kept = Kept(settings(server.address, every_min_s=60, every_max_s=60))
        await kept.run_until(lambda: kept.started)
    assert kept.kinds == [ClockMeasured]


async def test_the_feed_may_begin_after_the_timeout() -> None:
    """Where nobody answers."""
    with time_server(mute=True) as server:
        kept = Kept(settings(server.address, timeout_s=0.2, every_min_s=60, every_max_s=60))
        await kept.run_until(lambda: kept.started)
    assert kept.kinds == [ClockUnavailable]
    assert "could not be measured at the start: no time server answered" in kept.warnings[0]


async def test_the_last_offset_stays_when_servers_fall_silent() -> None:
    """An old measurement is better than none; the event says that it could not be renewed."""
    with time_server(mute=True) as server:
        kept = Kept(settings(server.address, timeout_s=0.1))
        kept.clock.offset_ns = 42
        await kept.run_until(lambda: bool(kept.events))
    assert kept.kinds == [ClockUnavailable]
    assert kept.clock.offset_ns == 42


async def test_no_servers_means_no_measurement() -> None:
    """It returns, and the offset stays unknown."""
    kept = Kept(settings())
    with anyio.fail_after(LIMIT_S):
        await kept.run_until(lambda: kept.started)
    assert kept.events == []
    assert kept.clock.offset_ns is None


async def test_a_step_and_a_breach_are_flagged_and_the_feed_goes_on() -> None:
    """The server jumps by a second and back: step, breach begun, step, breach ended; nothing halts."""
    with time_server() as server:
        kept = Kept(settings(server.address, max_offset_ms=500))

        def is_over() -> bool:
            """Shift the server once the clock was measured, and back once the breach has begun."""
            if kept.events and not server.offset_s and ClockBreachBegun not in kept.kinds:
                server.offset_s = 1.0
            elif ClockBreachBegun in kept.kinds:
                server.offset_s = 0.0
            return ClockBreachEnded in kept.kinds

        await kept.run_until(is_over)
    assert kept.kinds.count(ClockStepped) == 2
    assert kept.halts == []


async def test_a_breach_halts_where_set() -> None:
    """At the first measurement already; the error says by how much, and what to do."""
    with time_server(offset_s=1.0) as server:
        kept = Kept(settings(server.address, max_offset_ms=500, on_unsynchronised="halt"))
        await kept.run_until(lambda: bool(kept.halts))
    assert kept.kinds == [ClockMeasured, ClockBreachBegun]
    assert "out of tolerance: offset +" in str(kept.halts[0])
    assert "max_offset_ms = 500" in str(kept.halts[0])


async def test_a_clock_that_cannot_be_measured_at_the_start_halts_where_set() -> None:
    """The feed does not start."""
    with time_server(mute=True) as server:
        kept = Kept(settings(server.address, timeout_s=0.1, on_unsynchronised="halt"))
        await kept.run_until(lambda: bool(kept.halts))
    assert kept.kinds == [ClockUnavailable]
    assert "the feed does not start" in str(kept.halts[0])


@pytest.mark.parametrize("how", ["halt", "flag"])
async def test_too_long_without_a_measurement(how: str) -> None:
    """It halts or is flagged at `max_unmeasured_s` after the last answer."""
    with time_server() as server:
        own = settings(
            server.address,
            every_min_s=0.1,
            every_max_s=0.1,
            timeout_s=0.1,
            max_unmeasured_s=0.5,
            on_unsynchronised=how,
        )
        kept = Kept(own)

        def is_over() -> bool:
            """Let the server fall silent after its first answer."""
            server.mute = bool(kept.events)
            return bool(kept.halts) if how == "halt" else ClockBreachBegun in kept.kinds

        await kept.run_until(is_over)
    assert [kind for kind in kept.kinds if kind is not ClockUnavailable] == [ClockMeasured, ClockBreachBegun]
    assert len(kept.halts) == (how == "halt")
    assert not kept.halts or "no valid measurement for 0.5 s" in str(kept.halts[0])


async def test_a_limit_below_the_bound_is_warned_of_once() -> None:
    """0.1 ms cannot be proven by a server that admits to 20 ms."""
    with time_server(root_dispersion_s=0.020) as server:
        kept = Kept(settings(server.address, max_offset_ms=0.1))
        await kept.run_until(lambda: kept.kinds.count(ClockMeasured) == 3)
    assert len(kept.warnings) == 1
    assert "max_offset_ms = 0.1 cannot be proven" in kept.warnings[0]


async def test_one_failed_measurement_leaves_a_sound_clock_in_peace() -> None:
    """Half of `max_unmeasured_s` is the longest pause, whatever `every_max_s` says."""
    with time_server() as server:
        kept = Kept(
            settings(
                server.address,
                every_min_s=0.1,
                every_max_s=600,
                timeout_s=0.9,
                max_unmeasured_s=2.0,
                max_offset_ms=5000,
                on_unsynchronised="halt",
            )
        )
        await kept.run_until(lambda: kept.kinds.count(ClockMeasured) == 6)
    assert set(kept.kinds) == {ClockMeasured}
    assert kept.halts == []


async def test_chronyd_alone_has_its_own_remedy() -> None:
    """Servers would not help where only chronyd is asked."""
    kept = Kept(
        settings(
            chrony="only",
            chrony_address="/nonexistent/chronyd.sock",
            on_unsynchronised="flag",
        )
    )
    await kept.run_until(lambda: bool(kept.warnings))
    assert "see `chronyc tracking`" in kept.warnings[0]
    assert "servers" not in kept.warnings[0]


async def test_a_measurement_under_way_does_not_hold_up_the_alarm() -> None:
    """The last one holds no more while servers are still waited for: it is told then, not when they have timed out."""
    with time_server() as server:
        kept = Kept(
            settings(
                server.address,
                every_min_s=0.1,
                every_max_s=0.1,
                timeout_s=1.0,
                max_unmeasured_s=2.6,
                on_unsynchronised="halt",
            )
        )

        def is_over() -> bool:
            """Let the server fall silent after its first answer."""
            server.mute = bool(kept.events)
            return bool(kept.halts)

        await kept.run_until(is_over)
    assert kept.kinds[0] is ClockMeasured
    assert kept.kinds[-1] is ClockBreachBegun
    assert kept.kinds.count(ClockUnavailable) <= 2, "the third goes on from 2.3 s to 3.3 s"
    assert "no valid measurement for 2.6 s" in str(kept.halts[0])
