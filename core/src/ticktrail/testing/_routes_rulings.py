"""Check what a route node rules: each tick once, in order, of the child that speaks.

Owns: the laws R03 to R11.
Never: says which child should speak; that is the node's own matter.
"""

from __future__ import annotations

from unittest import SkipTest

from ticktrail.model import InstrumentId
from ticktrail.plugin import Forward, Ruling, Suppress, Switch
from ticktrail.testing._expect import expect
from ticktrail.testing._laws import law
from ticktrail.testing._routes_case import RouteCase, children_in, each, instruments_in, ruled
from ticktrail.testing._routes_play import Played, Step

__all__ = ["RulingLaws"]


class RulingLaws:
    """The part of `RouteConformance` that is about rulings."""

    @law("R03")
    def test_takes_any_history(self, case: RouteCase) -> None:
        """Whatever happens, in whatever order, an arbiter rules on it.

        Provoked: any history; nothing may be raised but `RouteError` by an order.
        """

        def look(played: Played) -> None:
            if played.raised is not None:
                last = played.steps[-1]
                raise AssertionError(
                    f"{case.spec.kind} raises {played.raised!r} behind: {played.told(last)}"
                ) from played.raised

        each(case, look)

    @law("R04")
    def test_rules_on_a_tick_once(self, case: RouteCase) -> None:
        """No tick is ruled on twice, and none is made up: what a node makes itself is in a `derived` batch.

        Provoked: any history.
        """

        def look(played: Played) -> None:
            seen: set[int] = set()
            for step, ruling in played.rulings():
                for tick in ruled(ruling):
                    number = tick.recv_ns
                    expect(
                        number in played.given,
                        f"{case.spec.kind} makes up {tick} behind: {played.told(step)}",
                    )
                    expect(
                        number not in seen,
                        f"{case.spec.kind} rules twice on {tick} behind: {played.told(step)}",
                    )
                    seen.add(number)

        each(case, look)

    @law("R05")
    def test_says_why_it_suppresses(self, case: RouteCase) -> None:
        """What is not delivered has a reason, in a word or two: it stands in the audit.

        Provoked: any history.
        """

        def look(played: Played) -> None:
            for step, ruling in played.rulings():
                if isinstance(ruling, Suppress):
                    expect(
                        str(ruling.reason).strip(),
                        f"{case.spec.kind} suppresses without a reason behind: {played.told(step)}",
                    )

        each(case, look)

    @law("R06")
    def test_keeps_what_rules_found(self, case: RouteCase) -> None:
        """What the rules kept back of a batch goes along with one of its parts, once: the audit has it from there.

        Provoked: any history, with batches of which a tick was rejected.
        """

        def look(played: Played) -> None:
            seen: list[int] = []
            for _, ruling in played.rulings():
                if isinstance(ruling, Forward | Suppress):
                    seen += [one.tick.recv_ns for one in ruling.batch.rejected]
            if played.raised is None:
                expect(
                    sorted(seen) == sorted(played.rejected),
                    f"{case.spec.kind} loses or repeats what rules rejected: given {sorted(played.rejected)}, ruled on "
                    f"with {sorted(seen)}",
                )

        each(case, look)

    @law("R07")
    def test_keeps_the_order_of_a_child(self, case: RouteCase) -> None:
        """What is delivered of one child, instrument and kind keeps the order in which the child brought it.

        Provoked: any history.
        """

        def look(played: Played) -> None:
            last: dict[tuple[int, InstrumentId, str], int] = {}
            for step, ruling in played.rulings():
                for tick in ruled(ruling) if isinstance(ruling, Forward) else ():
                    child, _ = played.given.get(tick.recv_ns, (-1, tick))
                    key = (child, tick.instrument, tick.counted_as)
                    expect(
                        last.get(key, 0) < tick.recv_ns,
                        f"{case.spec.kind} delivers {tick} behind a later one of the same child; behind: "
                        f"{played.told(step)}",
                    )
                    last[key] = tick.recv_ns

        each(case, look)

    @law("R08")
    def test_rulings_name_what_exists(self, case: RouteCase) -> None:
        """A ruling names a child and instruments that the node has, and a batch stays its leg's own.

        Provoked: any history.
        """
        many, whole = len(case.context.children), set(case.context.instruments)

        def look(played: Played) -> None:
            for step, ruling in played.rulings():
                told = f"{case.spec.kind} rules {ruling}; behind: {played.told(step)}"
                for child in children_in(ruling):
                    expect(0 <= child < many, f"there is no child {child}: {told}")
                for name in instruments_in(ruling):
                    expect(name in whole, f"{name} is not routed here: {told}")
                if isinstance(ruling, Forward | Suppress):
                    for tick in ruled(ruling):
                        child, _ = played.given.get(tick.recv_ns, (-1, tick))
                        expect(
                            child < 0 or ruling.batch.provider == case.context.children[child],
                            f"the tick is of another leg than its batch: {told}",
                        )

        each(case, look)

    @law("R09")
    def test_switches_to_who_can_speak(self, case: RouteCase) -> None:
        """A child that is mute, or that is down and not cold, is never given the word; a cold one is being opened.

        Provoked: any history without orders, since a person may pin who is down; a switch that `reassign` gives is
        none, it says to whom an added instrument belongs.
        """
        mute, cold = case.spec.mute(case.settings), case.spec.cold(case.settings)

        def look(played: Played) -> None:
            for step, ruling in played.rulings():
                if isinstance(ruling, Switch) and not step.is_reassignment:
                    to = ruling.to_child
                    expect(
                        to not in mute and (step.up[to] or to in cold),
                        f"{case.spec.kind} switches to {case.context.children[to]}, which cannot speak; behind: "
                        f"{played.told(step)}",
                    )

        each(case, look, orders=False)

    @law("R10")
    def test_one_child_speaks_at_a_time(self, case: RouteCase) -> None:
        """What is delivered of an instrument is of the child that was switched to last, and a switch tells from whom.

        Provoked: any history, until instruments change; in the beginning that child is the first one that is asked for
        the instrument and not mute.

        Skipped: the kind `merges`.
        """
        if case.spec.merges:
            raise SkipTest(f"several children of {case.spec.kind} speak at the same time (merges)")
        mute = case.spec.mute(case.settings)

        def follow(speaker: dict[InstrumentId, int], played: Played, step: Step, ruling: Ruling) -> None:
            told = f"; behind: {played.told(step)}"
            if isinstance(ruling, Switch):
                for name in list(speaker) if ruling.instruments is None else ruling.instruments:
                    spoke, said, to = speaker[name], ruling.from_child, ruling.to_child
                    expect(
                        said in {None, spoke} and to != spoke,
                        f"{case.spec.kind} switches {name} from {said} to {to}, and {spoke} spoke{told}",
                    )
                    speaker[name] = to
            elif isinstance(ruling, Forward):
                for tick in ruled(ruling):
                    speaks = speaker[tick.instrument]
                    child, _ = played.given.get(tick.recv_ns, (speaks, tick))
                    expect(
                        child == speaks,
                        f"{case.spec.kind} delivers {tick} of child {child}, and {speaks} speaks{told}",
                    )

        def look(played: Played) -> None:
            speaker: dict[InstrumentId, int] = {
                name: child
                for child, names in reversed(list(enumerate(played.asked)))
                if child not in mute
                for name in names
            }
            for step in played.steps:
                if step.is_reassignment:
                    return
                for ruling in step.rulings:
                    follow(speaker, played, step, ruling)

        each(case, look)

    @law("R11")
    def test_a_mute_child_is_never_delivered(self, case: RouteCase) -> None:
        """Nothing of a child that is declared as mute is delivered.

        Provoked: any history.

        Skipped: no child is mute.
        """
        mute = case.spec.mute(case.settings)
        if not mute:
            raise SkipTest(f"no child of {case.spec.kind} is mute")

        def look(played: Played) -> None:
            for step, ruling in played.rulings():
                for tick in ruled(ruling) if isinstance(ruling, Forward) else ():
                    child, _ = played.given.get(tick.recv_ns, (-1, tick))
                    expect(
                        child not in mute, f"{case.spec.kind} delivers {tick}; behind: {played.told(step)}"
                    )

        each(case, look)
