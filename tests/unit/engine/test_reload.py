"""A feed goes by other settings while it runs: all of them or none, and no tick of what stays is lost or repeated."""

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ticktrail.errors import PermanentError
from ticktrail.events import ControlOrdered, FeedReloaded, LegDown, LegSwitched, LegUp
from ticktrail.model import Gap
from ticktrail.plugin import Routed
from unit.engine.changing import (
    CANARY,
    HEAD,
    MERGE,
    NAMES,
    NESTED,
    ONE,
    PROVIDERS,
    SPLIT,
    TWO,
    Market,
    assert_accounted,
    assert_asked_for,
    assert_whole,
    running,
    trades_of,
    until,
)
from unit.engine.stage import STAGE, Stage, feed

BTC, ETH, SOL, XRP = NAMES


def seen():
    return STAGE.sinks["main"].ticks if "main" in STAGE.sinks else []


def records(kind):
    return [record for record in STAGE.observers["main"].records if type(record) is kind]


async def comes(name, more=20):
    """Wait for trades of an instrument beyond those that were delivered."""
    count = len(trades_of(seen(), name)) + more
    await until(lambda: len(trades_of(seen(), name)) >= count)


def assert_the_laws(told):
    """Nothing lost or repeated, nothing that nobody asked for, and no tick judged by rules that do not know it."""
    assert not told.runner.report().rejected
    everything = STAGE.observers["main"].records
    assert_whole(everything)
    assert_asked_for(everything, {BTC, ETH})
    assert_accounted(told.runner.report())


@pytest.mark.anyio
@pytest.mark.parametrize("legs", [ONE, TWO], ids=["one leg", "hybrid"])
async def test_an_instrument_comes_and_goes(tmp_path, legs):
    """What is added is delivered, what is removed no more; what stays has its hole marked, and nothing twice."""
    async with running(tmp_path, feed(tmp_path, legs, HEAD, a=Market())) as told:
        await comes(ETH)
        answer = await told.tell("subscribe", instruments=[SOL], reason="wanted")
        assert answer["applied"] == ["[feed] instruments: +SOL/USDT"]
        await comes(SOL)
        assert (await told.status())["instruments"] == [BTC, ETH, SOL]
        await told.tell("unsubscribe", instruments=[ETH])
        await comes(BTC, 200)
        ended = len(trades_of(seen(), ETH))
        await comes(BTC, 200)
        assert len(trades_of(seen(), ETH)) == ended
    assert_the_laws(told)
    assert told.runner.report().switches == ()
    assert any(type(tick) is Gap and tick.cause == "reconnect" for tick in seen())
    first, second = records(FeedReloaded)
    assert (first.added, first.removed, second.added, second.removed) == ([SOL], [], [], [ETH])
    assert SOL in first.plan
    assert ETH not in second.plan
    assert [order.order for order in records(ControlOrdered)] == ["subscribe", "unsubscribe"]
    assert {down.cause for down in records(LegDown) if down.cause != "ended"} == {"renewed"}


@pytest.mark.anyio
@pytest.mark.parametrize("route", [MERGE, CANARY, SPLIT, NESTED], ids=["merge", "canary", "split", "nested"])
async def test_every_kind_of_route_takes_it(tmp_path, route):
    """The laws are the same; and a leg of it can be drained where another one brings the same."""
    async with running(tmp_path, feed(tmp_path, PROVIDERS + ONE, route + HEAD, a=Market())) as told:
        await comes(ETH)
        await told.tell("subscribe", instruments=[XRP, SOL])
        await comes(SOL)
        await told.tell("unsubscribe", instruments=[ETH, XRP])
        await comes(SOL)
        await told.tell("subscribe", instruments=[ETH])
        await comes(ETH)
        alone = route is SPLIT  # nobody but a brings its part
        await told.tell("drain", leg="b")
        await told.tell("drain", leg="a", done=False if alone else None)
        await told.tell("wake", leg="b")
        await comes(BTC)
    assert_the_laws(told)


@pytest.mark.anyio
async def test_one_that_comes_back_begins_anew(tmp_path):
    """Its past is forgotten: no gap for the time in which nobody asked for it."""
    async with running(tmp_path, feed(tmp_path, ONE, HEAD, a=Market())) as told:
        await comes(ETH)
        await told.tell("unsubscribe", instruments=[ETH])
        await comes(BTC, 300)
        before = len(seen())
        await told.tell("subscribe", instruments=[ETH])
        await comes(ETH)
    back = [tick for tick in seen()[before:] if tick.instrument == ETH]
    assert not any(type(tick) is Gap for tick in back)
    assert_the_laws(told)


@pytest.mark.anyio
async def test_limits_change_and_no_leg_is_opened_anew(tmp_path):
    """The rules judge by them from the next batch on."""
    async with running(tmp_path, feed(tmp_path, ONE, HEAD, a=Market("100.00"))) as told:
        await comes(BTC)
        told.rewrite("[validation]\n", '[validation]\nmax_price = "50"\nquality_every_s = 60\n')
        before = (await told.status())["settings_sha256"]
        answer = await told.tell("reload")
        assert answer["applied"] == ["[validation] max_price added", "[validation] quality_every_s added"]
        after = (await told.status())["settings_sha256"]
        await until(lambda: told.runner.tally.rejected_ticks > 50)
        told.rewrite('max_price = "50"\n', "")
        await told.tell("reload")
        await comes(BTC)
    one = records(FeedReloaded)[0]
    assert (one.from_sha256, one.to_sha256) == (before, after)
    assert before != after
    assert len(records(LegUp)) == 1
    everything = STAGE.observers["main"].records
    first, second = (everything.index(one) for one in records(FeedReloaded))
    between = [record for record in everything[first:second] if type(record) is Routed]
    while not between[0].rejected:  # it was judged before
        del between[0]
    assert not any(record.delivered for record in between)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('name = "changing"', 'name = "other"', "[feed] name: changed, which needs a restart"),
        ('script = "a"', 'script = "b"', "[providers.a] script: changed, which needs a restart"),
        ("[control]", '[control]\nsocket = "x.sock"', "[control] socket: added, which needs a restart"),
        ("[[sinks]]", '[[sinks]]\nname = "x"', "name: added, which needs a restart"),
        ("[watching]\n", "", "[watching]: taken out, which needs a restart"),
        ("max_age_s", "max_agee_s", "did you mean max_age_s?"),
        ("[control]", "[control", "is not valid TOML"),
        ('channels = ["trades"]', 'channels = ["book"]', 'leg "a" cannot give book'),
    ],
)
async def test_what_cannot_be_applied_changes_nothing(tmp_path, before, after, why):
    """Not even what stands beside it and could be: the refusal names each key with its line."""
    async with running(tmp_path, feed(tmp_path, ONE, HEAD, a=Market(), b=Market())) as told:
        await comes(BTC)
        was = await told.status()
        told.rewrite('"ETH/USDT"]', '"ETH/USDT", "SOL/USDT"]')
        told.rewrite(before, after)
        answer = await told.tell("reload", done=False)
        assert why in answer["error"]
        assert f"{tmp_path / 'feed.toml'}:" in answer["error"]
        assert all(why in answer["error"] for problem in answer["problems"])
        await comes(BTC)
        now = await told.status()
    assert (now["settings_sha256"], now["instruments"]) == (was["settings_sha256"], was["instruments"])
    assert not records(FeedReloaded)
    assert len(records(LegUp)) == 1
    (order,) = records(ControlOrdered)
    assert not order.done
    assert why in order.error


@pytest.mark.anyio
async def test_a_preview_tells_both_and_does_nothing(tmp_path):
    """What would be applied, and what refuses; it is no order."""
    async with running(tmp_path, feed(tmp_path, ONE, HEAD, a=Market())) as told:
        await comes(BTC)
        told.rewrite('["BTC/USDT", "ETH/USDT"]', '["BTC/USDT", "SOL/USDT"]')
        answer = await told.tell("preview")
        assert answer["applied"] == ["[feed] instruments: +SOL/USDT -ETH/USDT"]
        told.rewrite('name = "changing"', 'name = "other"')
        answer = await told.tell("preview", done=False)
        assert answer["applied"]
        assert "[feed] name" in answer["problems"][0]
        assert (await told.status())["instruments"] == [BTC, ETH]
    assert not records(FeedReloaded)
    assert not records(ControlOrdered)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("do", "names", "why"),
    [
        ("subscribe", [BTC], "the feed has BTC/USDT already"),
        ("unsubscribe", [SOL], "the feed has no SOL/USDT"),
        ("unsubscribe", [BTC, ETH], "no instrument left"),
        ("subscribe", [], "name at least one instrument"),
        ("subscribe", [" "], "without spaces around it"),
    ],
)
async def test_an_order_of_nonsense_is_refused(tmp_path, do, names, why):
    """With what is the matter."""
    async with running(tmp_path, feed(tmp_path, ONE, HEAD, a=Market())) as told:
        assert why in (await told.tell(do, instruments=names, done=False))["error"]
    assert not records(FeedReloaded)


@pytest.mark.anyio
async def test_a_resting_leg_takes_it_when_it_wakes(tmp_path):
    """And not before; meanwhile the other brings the new instrument."""
    async with running(tmp_path, feed(tmp_path, TWO, HEAD, a=Market())) as told:
        await comes(BTC)
        await until(lambda: STAGE.sessions["b"] == 1)
        await told.tell("rest", leg="b")
        await told.tell("subscribe", instruments=[SOL])
        await comes(SOL)
        assert STAGE.sessions["b"] == 1
        await told.tell("wake", leg="b")
        await until(lambda: STAGE.sessions["b"] == 2)
        await comes(BTC, 100)
        await told.tell("drain", leg="a")
        await comes(SOL)
    assert_the_laws(told)


@pytest.mark.anyio
async def test_a_leg_that_was_given_up_is_tried_again(tmp_path):
    """What its venue refused for good is not asked for any more."""
    market = Market()

    async def picky(session):
        if ETH in session.instruments:
            raise PermanentError("ETH/USDT is not listed", provider=session.name)
        await market(session)

    legs = TWO.replace('script = "a"', 'script = "picky"', 1)
    async with running(tmp_path, feed(tmp_path, legs, HEAD, a=market, picky=picky)) as told:
        await comes(BTC)
        await until(lambda: [down.permanent for down in records(LegDown)] == [True])
        await told.tell("unsubscribe", instruments=[ETH])
        await until(lambda: STAGE.sessions["b"] == 2)
        await comes(BTC, 100)
        await told.tell("drain", leg="a")
        await comes(BTC)
    assert_the_laws(told)


@pytest.mark.anyio
async def test_a_table_of_its_own_keeps_an_instrument(tmp_path):
    """The file would have a fault without it, which is told as any other."""
    head = HEAD.replace("[backoff]", '[validation.instruments."ETH/USDT"]\nmax_price = "1000"\n[backoff]')
    async with running(tmp_path, feed(tmp_path, ONE, head, a=Market())) as told:
        await comes(ETH)
        answer = await told.tell("unsubscribe", instruments=[ETH], done=False)
        assert "the feed has no such instrument" in answer["error"]
        await comes(ETH)
    assert not records(FeedReloaded)


@pytest.mark.anyio
async def test_a_pin_is_of_an_instrument_that_the_feed_has(tmp_path):
    """One that goes is unpinned: when it comes back, the route decides."""
    async with running(tmp_path, feed(tmp_path, TWO, HEAD, a=Market())) as told:
        await comes(BTC)
        await until(lambda: STAGE.sessions["b"] == 1)
        await told.tell("pin", leg="b", instruments=[ETH])
        await until(lambda: len(records(LegSwitched)) == 1)
        await told.tell("unsubscribe", instruments=[ETH])
        await comes(BTC)
        await told.tell("subscribe", instruments=[ETH])
        await comes(ETH)
        (node,) = (await told.status())["route"]
        assert node["speakers"] == {"a": 2, "b": 0}
    assert len(records(LegSwitched)) == 1


@pytest.mark.anyio
async def test_a_leg_is_drained(tmp_path):
    """The other speaks before it closes: no tick is lost or repeated, and no hole is marked."""
    async with running(tmp_path, feed(tmp_path, TWO, HEAD, a=Market())) as told:
        await comes(BTC, 100)
        await until(lambda: STAGE.sessions["b"] == 1)
        await comes(BTC, 100)
        await told.tell("drain", leg="a", reason="maintenance")
        await comes(BTC, 100)
        status = await told.status()
        assert status["legs"]["a"]["state"] == "resting"
        assert "nobody can take over from b" in (await told.tell("drain", leg="b", done=False))["error"]
        assert (await told.status())["legs"]["b"]["state"] == "live"
        await told.tell("wake", leg="a")
        await until(lambda: STAGE.sessions["a"] == 2)
        await comes(BTC, 100)
        await told.tell("drain", leg="b")
        await comes(BTC)
    assert_the_laws(told)
    assert not any(type(tick) is Gap for tick in seen())
    assert [(one.to_leg, one.cause) for one in records(LegSwitched)] == [
        ("b", "by hand: drain"),
        ("a", "by hand: drain"),
    ]


@pytest.mark.anyio
async def test_the_only_leg_is_not_drained(tmp_path):
    """Nobody could take over."""
    async with running(tmp_path, feed(tmp_path, ONE, HEAD, a=Market())) as told:
        await comes(BTC)
        answer = await told.tell("drain", leg="a", done=False)
        assert "nobody can take over from a" in answer["error"]
        assert "ctl rest" in answer["error"]
        await comes(BTC)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("toggle"), st.sampled_from((ETH, SOL, XRP))),
        st.tuples(st.just("limit"), st.sampled_from(("150", "200", "300"))),
        st.tuples(st.just("flow"), st.integers(1, 40)),
        st.tuples(st.just("drain"), st.sampled_from("ab")),
    ),
    min_size=3,
    max_size=10,
)


@pytest.mark.parametrize("backend", ["trio", "asyncio"])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_whatever_is_told_what_stays_is_whole(tmp_path_factory, backend, steps):
    """Any sequence of changes under flowing data: each id once or in a gap, and every tick accounted for."""
    anyio.run(_change_at_random, tmp_path_factory.mktemp("feed"), steps, backend=backend)


async def _change_at_random(tmp_path, steps):
    STAGE.__dict__.update(Stage().__dict__)
    market, has, limit = Market("100.00"), {BTC, ETH}, None
    async with running(tmp_path, feed(tmp_path, TWO, HEAD, a=market)) as told:
        await comes(BTC, 1)
        for what, which in steps:
            if what == "toggle":
                await told.tell("unsubscribe" if which in has else "subscribe", instruments=[which])
                has ^= {which}
            elif what == "flow":
                await anyio.sleep(which / 1000)
            elif what == "drain":
                await told.tell("wake", leg="ab".replace(which, ""))
                await told.tell("drain", leg=which, done=None)
            else:
                text = told.path.read_text().replace(f'max_price = "{limit}"\n', "")
                listed = ", ".join(f'"{name}"' for name in NAMES if name in has)
                head, _, rest = text.partition("instruments = [")
                text = f"{head}instruments = [{listed}]{rest.partition(']')[2]}"
                limit = which
                told.path.write_text(text.replace("[validation]\n", f'[validation]\nmax_price = "{limit}"\n'))
                await told.tell("reload")
        await told.tell("wake", leg="a")
        await comes(BTC)
    assert_the_laws(told)
