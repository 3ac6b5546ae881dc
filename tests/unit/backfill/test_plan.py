"""What a backfill is made of: which leg, channels, instruments and sinks, or what is wrong with what was asked for."""

import pytest

from ticktrail.errors import ConfigError
from unit.backfill.archive import ONE_SINK, TWO_SINKS, backfill, composed

ROUTE = """\
[route]
kind = "hybrid"
primary = "new"
fallback = "old"
[providers.new]
"""


def series(job):
    return [(one.instrument, one.channel) for one in job.progress.job.series]


def test_everything_that_the_feed_has(tmp_path):
    """Every instrument, the channels of which there is a past, every sink, in the feed's order."""
    job = backfill(tmp_path, TWO_SINKS)
    assert series(job) == [("BTC/USDT", "trades"), ("ETH/USDT", "trades")]
    assert [sink.name for sink in job.plan.sinks] == ["one", "two"]
    assert job.plan.channels == {"trades"}


def test_the_first_leg_that_can(tmp_path):
    """A route's primary without an archive is passed over."""
    job = backfill(tmp_path, ROUTE + ONE_SINK)
    assert [leg.name for leg in job.plan.legs] == ["old"]
    assert job.plan.route.leg == "old"


def test_a_part_of_it(tmp_path):
    """Instruments and sinks by name; a backfill never drops what a sink is slow to take."""
    text = TWO_SINKS.replace('key = "two"', 'key = "two"\non_overflow = "drop_oldest"')
    job = backfill(tmp_path, text, instruments=["ETH/USDT"], sinks=["two"])
    assert series(job) == [("ETH/USDT", "trades")]
    assert [(sink.name, sink.on_overflow, sink.max_block_s) for sink in job.plan.sinks] == [
        ("two", "block", None)
    ]


@pytest.mark.parametrize(
    ("text", "asked", "says"),
    [
        (ONE_SINK, {"start_ns": 5, "end_ns": 5}, "--from must lie before --to"),
        (ONE_SINK, {"provider": "gone"}, 'no provider "gone"; it has old'),
        (ONE_SINK, {"instruments": ["BTC/USD"]}, 'no instrument "BTC/USD"; it has BTC/USDT, ETH/USDT'),
        (ONE_SINK, {"sinks": ["x"]}, 'no sink "x"; it has collecting'),
        (ONE_SINK, {"channels": ["quotes"]}, 'no history of "quotes"; it has trades'),
        (ONE_SINK, {"channels": ["trades", "nonsense"]}, 'no history of "nonsense"'),
        (ROUTE + ONE_SINK, {"provider": "new"}, '"new" has no history that could be fetched; `ticktrail check`'),
        (ONE_SINK.replace("old", "new"), {}, "any leg of the route has no history"),
        ("[providers.old]\n", {}, r"add a \[\[sinks\]\] table"),
    ],
)  # fmt: skip
def test_what_cannot_be(tmp_path, text, asked, says):
    """It is told what there is instead."""
    with pytest.raises(ConfigError, match=says):
        backfill(tmp_path, text, **asked)


def test_the_feed_itself_is_left_alone(tmp_path):
    """Rules, observers and limits are the feed's."""
    plan = composed(tmp_path)
    job = backfill(tmp_path)
    assert job.plan.rules == plan.rules
    assert [observer.spec.name for observer in job.plan.observers] == ["watching"]
    assert job.plan.limits == plan.limits
