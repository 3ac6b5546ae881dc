"""Each law of the route kit can be broken: a deliberately broken kind of node a law."""

import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from unittest import SkipTest

import msgspec
import pytest

from ticktrail.errors import RouteError
from ticktrail.model import InstrumentId
from ticktrail.plugin import (
    Arbiter,
    Batch,
    Forward,
    Order,
    RouteContext,
    Ruling,
    Settings,
    Suppress,
    Switch,
    route_spec,
)
from ticktrail.testing import RouteCase, RouteConformance
from ticktrail.testing._laws import laws_of
from unit.testing.broken import check_of, expect_all_proven, expect_broken

NAMES = (InstrumentId("BTC/USDT"), InstrumentId("ETH/USDT"))


class Two(Settings, frozen=True):
    first: str = "a"
    second: str = "b"


class Loose(msgspec.Struct, frozen=True):
    first: str = "a"
    second: str = "b"


class Simple:
    """The first child that is up speaks; it holds back the other's last batch, and drops it at the next."""

    def __init__(self, settings: Two, context: RouteContext) -> None:
        self.context = context
        self.ups = [False, False]
        self.speaker = 0
        self.held: Batch | None = None
        self.due_ns: int | None = None
        self.pinned = False

    @property
    def up(self) -> bool:
        return any(self.ups)

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        if child == self.speaker:
            return [Forward(batch)]
        before, self.held = self.let_go(), batch
        self.due_ns = now_ns + 1_000_000_000
        return before

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        self.ups[child] = True
        return self.settle()

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        self.ups[child] = False
        return self.settle()

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        return self.let_go() if self.due_ns is not None and self.due_ns <= now_ns else ()

    def deadline_ns(self) -> int | None:
        return self.due_ns

    def drain(self) -> Sequence[Ruling]:
        return self.let_go()

    def let_go(self) -> Sequence[Ruling]:
        held, self.held, self.due_ns = self.held, None, None
        return [] if held is None else [Suppress(held, "standby")]

    def settle(self) -> Sequence[Ruling]:
        if self.ups[self.speaker] or not self.up or self.pinned:
            return ()
        return self.switch(self.ups.index(True), "down")

    def switch(self, to: int, cause: str) -> Sequence[Ruling]:
        if to == self.speaker:
            return ()
        before, self.speaker = self.speaker, to
        return [
            *self.let_go(),
            Switch(from_child=before, to_child=to, cause=cause, silent_ns=None),
        ]


class Whole(Simple):
    """The same with all that an arbiter may have."""

    def steer(self, order: Order, now_ns: int) -> Sequence[Ruling]:
        if order.action not in {"switch", "pin"} or order.child is None or order.instruments is not None:
            raise RouteError("it is told to switch or to pin all")
        if not self.ups[order.child]:
            raise RouteError(f"{self.context.children[order.child]} is down")
        self.pinned = order.action == "pin"
        return self.switch(order.child, "by hand")

    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        return self.let_go()

    def describe(self) -> Mapping[str, str]:
        return {"speaker": self.context.children[self.speaker]}


class Raises(Simple):
    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        raise LookupError(cause)


class Twice(Simple):
    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        return [*super().on_batch(child, batch, now_ns), Suppress(batch, "again")]


class MakesUp(Simple):
    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        ticks = [msgspec.structs.replace(tick, recv_ns=10_000 + tick.recv_ns) for tick in batch.ticks]
        return [*super().on_batch(child, batch, now_ns), Forward(msgspec.structs.replace(batch, ticks=ticks))]


class Silent(Simple):
    def let_go(self) -> Sequence[Ruling]:
        return [Suppress(one.batch, " ") for one in super().let_go() if isinstance(one, Suppress)]


class LosesFindings(Simple):
    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        return super().on_batch(child, msgspec.structs.replace(batch, rejected=()), now_ns)


class Reverses(Simple):
    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        return super().on_batch(child, msgspec.structs.replace(batch, ticks=batch.ticks[::-1]), now_ns)


class NamesAThird(Simple):
    def switch(self, to: int, cause: str) -> Sequence[Ruling]:
        return [from_a_third(one) for one in super().switch(to, cause)]


def from_a_third(ruling: Ruling) -> Ruling:
    return replace(ruling, from_child=2) if isinstance(ruling, Switch) else ruling


class Relabels(Simple):
    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        return super().on_batch(child, msgspec.structs.replace(batch, provider="a"), now_ns)


class ToTheDead(Simple):
    def settle(self) -> Sequence[Ruling]:
        return () if self.ups[self.speaker] else self.switch(1 - self.speaker, "down")


class BothSpeak(Simple):
    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        return [Forward(batch)]


class Unsaid(Simple):
    def switch(self, to: int, cause: str) -> Sequence[Ruling]:
        return [one for one in super().switch(to, cause) if not isinstance(one, Switch)]


class Restless(Simple):
    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        return ()


class Keeps(Simple):
    def drain(self) -> Sequence[Ruling]:
        return ()


class DrainsTwice(Simple):
    last: Sequence[Ruling] = ()

    def drain(self) -> Sequence[Ruling]:
        self.last = super().drain() or self.last
        return self.last


class AlwaysUp(Simple):
    @property
    def up(self) -> bool:
        return True

    def settle(self) -> Sequence[Ruling]:
        return ()


class NeverUp(Simple):
    @property
    def up(self) -> bool:
        return False


class ByChance(Simple):
    made = 0

    def __init__(self, settings: Two, context: RouteContext) -> None:
        super().__init__(settings, context)
        ByChance.made += 1
        self.reason = f"standby {ByChance.made}"

    def let_go(self) -> Sequence[Ruling]:
        return [Suppress(one.batch, self.reason) for one in super().let_go() if isinstance(one, Suppress)]


class Shares(Simple):
    """Forgets at its own opening what others have done since, and goes by what the last one did."""

    seen = 0

    def __init__(self, settings: Two, context: RouteContext) -> None:
        super().__init__(settings, context)
        Shares.seen = 0

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        Shares.seen += 1
        return super().on_batch(child, batch, now_ns)

    def let_go(self) -> Sequence[Ruling]:
        reason = f"standby {Shares.seen}"
        return [Suppress(one.batch, reason) for one in super().let_go() if isinstance(one, Suppress)]


class PinsAllTheSame(Whole):
    def steer(self, order: Order, now_ns: int) -> Sequence[Ruling]:
        self.pinned = True
        return super().steer(order, now_ns)


class WithoutAWord(Whole):
    def steer(self, order: Order, now_ns: int) -> Sequence[Ruling]:
        try:
            return super().steer(order, now_ns)
        except RouteError:
            raise RouteError from None


class DoesNothing(Whole):
    def steer(self, order: Order, now_ns: int) -> Sequence[Ruling]:
        return ()


class HoldsWhatWent(Whole):
    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        return ()


class DeliversWhatWent(Whole):
    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        return [Forward(one.batch) for one in self.let_go() if isinstance(one, Suppress)]


class Speechless(Whole):
    def describe(self) -> Mapping[str, str]:
        return {"speaker": ""}


class Waits(Simple):
    """Asks somebody else in the midst of a ruling."""

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        time.sleep(0.05)
        return super().on_batch(child, batch, now_ns)


class NeverReturns(Simple):
    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        time.sleep(600)
        return super().on_up(child, now_ns)


class WaitsInItsWords(Whole):
    def describe(self) -> Mapping[str, str]:
        time.sleep(0.05)
        return super().describe()


class WaitsAtItsOpening(Simple):
    def __init__(self, settings: Two, context: RouteContext) -> None:
        time.sleep(0.2)
        super().__init__(settings, context)


def case_of(kind: Callable[[Two, RouteContext], Arbiter], *, mute: frozenset[int] = frozenset()) -> RouteCase:
    spec = route_spec(
        kind="two",
        summary="two",
        settings=Two,
        children=lambda settings: (settings.first, settings.second),
        open=kind,
        mute=lambda _: mute,
    )
    context = RouteContext(children=("a", "b"), channels=frozenset({"trades", "quotes"}), instruments=NAMES)
    return RouteCase(spec=spec, settings=Two(), context=context)


class TestASoundNode(RouteConformance):
    @pytest.fixture
    def case(self) -> RouteCase:
        return case_of(Simple)


class TestAWholeNode(RouteConformance):
    @pytest.fixture
    def case(self) -> RouteCase:
        return case_of(Whole)


SOUND = case_of(Simple)
BROKEN: list[tuple[str, RouteCase]] = [
    ("R01", replace(SOUND, spec=replace(SOUND.spec, settings=Loose), settings=Loose())),  # type: ignore[arg-type]
    ("R02", case_of(Simple, mute=frozenset({2}))),
    ("R02", case_of(Simple, mute=frozenset({0, 1}))),
    ("R03", case_of(Raises)),
    ("R04", case_of(Twice)),
    ("R04", case_of(MakesUp)),
    ("R05", case_of(Silent)),
    ("R06", case_of(LosesFindings)),
    ("R07", case_of(Reverses)),
    ("R08", case_of(NamesAThird)),
    ("R08", case_of(Relabels)),
    ("R09", case_of(ToTheDead)),
    ("R10", case_of(BothSpeak)),
    ("R10", case_of(Unsaid)),
    ("R11", case_of(Simple, mute=frozenset({1}))),
    ("R12", case_of(Restless)),
    ("R13", case_of(Keeps)),
    ("R13", case_of(DrainsTwice)),
    ("R14", case_of(AlwaysUp)),
    ("R14", case_of(NeverUp)),
    ("R15", case_of(ByChance)),
    ("R16", case_of(Shares)),
    ("R17", case_of(PinsAllTheSame)),
    ("R17", case_of(WithoutAWord)),
    ("R18", case_of(DoesNothing)),
    ("R19", case_of(HoldsWhatWent)),
    ("R19", case_of(DeliversWhatWent)),
    ("R20", case_of(Speechless)),
    ("R21", case_of(Waits)),
    ("R21", case_of(NeverReturns)),
]


def test_there_is_a_broken_node_for_every_law() -> None:
    """No law goes unproven."""
    expect_all_proven(RouteConformance, [number for number, _ in BROKEN])


@pytest.mark.parametrize(("number", "case"), BROKEN)
def test_each_law_can_be_broken(number: str, case: RouteCase) -> None:
    """The broken node breaks the law that is about its fault, by its number."""
    expect_broken(RouteConformance, number, case)


def test_a_broken_law_is_told_with_the_shortest_history() -> None:
    """Whoever reads it need not read thirty deeds of which two matter."""
    with pytest.raises(AssertionError) as caught:
        RouteConformance().test_takes_any_history(case_of(Raises))
    shortest = str(caught.value).partition("behind: ")[2]
    assert shortest.endswith(" down")
    assert shortest.count(";") <= 2


@pytest.mark.parametrize("kind", [Waits, NeverReturns, WaitsInItsWords, WaitsAtItsOpening])
def test_a_node_that_waits_holds_up_no_law(kind: type[Simple]) -> None:
    """All laws together end within seconds, and each that was not tried says why; a sound kind beside it is tried."""
    began_s = time.monotonic()
    told = []
    for one in laws_of(RouteConformance):
        with contextlib.suppress(SkipTest):
            try:
                getattr(RouteConformance(), check_of(RouteConformance, one.number))(case_of(kind))
            except AssertionError as exc:
                told.append(str(exc))
    assert time.monotonic() - began_s < 30
    assert len(told) > 10
    assert all("two keeps its feed waiting: " in text for text in told)
    RouteConformance().test_takes_any_history(SOUND)


def test_a_signal_that_somebody_else_waits_for_is_left_alone() -> None:
    """Such as that of a runner with deadlines of its own."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        mine = signal.getsignal(signal.SIGALRM)
        RouteConformance().test_takes_any_history(SOUND)
        assert signal.getsignal(signal.SIGALRM) is mine
    finally:
        signal.signal(signal.SIGALRM, before)
