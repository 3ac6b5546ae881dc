"""A candidate: what it gets, when it loses it, and that one which is as good keeps it."""

import contextlib
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from ticktrail._routes.canary import CANDIDATE, INCUMBENT, CanaryArbiter, CanarySettings, hundredth_of
from ticktrail.errors import RouteError
from ticktrail.events import CanaryMoved
from ticktrail.plugin import Order, Publish, Reconnect, RouteContext
from unit.routes.laws import BTC, ETH, LIMITS_S, NAMES, SOL, NodeLaws, S, Stage, forwarded, moves, trade

MANY = tuple(f"C{number}/USDT" for number in range(2_000))


def arbiter(*, instruments=NAMES, **more):
    table = {
        "incumbent": "a",
        "candidate": "b",
        "stale_after_s": LIMITS_S,
        "overlap_s": 0.5,
        "failback_after_s": 3.0,
        **more,
    }
    context = RouteContext(
        children=("a", "b"), channels=frozenset({"trades", "quotes"}), instruments=instruments
    )
    return CanaryArbiter(CanarySettings(**table), context)


def told(rulings):
    return [ruling.event for ruling in rulings if isinstance(ruling, Publish)]


def test_a_share_is_of_the_instruments_and_grows():
    """Ten, fifty, a hundred per cent by their names; those of a smaller share stay in a larger one."""
    stage = Stage(arbiter(instruments=MANY))
    had = set()
    for share, number in ((10, 100), (50, 500), (100, 1000)):
        if share > 10:
            stage.take(stage.node.steer(Order(action="promote"), number * S))
        has = {name for name in MANY if stage.node._hand.speaks(name) == CANDIDATE}
        assert had <= has
        assert abs(len(has) / len(MANY) * 100 - share) < 3
        had = has
    with pytest.raises(RouteError, match="its last share already, 100 %"):
        stage.node.steer(Order(action="promote"), 2_000 * S)
    stage.take(stage.node.steer(Order(action="roll_back"), 3_000 * S))
    assert all(stage.node._hand.speaks(name) == INCUMBENT for name in MANY)


def test_a_candidate_speaks_on_while_the_incumbent_has_not_come():
    """When its time is over, the word does not go to one that was never there."""
    node = arbiter(by="time", period_s=10.0, steps=(50.0, 100.0))
    node.on_up(CANDIDATE, 0)
    rulings = [ruling for second in range(1, 30) for ruling in node.on_time(second * S)]
    assert moves(rulings) == []
    assert node.on_up(INCUMBENT, 38 * S)
    assert node._hand.speaks(BTC) == INCUMBENT


def test_a_name_has_its_place_for_ever():
    """What the documentation says of a share is true in the next release as well."""
    assert [round(hundredth_of(name), 2) for name in NAMES] == [30.27, 83.67, 0.98]


def test_a_share_of_the_time():
    """For all instruments, in the first part of each period."""
    stage = Stage(arbiter(by="time", period_s=10.0, steps=(20.0,)))
    has = []
    for tenth in range(1, 300):
        stage.time(tenth / 10)
        has.append({stage.node._hand.speaks(name) for name in NAMES})
    assert all(len(one) == 1 for one in has)
    assert abs(sum(one == {CANDIDATE} for one in has) / len(has) - 0.2) < 0.02


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("base", [0.0, 0.01])
@pytest.mark.parametrize("worse", [0.0, 0.01])
def test_one_per_cent_worse_is_rolled_back_and_as_good_is_not(seed, base, worse):
    """Within a window of five minutes at a hundred ticks a second, and never in half an hour where it is as good."""
    random = Random(seed)
    stage = Stage(arbiter(steps=(50.0,)))
    lives_s = 300 if worse else 1_800
    for second in range(1, lives_s):
        for child, rate in ((INCUMBENT, base), (CANDIDATE, base + worse)):
            bad = sum(random.random() < rate for _ in range(100))
            ticks = [trade(name) for name in NAMES]
            stage.at(second, child, *ticks, *(ticks[:1] * (97 - bad)), bad=[BTC] * bad)
        if found := told(stage.time(second)):
            assert worse
            (event,) = found
            assert isinstance(event, CanaryMoved)
            assert (event.from_share_pct, event.to_share_pct, event.cause) == (50.0, 0.0, "reject_rate")
            assert event.candidate.rejected > event.incumbent.rejected
            assert {stage.node._hand.speaks(name) for name in NAMES} == {INCUMBENT}
            return
    assert not worse


def test_a_later_one_is_rolled_back():
    """By more than the margin; what is late by chance is not."""
    random = Random(1)
    stage = Stage(arbiter(steps=(50.0,), max_more_latency_ms=20.0, min_ticks=100))
    found = []
    for second in range(1, 600):
        extra_ms = 30 if second > 200 else 0
        for child in (INCUMBENT, CANDIDATE):
            late_ms = random.expovariate(1 / 40) + (extra_ms if child == CANDIDATE else 0)
            tick = msgspec.structs.replace(trade(BTC), event_ns=second * S - round(late_ms * 1e6))
            stage.at(second, child, tick, trade(ETH), trade(SOL))
        found += [(event.cause, second) for event in told(stage.time(second))]
    assert [cause for cause, _ in found] == ["latency"]
    assert found[0][1] > 200


def test_one_that_falls_silent_or_dies_is_rolled_back():
    """Its instruments go to the incumbent at once, with what that brought meanwhile; a person may try it again."""
    stage = Stage(arbiter(steps=(100.0,)))
    stage.time(0.1)
    stage.at(0.2, CANDIDATE, trade(BTC, 1))
    for tenth in range(3, 40):
        stage.at(tenth / 10, INCUMBENT, trade(BTC, tenth))
        found = stage.time(tenth / 10)
        if moves(found):
            break
    assert told(found)[0].cause == "silent: trades"
    assert [tick.id for _, tick in forwarded(found)] == list(range(3, 24))
    assert moves(stage.take(stage.node.steer(Order(action="promote"), 5 * S)))[0][0] == CANDIDATE
    for number in range(2):
        stage.take(stage.node.on_down(CANDIDATE, "cut", (6 + number) * S))
        assert {stage.node._hand.speaks(name) for name in NAMES} == {INCUMBENT}
        stage.take(stage.node.on_up(CANDIDATE, (6 + number) * S + 1))
    assert [event.cause for event in told(stage.rulings)] == ["silent: trades", "by hand", "failures"]


def test_it_speaks_for_all_while_the_incumbent_is_lost():
    """A canary loses nothing where a hybrid would not."""
    stage = Stage(arbiter())
    stage.at(1, INCUMBENT, trade(BTC))
    found = stage.take(stage.node.on_down(INCUMBENT, "cut", 2 * S))
    assert [(to, cause) for to, cause, _ in moves(found)] == [(CANDIDATE, "down: cut")]
    assert {stage.node._hand.speaks(name) for name in NAMES} == {CANDIDATE}
    assert moves(stage.take(stage.node.on_up(INCUMBENT, 3 * S))) == []
    assert both(stage, 3, 6) == []
    ((to, cause, _),) = both(stage, 6, 9)
    assert (to, cause) == (INCUMBENT, "failback")


def both(stage, first_s, last_s, *, silent=()):
    """Both speak of everything each tenth of a second, but for who is silent; returns who took whose turn."""
    found = []
    for tenth in range(first_s * 10, last_s * 10):
        for child in (INCUMBENT, CANDIDATE):
            if child not in silent:
                stage.at(tenth / 10, child, *(trade(name) for name in NAMES))
        found += moves(stage.time(tenth / 10))
    return found


def test_an_incumbent_that_dies_again_and_again_does_not_get_its_turn_between():
    """It must be well for a while, counted anew each time."""
    stage = Stage(arbiter())
    both(stage, 1, 2)
    for second in range(2, 12, 2):
        stage.take(stage.node.on_down(INCUMBENT, "cut", second * S))
        stage.take(stage.node.on_up(INCUMBENT, second * S + 1))
        assert both(stage, second, second + 2) == []
    assert {stage.node._hand.speaks(name) for name in NAMES} == {CANDIDATE}


def test_the_one_that_is_there_speaks_while_the_other_is_lost():
    """However short a while ago it came itself; and it keeps its turn beside one that has just come as well."""
    stage = Stage(arbiter())
    both(stage, 1, 2)
    stage.take(stage.node.on_down(INCUMBENT, "cut", 2 * S))
    stage.take(stage.node.on_up(INCUMBENT, 3 * S))
    ((to, cause, _),) = moves(stage.take(stage.node.on_down(CANDIDATE, "gone", 4 * S)))
    assert (to, cause) == (INCUMBENT, "down: gone")
    assert moves(stage.take(stage.node.on_up(CANDIDATE, 5 * S))) == []
    ((to, cause, names),) = both(stage, 5, 9)
    assert (to, cause, names) == (CANDIDATE, "failback", frozenset({SOL}))  # its share


def test_a_candidate_that_comes_first_waits_for_the_incumbent():
    """At the start nobody is lost; once the incumbent could not be opened it is."""
    node = arbiter()
    assert moves(node.on_up(CANDIDATE, 0)) == [(CANDIDATE, "share 10 %: start", frozenset({SOL}))]
    assert moves(node.on_time(S)) == []
    assert moves(node.on_down(INCUMBENT, "refused", 2 * S)) == [
        (CANDIDATE, "down: refused", frozenset({BTC, ETH}))
    ]


def test_the_first_that_comes_speaks_where_both_were_lost():
    """For the reason that the other one is lost."""
    stage = Stage(arbiter())
    both(stage, 1, 2)
    stage.take(stage.node.on_down(INCUMBENT, "cut", 2 * S))
    assert moves(stage.take(stage.node.on_down(CANDIDATE, "gone", 3 * S))) == []
    assert moves(stage.take(stage.node.on_up(INCUMBENT, 4 * S))) == [(INCUMBENT, "down: gone", None)]


def test_a_way_back_after_silence_has_its_own_cause():
    """Whatever moved the share before: that was not it."""
    stage = Stage(arbiter(steps=(10.0, 50.0)))
    both(stage, 1, 2)
    stage.take(stage.node.steer(Order(action="promote"), 2 * S))
    assert [cause for _, cause, _ in both(stage, 2, 6, silent=(INCUMBENT,))] == ["silent: trades"]
    assert [cause for _, cause, _ in both(stage, 6, 12)] == ["failback"]


def test_an_incumbent_that_is_silent_is_opened_anew():
    """Once; its session may hang. While nobody else speaks it is not: a quiet market is no silence."""
    stage = Stage(arbiter())
    both(stage, 1, 2)
    both(stage, 2, 6, silent=(INCUMBENT, CANDIDATE))
    assert not any(isinstance(one, Reconnect) for one in stage.rulings)
    both(stage, 6, 12, silent=(INCUMBENT,))
    (again,) = [one for one in stage.rulings if isinstance(one, Reconnect)]
    assert (again.child, again.cause, again.channel) == (INCUMBENT, "silent: trades", "trades")
    stage.take(stage.node.on_down(INCUMBENT, "silent: trades", 12 * S))
    stage.take(stage.node.on_up(INCUMBENT, 13 * S))
    assert [cause for _, cause, _ in both(stage, 13, 18)] == ["failback"]
    assert told(stage.rulings) == []


def test_a_step_that_holds_nothing_proves_nothing():
    """It waits, and says so; a person may go on."""
    stage = Stage(
        arbiter(instruments=(BTC, ETH), steps=(10.0, 50.0, 100.0), promote_after_s=5.0, min_ticks=10)
    )
    for second in range(1, 100):
        for child in (INCUMBENT, CANDIDATE):
            stage.at(second, child, trade(BTC), trade(ETH))
        stage.time(second)
    assert told(stage.rulings) == []
    assert "holds no instrument" in stage.node.describe()["next step"]
    stage.take(stage.node.steer(Order(action="promote"), 100 * S))
    assert "next step" not in stage.node.describe() or "yet" in stage.node.describe()["next step"]
    for second in range(101, 120):
        for child in (INCUMBENT, CANDIDATE):
            stage.at(second, child, trade(BTC), trade(ETH))
        stage.time(second)
    assert [event.to_share_pct for event in told(stage.rulings)] == [50, 100]


def test_a_step_of_which_nothing_was_delivered_yet_waits():
    """Its instrument is quiet with the candidate; what it brings of others proves nothing of its share."""
    stage = Stage(arbiter(promote_after_s=5.0, min_ticks=10))
    for second in range(1, 60):
        for child in (INCUMBENT, CANDIDATE):
            stage.at(second, child, trade(BTC), trade(ETH))
        stage.time(second)
    assert told(stage.rulings) == []
    assert "nothing of its share" in stage.node.describe()["next step"]


def test_a_clean_time_promotes_where_set():
    """Step by step; without the setting nobody but a person does."""
    by_itself, by_hand = (Stage(arbiter(promote_after_s=after, min_ticks=10)) for after in (20.0, False))
    for stage in (by_itself, by_hand):
        for second in range(1, 100):
            for child in (INCUMBENT, CANDIDATE):
                stage.at(second, child, *(trade(name) for name in NAMES))
            stage.time(second)
    assert [(event.from_share_pct, event.to_share_pct) for event in told(by_itself.rulings)] == [
        (10, 50),
        (50, 100),
    ]
    assert told(by_hand.rulings) == []


@given(st.lists(st.floats(0, 100), max_size=4))
def test_steps_grow(steps):
    """Anything else is refused."""
    try:
        msgspec.convert({"incumbent": "a", "candidate": "b", "steps": steps}, CanarySettings)
    except msgspec.ValidationError:
        assert not steps or 0 in steps or steps != sorted(set(steps))
    else:
        assert steps == sorted(set(steps))


class Laws(NodeLaws):
    """A canary under anything: nothing is lost or said twice, and a candidate that is out speaks for nobody."""

    @initialize(
        steps=st.sampled_from([(60.0,), (55.0, 100.0)]),
        by=st.sampled_from(["instruments", "time"]),
        held=st.sampled_from([0, 5, 100_000]),
    )
    def open(self, steps, by, held):
        self.begin(
            arbiter(steps=steps, by=by, period_s=3.0, min_ticks=5, handover_ticks=held), most_held=held
        )

    @rule(action=st.sampled_from(["promote", "roll_back"]))
    def is_told(self, action):
        with contextlib.suppress(RouteError):  # it has no share, or all
            self.take(self.node.steer(Order(action=action), self.now))

    @invariant()
    def the_node_and_its_rulings_agree(self):
        if hasattr(self, "node"):
            assert {name: self.node._hand.speaks(name) for name in NAMES} == self.speaker

    @invariant()
    def a_candidate_that_is_out_or_down_is_not_spoken_for_for_long(self):
        is_out = hasattr(self, "node") and self.node.share_pct == 0 and self.up[INCUMBENT]
        if is_out and CANDIDATE in self.speaker.values():
            assert self.node.deadline_ns() is not None


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
