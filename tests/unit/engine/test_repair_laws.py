"""Whatever is missing, whatever an archive answers and when: the tape comes out whole, or its holes are marked."""

from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ticktrail._engine.bus import Bus
from ticktrail._engine.continuity import Continuity
from ticktrail._engine.repair import Repair
from ticktrail._plan.model import RepairSettings
from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import HoleLeft, HoleRepaired
from ticktrail.model import Gap
from ticktrail.plugin import Batch, Capabilities, HistoryPage
from ticktrail.testing import ManualClock, make_correction, make_trade
from unit.backfill.archive import composed

MS = 1_000_000
BTC = "BTC/USDT"
WITHIN_S = 5.0
CAN = Capabilities(
    channels=frozenset({"trades"}),
    id_space="venue",
    consecutive_trade_ids=True,
    history=frozenset({"trades"}),
)
NAMED = replace(CAN, consecutive_trade_ids=False)
TWO = """
[providers.a]
plugin = "old"
[providers.b]
plugin = "old"
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
"""


def true_trade(number, leg, *, named=False, **more):
    """Trade N of the tape: one in a millisecond of its own for numbers, three in one for names."""
    at_ns = number // 3 if named else number
    return make_trade(id=f"name {number}" if named else number, provider=leg, event_ns=at_ns * MS, **more)


class Asked:
    """A question that waits for its answer."""

    def __init__(self, leg, first, last):
        self.leg = leg
        self.ids = range(first, last)
        self._answered = trio.Event()
        self._answer = None

    def answer(self, answer):
        self._answer = answer
        self._answered.set()

    async def wait(self):
        await self._answered.wait()
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Scene:
    """Two legs of one venue, their continuity, and an archive that a test answers for."""

    def __init__(self, plan, table, *, named=False):
        self.named = named
        self.asked = []
        self.events = []
        self.out = []
        self.at = 0
        self.sessions = {"a": 0, "b": 0}
        self.clock = ManualClock()
        can = NAMED if named else CAN
        legs = [
            replace(leg, capabilities=can, spec=replace(leg.spec, history=self._opens)) for leg in plan.legs
        ]
        bus = Bus(bound=1_000)
        bus.listen(self.events.append)
        self.continuity = Continuity({leg.name: can for leg in legs})
        self.repair = Repair(
            replace(plan, legs=tuple(legs)),
            table,
            clock=self.clock,
            bus=bus,
            judged=self.batch,
            is_new=self.continuity.is_new,
        )
        self.continuity.tell = self.repair.note

    @asynccontextmanager
    async def _opens(self, leg_settings, context, tell):
        scene = self

        class Past:
            async def page(self, instrument, channel, *, start_ns, end_ns, cursor):
                scale = 3 if scene.named else 1
                one = Asked(context.name, -(-start_ns // MS) * scale, -(-end_ns // MS) * scale)
                scene.asked.append(one)
                try:
                    ids = await one.wait()
                finally:
                    scene.asked.remove(one)
                ticks = [
                    true_trade(number, context.name, named=scene.named, backfilled=True) for number in ids
                ]
                return HistoryPage(ticks=ticks, through_ns=end_ns, cursor=None)

        yield Past()

    def batch(self, leg, ticks):
        return Batch(
            provider=leg, recv_ns=self.at, mono_ns=self.at, session_ns=self.sessions[leg], ticks=ticks
        )

    def live(self, leg, *ids):
        self.at += 1
        delivered, _ = self.continuity.place(
            self.batch(leg, [true_trade(number, leg, named=self.named) for number in ids])
        )
        self.out += self.repair.take(self.batch(leg, ()), delivered)[1]

    def begin_session(self, leg):
        self.at += 1
        self.sessions[leg] = self.at

    def release(self):
        for part in self.repair.ready():
            self.out += part.ticks

    async def settle(self):
        await trio.testing.wait_all_tasks_blocked()
        self.release()


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return composed(tmp_path_factory.mktemp("laws"), TWO)


def on_stage(plan, story, *, named=False, **table):
    """Play a story on a scene, by a clock that the story moves; then nobody waits any more. Gives the scene."""
    time = trio.testing.MockClock()

    async def main():
        scene = Scene(plan, RepairSettings(**{"within_s": WITHIN_S, **table}), named=named)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.repair.run)
            await story(scene, time)
            await scene.settle()
            scene.repair.give_up()
            scene.release()
            assert not scene.repair.waiting.ticks
            nursery.cancel_scope.cancel()
        return scene

    return trio.run(main, clock=time)


STEPS = st.lists(
    st.tuples(
        st.sampled_from("LLLLAAAAWWSRFFT"),
        st.sampled_from("ab"),
        st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=3),
        st.integers(0, 5),
        st.sets(st.integers(0, 4), max_size=3),
        st.booleans(),
    ),
    min_size=12,
    max_size=60,
)


@settings(max_examples=300)
@given(steps=STEPS, most_held=st.sampled_from([3, 1_000, 1_000]))
def test_each_trade_of_the_tape_comes_once_in_order_or_stands_in_a_gap(plan, steps, most_held):
    """Live ticks, repeats, holes and answers in any order; late, partial, empty, failing, with repeats."""
    brought, answered = {9}, set()

    async def story(scene, time):
        number = 10
        scene.live("a", 9)
        for what, leg, runs, which, lacking, flag in steps:
            one = scene.asked[which % len(scene.asked)] if scene.asked else None
            match what:
                case "L":  # live ticks, some left out
                    ids = []
                    for skipped, count in runs:
                        number += skipped
                        ids += range(number, number + count)
                        number += count
                    brought.update(ids)
                    scene.live(leg, *ids)
                case "R":  # again, or too late
                    scene.live(leg, *range(max(number - 2 * which, 9), number))
                case "S":
                    scene.begin_session(leg)
                case "A" | "W" if one is not None:  # in part, or wholly
                    ids = [one_id for one_id in one.ids if what == "W" or one_id % 5 not in lacking]
                    answered.update(ids)
                    one.answer([*ids, *ids] if flag else ids)
                case "F" if one is not None:
                    error = PermanentError if flag and which == 0 else TransientError
                    one.answer(error("no", provider="a"))
                case "T":
                    time.jump(6.0 if flag and which == 0 else 0.4)
            await scene.settle()

    scene = on_stage(plan, story, max_held=most_held)
    covered, gaps = [], set()
    for tick in scene.out:
        if isinstance(tick, Gap):
            gaps.update(range(tick.from_id, tick.to_id + 1))
            covered.extend(range(tick.from_id, tick.to_id + 1))
        else:
            assert tick.backfilled == (tick.id not in brought)
            assert tick.backfilled <= (tick.id in answered)
            covered.append(tick.id)
    assert covered == list(range(9, covered[-1] + 1))
    assert not gaps & brought
    told = [event for event in scene.events if isinstance(event, HoleLeft)]
    assert sum(event.missing for event in told) == len(gaps)
    filled = [event for event in scene.events if isinstance(event, (HoleLeft, HoleRepaired))]
    assert sum(event.ticks for event in filled) == sum(
        not isinstance(tick, Gap) and tick.backfilled for tick in scene.out
    )


@settings(max_examples=200)
@given(
    skipped=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    lacking=st.lists(st.sets(st.integers(0, 80)), max_size=3),
    reaches=st.booleans(),
)
def test_names_come_once_and_the_gap_of_a_time_goes_only_where_the_archive_has_come_so_far(
    plan, skipped, lacking, reaches
):
    """Three trades a millisecond, after sessions that missed some: no name twice, times in order, each hole told."""
    brought = set()

    async def story(scene, time):
        number = 30
        for count in skipped:
            scene.begin_session("a")
            number += count
            scene.live("a", number, number + 1)
            brought.update((number, number + 1))
            number += 2
        await scene.settle()
        for holes in [*lacking, set()]:
            for one in tuple(scene.asked):
                ids = [number for number in one.ids if number not in holes]
                one.answer(ids if reaches else [number for number in ids if number not in brought])
            await scene.settle()
            time.jump(6.0 if not reaches else 2.0)
            await scene.settle()

    scene = on_stage(plan, story, named=True)
    trades = [tick for tick in scene.out if not isinstance(tick, Gap)]
    names = [tick.id for tick in trades]
    assert len(names) == len(set(names))
    assert {f"name {number}" for number in brought} <= set(names)
    times = [tick.event_ns for tick in trades]
    assert times == sorted(times)
    left = sum(isinstance(event, HoleLeft) for event in scene.events)
    assert sum(isinstance(tick, Gap) for tick in scene.out) == left
    if not reaches:
        assert left == len(skipped) - 1


def test_only_what_comes_after_the_hole_waits(plan):
    """Another instrument goes on at once, and so does the other channel; a correction stays behind its trade."""

    async def story(scene, time):
        del time
        scene.live("a", 1)
        scene.live("a", 5)
        other = msgspec.structs.replace(true_trade(900, "a"), instrument="ETH/USDT")
        mended = make_correction(original_id=5)
        delivered, _ = scene.continuity.place(scene.batch("a", [mended, other]))
        scene.out += scene.repair.take(scene.batch("a", ()), delivered)[1]
        await scene.settle()
        assert [tick.id for tick in scene.out] == [1, 900]
        (one,) = scene.asked
        one.answer([1, 2, 3, 4, 5])

    scene = on_stage(plan, story)
    *trades, correction = scene.out
    assert [tick.id for tick in trades] == [1, 900, 2, 3, 4, 5]
    assert correction.original_id == 5
    (told,) = scene.events
    assert (told.from_id, told.to_id, told.ticks, told.cause, told.provider) == (2, 4, 3, "missing", "a")


@pytest.mark.parametrize(
    ("table", "ids", "reason"),
    [
        ({"max_ticks": 3}, (1, 6), "too_many"),
        ({"max_span_s": 0.01}, (1, 60), "too_long"),
        ({"max_held": 2}, (1, 3, 4, 5), "held_full"),
        ({"channels": ("bars",)}, (1, 3), None),
    ],
)
def test_a_bound_leaves_the_gap_at_once(plan, table, ids, reason):
    """What is too much to fetch is not asked for, what is too much to hold goes on."""

    async def story(scene, time):
        del time
        for number in ids:
            scene.live("a", number)
        scene.release()
        assert [tick.id for tick in scene.out if not isinstance(tick, Gap)] == list(ids)

    scene = on_stage(plan, story, **table)
    assert [isinstance(tick, Gap) for tick in scene.out[:3]] == [False, True, False]
    assert [event.reason for event in scene.events] == ([] if reason is None else [reason])


def test_a_leg_that_cannot_answer_is_followed_by_another_of_its_venue(plan):
    """The one that speaks is asked first; where it will not answer, one whose ids mean the same."""

    async def story(scene, time):
        del time
        scene.live("a", 1)
        scene.begin_session("b")
        scene.live("b", 4)
        await scene.settle()
        (one,) = scene.asked
        assert one.leg == "b"
        one.answer(PermanentError("never", provider="b"))
        await scene.settle()
        (one,) = scene.asked
        assert one.leg == "a"
        one.answer(range(1, 5))

    scene = on_stage(plan, story)
    assert [(tick.id, tick.provider) for tick in scene.out] == [(1, "a"), (2, "a"), (3, "a"), (4, "b")]
    assert [event.cause for event in scene.events] == ["switch"]


def test_an_archive_that_lags_is_asked_again(plan):
    """Until it has what is missing, or has come beyond it."""

    async def story(scene, time):
        scene.live("a", 1, 5)
        for answer in ([1], [1, 2], [1, 2, 3, 4]):
            await scene.settle()
            (one,) = scene.asked
            one.answer(answer)
            await scene.settle()
            time.jump(1.0)

    scene = on_stage(plan, story)
    assert [tick.id for tick in scene.out] == [1, 2, 3, 4, 5]


def test_what_is_no_answer_to_the_question_is_told_as_a_defect(plan):
    """A tick that is not marked, or of something else: nothing of it is delivered."""

    async def story(scene, time):
        del time
        scene.live("a", 1, 3)
        await scene.settle()
        scene.asked[0].answer(ValueError("the plugin's own"))
        await scene.settle()
        scene.asked[0].answer(PermanentError("nor that", provider="b"))

    scene = on_stage(plan, story)
    (left,) = scene.events
    assert (left.reason, left.detail, left.missing) == ("failed", "nor that", 1)
