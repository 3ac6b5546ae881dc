"""The status says when a leg that is down is tried again."""

import anyio
import pytest

from ticktrail.errors import PermanentError, TransientError
from unit.engine.changing import HEAD, TWO, Market, running
from unit.engine.stage import feed

pytestmark = pytest.mark.anyio

LEGS = TWO.replace(
    '[providers.b]\nplugin = "scripted"\nscript = "a"', '[providers.b]\nplugin = "scripted"\nscript = "b"'
)


def failing(error):
    async def script(session):
        raise error

    return script


async def legs_of(told, wanted):
    while True:
        legs = (await told.status())["legs"]
        if wanted(legs["b"]):
            return legs
        await anyio.sleep(0.005)


async def test_a_leg_that_is_down_says_when_it_is_tried_again(tmp_path):
    """In seconds from now, its breaker's rest included; one that is up does not wait."""
    slow = HEAD.replace("rest_s = 0.002", "rest_s = 50\nrest_after_failures = 3\nopen_after_failures = 2")
    error = TransientError("cut", provider="b", cause="cut")
    async with running(tmp_path, feed(tmp_path, LEGS, head=slow, a=Market(), b=failing(error))) as told:
        legs = await legs_of(told, lambda leg: leg["failures"] == 3 and leg["retry_in_s"])
        assert 30 < legs["b"]["retry_in_s"] <= 60
        assert legs["b"]["breaker"] == "open"
        assert legs["a"]["retry_in_s"] is None
        await told.tell("rest", leg="b")
        assert (await told.status())["legs"]["b"]["retry_in_s"] is None


async def test_a_leg_that_is_not_tried_again_says_no_time(tmp_path):
    """Only a person's word will have it tried."""
    error = PermanentError("refused", provider="b", cause="refused")
    async with running(tmp_path, feed(tmp_path, LEGS, head=HEAD, a=Market(), b=failing(error))) as told:
        legs = await legs_of(told, lambda leg: leg["breaker"] == "open")
        assert legs["b"]["retry_in_s"] is None
