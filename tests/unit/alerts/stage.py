"""A feed that stands as a test says, and alerts over it."""

from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import msgspec

from ticktrail.events import FeedStopped, FeedStopping
from ticktrail.health import InstrumentHealth, LegHealth
from ticktrail.model import Rejected, Trade, Violation
from ticktrail.plugin import ObserverContext, Routed
from ticktrail.report import Latency
from ticktrail.status import ClockStatus, FeedStatus, LegStatus, ObserverStatus, SinkStatus
from ticktrail_alerts.board import Board
from ticktrail_alerts.conditions import conditions_of
from ticktrail_alerts.finding import Look
from ticktrail_alerts.observer import open_alerts
from ticktrail_alerts.rule_settings import RulesSettings, rules_in_force
from ticktrail_alerts.settings import AlertSettings

START_NS = 1_800_000_000_000_000_000
NS = 1_000_000_000


class StageClock:
    """Time goes on when a test says so."""

    offset_ns = None

    def __init__(self):
        self.mono = 5_000 * NS

    def now_ns(self):
        return START_NS + self.mono

    def mono_ns(self):
        return self.mono

    def advance(self, seconds):
        self.mono += int(seconds * NS)


def leg(state="live", *, why="", latency_ms=5.0, retry_in_s=3.0):
    health = LegHealth(
        state=state,
        why=why,
        is_healthy=state == "live",
        last_update_ns=START_NS,
        consecutive_failures=0,
        uptime_pct=100.0,
        uptime_1h_pct=100.0,
        uptime_24h_pct=100.0,
        reject_rate=None,
        latency_ms=latency_ms,
        latency_drift_ms=None,
        silent_s={},
        instruments={
            "BTC/USDT": InstrumentHealth(state=state, reject_rate=None, last_update_ns=START_NS, silent_s={})
        },
    )
    return LegStatus(
        state=state,
        breaker="closed",
        failures=0,
        sessions=1,
        received=10,
        retry_in_s=retry_in_s,
        health=health,
    )


def sink(*, queued=0, bound=100, dropped=0, failed=None):
    return SinkStatus(queued=queued, bound=bound, written=10, dropped=dropped, failed=failed)


def observer(*, waiting=0, trouble=""):
    return ObserverStatus(waiting=waiting, bound=100, counts={}, trouble=trouble)


WELL = FeedStatus(
    feed="btc",
    at_ns=START_NS,
    legs={"one": leg(), "two": leg("resting")},
    route=(),
    delivered=10,
    rejected=0,
    suppressed=0,
    switches=0,
    last_switch=None,
    sinks={"jsonl": sink()},
    clock_offset_ns=None,
    instruments=("BTC/USDT", "ETH/USDT"),
    profile="development",
    channels=("trades",),
    started_ns=START_NS,
    speaking={"BTC/USDT": ["one"]},
    rejected_by={},
    flagged_by={},
    suppressed_by={},
    latency_us=Latency(p50=10.0, p99=100.0),
    clock=ClockStatus(
        is_measured=True,
        offset_ns=1_000_000,
        bound_ns=2_000_000,
        limit_ns=50_000_000,
        measured_at_ns=START_NS,
        breach="",
    ),
    observers={"compliance": observer(), "alerts": observer()},
)


STOPPED = FeedStopped(
    at_ns=START_NS, cause="requested", received={}, delivered={}, rejected={}, suppressed={}, undecodable=0
)


def but(**changes):
    """A feed that is well but for this."""
    return msgspec.structs.replace(WELL, **changes)


class Odd(Violation, frozen=True, tag="odd"):
    pass


class Rare(Violation, frozen=True, tag="rare"):
    pass


def trade(instrument="BTC/USDT"):
    return Trade(
        instrument=instrument,
        provider="one",
        event_ns=None,
        recv_ns=START_NS,
        id=1,
        price=Decimal(1),
        size=Decimal(1),
        side=None,
    )


ODD = (Odd(),)


def routed(*, good=0, bad=0, violations=ODD, instrument="BTC/USDT"):
    return Routed(
        provider="one",
        recv_ns=START_NS,
        delivered=[trade(instrument)] * good,
        rejected=[Rejected(tick=trade(instrument), violations=violations)] * bad,
    )


class Bench:
    """The rules and the board alone: time, status and records are a test's."""

    def __init__(self, table=None, **bounds):
        self.clock = StageClock()
        self.status = WELL
        rules = rules_in_force(msgspec.convert(table or {}, RulesSettings))
        self.conditions = {one.name: one for one in conditions_of(rules)}
        numbers = iter(range(1_000_000))
        self.board = Board(new_id=lambda: f"a{next(numbers)}", **bounds)

    def hear(self, *records):
        for record in records:
            for condition in self.conditions.values():
                if type(record) in condition.hears:
                    condition.hear(record, self.clock.mono_ns())

    def look(self, after_s=0.0):
        """Go on for so long, a look every second or so; returns what is told."""
        told = []
        left = after_s
        while True:
            step = min(1.0, left)
            self.clock.advance(step)
            left -= step
            look = Look(self.status, self.clock.mono_ns(), self.board.holds)
            found = [finding for one in self.conditions.values() for finding in one.look(look)]
            told += self.board.look(found, now_ns=self.clock.now_ns(), mono_ns=self.clock.mono_ns())
            if left <= 0:
                return told


class Watched:
    """What a test does to a feed that is watched by the whole plugin."""

    def __init__(self, base_dir, clock):
        self.clock = clock
        self.status = WELL
        self.base_dir = base_dir
        self.warned = []
        self.notices = []
        self.observer = None

    def tell(self, notice):
        self.notices.append(notice)

    async def hear(self, *records):
        await self.observer.observe(records)


@asynccontextmanager
async def watching(base_dir: Path, table, *, clock=None, feed="btc", torn=False):
    """Open the plugin over a feed, which is then stopped in good order, or torn down."""
    watched = Watched(base_dir, clock or StageClock())
    context = ObserverContext(
        feed=feed,
        clock=watched.clock,
        base_dir=base_dir,
        warn=watched.warned.append,
        tell=watched.tell,
        status=lambda: watched.status,
    )
    settings = msgspec.convert({"look_s": 0.05, "group_s": 0, **table}, AlertSettings)
    async with open_alerts(settings, context) as opened:
        watched.observer = opened
        yield watched
        if not torn:
            await opened.observe([FeedStopping(at_ns=START_NS, cause="requested"), STOPPED])


async def until(condition, seconds=30):
    """Wait until something is so."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await anyio.sleep(0.01)
