"""Write a small audit log, and reach into its database as an attacker would."""

import sqlite3
from contextlib import contextmanager

from ticktrail.events import LegDown, LegUp
from ticktrail.model import Rejected, Suppressed, Violation
from ticktrail.plugin import ObserverContext, Routed, Secret
from ticktrail.testing import ManualClock, make_quote, make_trade
from ticktrail_compliance.observer import open_audit
from ticktrail_compliance.opening import open_log
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.verify import verify

NOW_NS = 1_790_000_000_000_000_000


class TooBig(Violation, frozen=True, tag="too_big"):
    size: int


def settings(**more):
    return ComplianceSettings(**{"key": Secret(file="audit.key"), "segment_ticks": 4, **more})


def context(folder, clock=None, warn=lambda _: None):
    clock = clock or ManualClock()
    return ObserverContext(feed="test", clock=clock, base_dir=folder, warn=warn)


def routed(number, *, rejected=0, suppressed=0):
    """A batch of two ticks that are delivered, and more that are not."""
    return Routed(
        provider="leg",
        recv_ns=NOW_NS + number,
        delivered=[make_trade("61837.63000000", id=number), make_quote("1.10", "1.20")],
        rejected=[
            Rejected(tick=make_trade("9e9", id=number + n), violations=(TooBig(size=n),))
            for n in range(rejected)
        ],
        suppressed=[Suppressed(reason="standby", ticks=[make_trade("2", id=n)]) for n in range(suppressed)],
    )


def up(number=0):
    return LegUp(at_ns=NOW_NS + number, provider="leg", reconnects=number)


def down(number=0):
    return LegDown(
        at_ns=NOW_NS + number,
        provider="leg",
        cause="cut",
        detail="cut by the server",
        permanent=False,
        failures=1,
        retry_in_s=0.5,
    )


async def write(folder, records, *, clock=None, warn=lambda _: None, **more):
    """Record everything in one run, and return the counts."""
    async with open_audit(settings(**more), context(folder, clock, warn)) as observer:
        await observer.observe(records)
    return observer.summary()


async def sample(folder):
    """A log with six entries: event, two segments, event, a segment, event."""
    return await write(
        folder, [up(1), routed(1), routed(2), routed(3, rejected=2), down(4), routed(5, suppressed=1), up(6)]
    )


def opened(folder, *, write=False, **more):
    return open_log(settings(**more), folder, write=write, now_ns=NOW_NS, warn=lambda _: None)


def verified(folder, **more):
    with opened(folder, **more) as log:
        return verify(log)


@contextmanager
def attacked(folder, name="audit.db"):
    """The database, open to be changed behind the program's back."""
    connection = sqlite3.connect(folder / name)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()
