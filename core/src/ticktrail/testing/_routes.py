"""Check that a route node keeps the contract of `ticktrail.plugin.Arbiter`.

Owns: the laws of its declaration, its state and its orders; those of its rulings are in
`ticktrail.testing._routes_rulings`.
Never: says which child should speak; that is the node's own matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from unittest import SkipTest

from ticktrail.model import InstrumentId
from ticktrail.plugin import Described, Reassignable, Steerable, Suppress, Switch
from ticktrail.testing._expect import expect, expect_strict
from ticktrail.testing._laws import law
from ticktrail.testing._routes_case import (
    RouteCase,
    are_words,
    each,
    is_a,
    ruled,
    said_by,
    try_all,
    try_pairs,
)
from ticktrail.testing._routes_histories import Deed, backlog
from ticktrail.testing._routes_meter import Meter, TooSlow
from ticktrail.testing._routes_play import Played, play
from ticktrail.testing._routes_rulings import RulingLaws

__all__ = ["RouteCase", "RouteConformance"]

_LONGEST_BLOCK_S = 1.0


class RouteConformance(RulingLaws):
    """Subclass, give a `case` fixture that returns a `RouteCase`, and inherit the checks. They need hypothesis.

    A history is made of batches, children that come up and go down, waits, orders and changes of the instruments, in
    any order that the route would give them; the same ones in every run.
    """

    @law("R01")
    def test_settings_are_strict(self, case: RouteCase) -> None:
        """Settings are frozen and refuse unknown keys.

        Provoked: the case's settings are read back from their own table, once more with a key that no node has.
        """
        expect_strict(case.settings, case.spec.settings)

    @law("R02")
    def test_declares_its_children(self, case: RouteCase) -> None:
        """Of the children that its settings name, those that are cold or mute are told by number, and one may speak.

        Provoked: the declaration is asked for the case's settings.
        """
        spec, many = case.spec, len(case.spec.children(case.settings))
        expect(
            many == len(case.context.children), f"{spec.kind} has {many} children, and the case names others"
        )
        mute, cold = spec.mute(case.settings), spec.cold(case.settings)
        expect(
            mute | cold <= set(range(many)), f"{spec.kind} calls a child cold or mute that it does not have"
        )
        expect(len(mute) < many, f"{spec.kind} lets no child speak: all are mute")
        if spec.assign is not None:
            asked = spec.assign(case.settings, case.context.instruments)
            given = {name for names in asked for name in names}
            expect(len(asked) == many, f"{spec.kind} assigns to {len(asked)} children of {many}")
            expect(
                given == set(case.context.instruments),
                f"{spec.kind} assigns other instruments than it routes",
            )

    @law("R12")
    def test_a_deadline_passes(self, case: RouteCase) -> None:
        """`on_time` at a deadline makes progress: the next one is later, or there is none.

        Provoked: any history; at each deadline `on_time` is called until it has moved, five times at most.
        """

        def look(played: Played) -> None:
            for step in played.steps:
                expect(
                    not step.stuck,
                    f"the deadline of {case.spec.kind} stays in the past: the route would never rest; behind: "
                    f"{played.told(step)}",
                )

        each(case, look)

    @law("R13")
    def test_drain_leaves_nothing(self, case: RouteCase) -> None:
        """When the feed stops, every tick that was given has been ruled on.

        Provoked: any history, then two drains; the second must give no tick.
        """

        def look(played: Played) -> None:
            if played.raised is not None:
                return
            seen = {tick.recv_ns for _, ruling in played.rulings() for tick in ruled(ruling)}
            left = [tick for number, (_, tick) in played.given.items() if number not in seen]
            expect(
                not left,
                f"{case.spec.kind} never rules on {left[:3]}; behind: {played.told(played.steps[-1])}",
            )
            again = [tick for ruling in played.again for tick in ruled(ruling)]
            expect(not again, f"{case.spec.kind} gives more at a second drain: {again[:3]}")

        each(case, look)

    @law("R14")
    def test_says_whether_it_is_up(self, case: RouteCase) -> None:
        """`up` holds only while a child that may speak is up, and always while all of them are.

        Provoked: any history; it is asked behind every call.
        """
        mute = case.spec.mute(case.settings)

        def look(played: Played) -> None:
            for step in played.steps:
                may = [is_up for child, is_up in enumerate(step.up) if child not in mute]
                if not may:
                    continue
                told = f"behind: {played.told(step)}"
                expect(any(may) or not step.node_up, f"{case.spec.kind} is up, and no child is; {told}")
                expect(
                    step.node_up or not all(may), f"{case.spec.kind} is down, and every child is up; {told}"
                )

        each(case, look)

    @law("R15")
    def test_the_same_history_gives_the_same_rulings(self, case: RouteCase) -> None:
        """An arbiter is pure: no clock, no chance.

        Provoked: any history, to two arbiters.
        """

        def look(history: Sequence[Deed]) -> None:
            one, other = case.played(history), case.played(history)
            expect(
                said_by(one) == said_by(other),
                f"two arbiters of {case.spec.kind} rule otherwise on {history}",
            )

        try_all(case, look)

    @law("R16")
    def test_arbiters_share_nothing(self, case: RouteCase) -> None:
        """Another node of the kind changes nothing.

        Provoked: two histories; the first is played again to an arbiter that was opened before the second was played
        to another.
        """

        def look(first: Sequence[Deed], second: Sequence[Deed]) -> None:
            alone = case.played(first)
            arbiter = case.arbiter()
            case.played(second)
            beside = play(arbiter, case.spec, case.settings, case.context, first)
            expect(
                said_by(alone) == said_by(beside),
                f"an arbiter of {case.spec.kind} changes what another rules",
            )

        try_pairs(case, look)

    @law("R17")
    def test_a_refused_order_changes_nothing(self, case: RouteCase) -> None:
        """An order that raises `RouteError` says why, and has changed nothing.

        Provoked: any history with orders; it is played again without those that were refused.

        Skipped: it takes no orders.
        """
        if not is_a(case.arbiter(), Steerable):
            raise SkipTest(f"{case.spec.kind} takes no orders: it has no steer()")

        def look(history: Sequence[Deed]) -> None:
            played = case.played(history)
            refused = [step for step in played.steps if step.refused is not None]
            for step in refused:
                expect(step.refused, f"{case.spec.kind} refuses an order without a word: {played.told(step)}")
            spared = case.played(history, without=frozenset(step.deed for step in refused))
            with_orders = [
                said for step, said in zip(played.steps, said_by(played), strict=True) if step.refused is None
            ]
            expect(
                with_orders == said_by(spared),
                f"an order that {case.spec.kind} refuses changes it: {[step.what for step in refused]}",
            )

        try_all(case, look)

    @law("R18")
    def test_does_as_told(self, case: RouteCase) -> None:
        """Who is told to speak by a `switch` or `pin` that is not refused speaks.

        Provoked: any history with orders.

        Skipped: it takes no orders, or the kind `merges`.
        """
        if not is_a(case.arbiter(), Steerable):
            raise SkipTest(f"{case.spec.kind} takes no orders: it has no steer()")
        if case.spec.merges:
            raise SkipTest(f"several children of {case.spec.kind} speak at the same time (merges)")

        def look(played: Played) -> None:
            speaker = dict.fromkeys(case.context.instruments, 0)
            for step in played.steps:
                if step.is_reassignment:
                    return
                for ruling in step.rulings:
                    if isinstance(ruling, Switch):
                        whom = speaker if ruling.instruments is None else ruling.instruments
                        speaker.update(dict.fromkeys(whom, ruling.to_child))
                order = step.order
                if order is None or step.refused is not None or order.action not in {"switch", "pin"}:
                    continue
                for name in speaker if order.instruments is None else order.instruments:
                    expect(
                        order.child is None or speaker[name] == order.child,
                        f"{case.spec.kind} takes an order and lets {speaker[name]} speak for {name}: "
                        f"{played.told(step)}",
                    )

        each(case, look)

    @law("R19")
    def test_what_goes_is_suppressed(self, case: RouteCase) -> None:
        """All that is held of an instrument that goes is ruled on when it goes, and not delivered.

        Provoked: any history with changes of the instruments.

        Skipped: it cannot have other instruments while it runs.
        """
        if not is_a(case.arbiter(), Reassignable):
            raise SkipTest(f"{case.spec.kind} cannot have other instruments: it has no reassign()")

        def look(played: Played) -> None:
            held: dict[int, InstrumentId] = {}
            given = iter(sorted(played.given))
            upcoming = next(given, None)
            for step in played.steps:
                told = f"behind: {played.told(step)}"
                for ruling in step.rulings:
                    for tick in ruled(ruling):
                        while upcoming is not None and upcoming <= tick.recv_ns:
                            held[upcoming] = played.given[upcoming][1].instrument
                            upcoming = next(given, None)
                        held.pop(tick.recv_ns, None)
                        expect(
                            tick.instrument not in step.removed or isinstance(ruling, Suppress),
                            f"{case.spec.kind} delivers what goes: {tick}; {told}",
                        )
                left = [number for number, name in held.items() if name in step.removed]
                expect(not left, f"{case.spec.kind} goes on holding ticks of what went: {left}; {told}")

        each(case, look)

    @law("R20")
    def test_describes_itself_in_words(self, case: RouteCase) -> None:
        """What it says of its state is words for people, by what they are of.

        Provoked: any history; it is asked behind every call.

        Skipped: it has no `describe`.
        """
        if not is_a(case.arbiter(), Described):
            raise SkipTest(f"{case.spec.kind} says nothing of its state: it has no describe()")

        def look(played: Played) -> None:
            for step in played.steps:
                for key, words in (step.words or {}).items():
                    expect(
                        are_words(key) and are_words(words),
                        f"{case.spec.kind} describes {key!r} as {words!r}; behind: {played.told(step)}",
                    )

        each(case, look)

    @law("R21")
    def test_does_not_block_the_loop(self, case: RouteCase) -> None:
        """An arbiter rules at once: it is called in the feed's event loop, where the legs wait for it.

        Provoked: a backlog of 1,000 batches of 10 ticks, brought by all children in turn; the best of three must take
        less than a second. The histories of the other laws are ended where their calls wait, too.
        """
        found: list[tuple[float, str]] = []
        for _ in range(3):
            meter = Meter(case.spec.kind, grace_s=_LONGEST_BLOCK_S, a_call_s=0)
            arbiter = case.spec.open(case.settings, case.context)
            try:
                play(arbiter, case.spec, case.settings, case.context, backlog(), meter=meter)
            except TooSlow as exc:
                found.append((meter.spent_s, str(exc)))
            else:
                return
        expect(not found, f"{min(found)[1]} (a backlog of 1,000 batches)")
