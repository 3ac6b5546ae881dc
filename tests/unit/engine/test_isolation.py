"""What a plugin raises ends its own part, or the feed where nobody else can do that part; it is told whose it was.

Legs, decoders, sinks and rules have their laws in `test_run.py` and `test_judge.py`, pages in the dashboard's tests.
"""

from contextlib import asynccontextmanager

import pytest

from ticktrail.errors import PluginError
from ticktrail.events import LegDown
from ticktrail.plugin import Settings, observer_spec, route_spec
from unit.engine.stage import STAGE, feed, run
from unit.host.installed import plugin

pytestmark = pytest.mark.anyio

ONE = """
[providers.a]
plugin = "scripted"
script = "a"
[[sinks]]
plugin = "collecting"
[watching]
"""


async def ten(session):
    session.up()
    for number in range(1, 11):
        await session.trades(number)


def leaves(error):
    for one in getattr(error, "exceptions", ()):
        yield from leaves(one)
    if not hasattr(error, "exceptions"):
        yield error


async def ended(plan):
    """Run the plan; returns what ended it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which, the caller looks at
        await run(plan)
    return list(leaves(caught.value))


async def test_an_observer_that_raises_whatever_halts_the_feed(tmp_path):
    """What cannot be recorded must not flow, be the error ours or not."""

    class Broken:
        async def observe(self, records):
            raise LookupError("mine")

        def summary(self):
            return {}

    @asynccontextmanager
    async def open_observer(settings, context):
        yield Broken()

    def observers():
        return [
            observer_spec(
                name="broken", summary="", settings=Settings, open=open_observer, report_key="broken"
            )
        ]

    beside = {"broken": plugin(ticktrail_observers=observers)}
    (error,) = await ended(feed(tmp_path, ONE + "[broken]\n", beside=beside, a=ten))
    assert isinstance(error, LookupError)


async def test_an_arbiter_that_raises_ends_the_feed(tmp_path):
    """Nobody else can say who speaks."""

    class RefSettings(Settings, frozen=True):
        leg: str

    class Broken:
        up = True

        def on_up(self, child, now_ns):
            raise LookupError("mine")

        def deadline_ns(self):
            return None

    def routes():
        return [
            route_spec(
                kind="broken",
                summary="",
                settings=RefSettings,
                children=lambda settings: (settings.leg,),
                open=lambda settings, context: Broken(),
            )
        ]

    beside = {"broken": plugin(ticktrail_routes=routes)}
    (error,) = await ended(
        feed(tmp_path, ONE + '[route]\nkind = "broken"\nleg = "a"\n', beside=beside, a=ten)
    )
    assert isinstance(error, PluginError)
    assert (
        "the route kind broken is at fault: on_up failed by a defect of its own (LookupError: mine)"
        in str(error)
    )


async def test_a_leg_with_a_defect_is_told_with_its_cause(tmp_path):
    """`defect`, so that a program can tell it from a venue that is gone."""

    async def broken(session):
        session.up()
        raise ZeroDivisionError("oops")

    await ended(feed(tmp_path, ONE, a=broken))
    (down,) = [one for one in STAGE.observers["main"].records if isinstance(one, LegDown)]
    assert (down.cause, down.permanent) == ("defect", True)
