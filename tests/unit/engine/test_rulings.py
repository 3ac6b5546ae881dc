"""What an arbiter rules is looked at before it is carried out, and at the end every tick is asked for."""

import pytest

from ticktrail.errors import PluginError
from ticktrail.events import VenueTrouble
from ticktrail.plugin import (
    Forward,
    Lost,
    Publish,
    Reconnect,
    Rest,
    Settings,
    Suppress,
    Switch,
    Wake,
    route_spec,
)
from unit.engine.stage import STAGE, Collecting, Watching, feed, run
from unit.engine.test_isolation import ONE, ended, ten
from unit.host.installed import plugin

pytestmark = pytest.mark.anyio
ROUTE = ONE + '[route]\nkind = "odd"\nleg = "a"\n'


class RefSettings(Settings, frozen=True):
    leg: str


def ruling(rule):
    """Return plugins with a route kind whose node rules on a batch as it is told."""

    class Odd:
        up = True

        def on_batch(self, child, batch, now_ns):
            return rule(batch)

        def on_up(self, child, now_ns):
            return ()

        def on_down(self, child, cause, now_ns):
            return ()

        def deadline_ns(self):
            return None

        def drain(self):
            return ()

    def routes():
        return [
            route_spec(
                kind="odd",
                summary="",
                settings=RefSettings,
                children=lambda settings: (settings.leg,),
                open=lambda settings, context: Odd(),
            )
        ]

    return {"odd": plugin(ticktrail_routes=routes)}


def trouble(detail):
    return VenueTrouble(at_ns=1, provider="a", detail=detail, retry_in_s=None)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda batch: None, "it ruled a NoneType; a list of rulings is wanted"),
        (lambda batch: [7], "it ruled 7, which is no ruling"),
        (lambda batch: [Forward(batch.ticks)], "Forward has a "),
        (lambda batch: [Suppress(batch, 42)], "Suppress has 42 for a reason; a text is wanted"),
        (lambda batch: [Suppress(batch, "")], "Suppress has '' for a reason"),
        (lambda batch: [Switch(None, 9, "x", None)], "names the child 9, and there are those from 0 to 0"),
        (lambda batch: [Switch(-1, 0, "x", None)], "names the child -1"),
        (lambda batch: [Switch("", 0, "x", None)], "names the child ''"),
        (lambda batch: [Switch(None, 0, 7, None)], "Switch has 7 for a reason"),
        (lambda batch: [Switch(None, 0, "x", 0.5)], "Switch has silent_ns = 0.5"),
        (lambda batch: [Wake(1)], "names the child 1"),
        (lambda batch: [Rest("a")], "names the child 'a'"),
        (lambda batch: [Reconnect(0, None)], "Reconnect has None for a reason"),
        (lambda batch: [Publish("news")], "is at fault: "),
        (lambda batch: [Publish(trouble(42))], "Expected `str`, got `int` - at `$.detail`"),
        (lambda batch: 1 / 0, "failed by a defect of its own (ZeroDivisionError: division by zero)"),
    ],
)
async def test_a_ruling_that_cannot_be_carried_out_ends_the_feed(tmp_path, rule, said):
    """It is told whose fault it is; nothing of it is delivered or sealed."""
    STAGE.sinks, STAGE.observers = {"main": Collecting()}, {"main": Watching()}
    (error,) = await ended(feed(tmp_path, ROUTE, beside=ruling(rule), a=ten))
    assert isinstance(error, PluginError)
    assert "the route kind odd is at fault: " in str(error)
    assert said in str(error)
    assert STAGE.sinks["main"].ids == []


async def test_what_can_be_carried_out_is(tmp_path):
    """Every kind of ruling that there is."""
    STAGE.sinks, STAGE.observers = {"main": Collecting()}, {"main": Watching()}

    def rule(batch):
        quiet = Lost(batch.ticks[0].instrument, "quotes")
        return [Publish(trouble("x")), Wake(0), quiet, Switch(None, 0, "x", None), Forward(batch)]

    report = await run(feed(tmp_path, ROUTE, beside=ruling(rule), a=ten))
    assert STAGE.sinks["main"].ids == list(range(1, 11))
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            lambda batch: [Forward(batch)] if batch.ticks[0].id < 8 else [],
            "3 ticks were received, and nobody ruled",
        ),
        (
            lambda batch: [Forward(batch), Suppress(batch, "again")],
            "10 ticks were ruled on twice; a defect of odd",
        ),
    ],
)
async def test_a_tick_that_nobody_ruled_on_is_told(tmp_path, rule, said):
    """At the end of the run, in its report: nothing vanishes without a word."""
    STAGE.sinks, STAGE.observers = {"main": Collecting()}, {"main": Watching()}
    report = await run(feed(tmp_path, ROUTE, beside=ruling(rule), a=ten))
    (warning,) = report.warnings
    assert said in warning
