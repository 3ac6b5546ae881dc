"""Books of the venue that does not exist, numbered, and whole every now and then; and a sound provider of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec

from ticktrail.model import BookDelta, BookSnapshot, Gap, InstrumentId, Levels, Tick, Undecodable
from ticktrail.plugin import Capabilities, Provider, ProviderContext
from ticktrail.testing import ProviderCase
from unit.testing import odd
from unit.testing.odd import BTC, LEG, Sound, number

WHOLE_EVERY = 25
CHANNELS = frozenset({"book"})


class BookMessage(msgspec.Struct):
    ch: str
    n: int
    whole: bool
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    ns: int


def make_books(at: int, now_ns: int) -> Iterable[tuple[str, object]]:
    stream = "book:BTC-USDT"
    levels = {"b": [("100.00", f"{at % 9 + 1}.0")], "a": [("100.10", "2.00")]}
    yield stream, {"ch": stream, "n": at, "whole": at % WHOLE_EVERY == 1, **levels, "ns": now_ns}


class SoundBooks(Sound):
    """Knows its book from the whole one on, until a number is missing or cannot be read."""

    def __init__(self, settings: odd.OddSettings, context: ProviderContext) -> None:
        super().__init__(settings, context)
        self.due: int | None = None

    def parse(self, payload: bytes, recv_ns: int) -> Sequence[Tick | Undecodable]:
        message = msgspec.json.decode(payload, type=odd.Head)
        if message.ch != "book:BTC-USDT":
            return []
        return self.change(msgspec.json.decode(payload, type=BookMessage), recv_ns)

    def change(self, message: BookMessage, recv_ns: int) -> Sequence[Tick | Undecodable]:
        if message.whole:
            self.due = message.n + 1
            return [self.snapshot(message, recv_ns)]
        if message.n != self.due:
            return self.lose(recv_ns)
        self.due += 1
        return [self.delta(message, recv_ns)]

    def unreadable(self, payload: bytes, recv_ns: int, reason: str) -> Sequence[Tick | Undecodable]:
        return [*self.lose(recv_ns), *super().unreadable(payload, recv_ns, reason)]

    def lose(self, recv_ns: int) -> Sequence[Tick]:
        known, self.due = self.due is not None, None
        return [self.gap(recv_ns)] if known else []

    def gap(self, recv_ns: int) -> Gap:
        return Gap(
            instrument=BTC, provider=LEG, event_ns=None, recv_ns=recv_ns, channel="book", from_id=None, to_id=None,
            from_ns=recv_ns, to_ns=recv_ns, cause="missing",
        )  # fmt: skip

    def snapshot(self, message: BookMessage, recv_ns: int) -> BookSnapshot:
        return BookSnapshot(
            instrument=BTC, provider=LEG, event_ns=message.ns, recv_ns=recv_ns, bids=levels(message.b),
            asks=levels(message.a), update_id=message.n, depth=None,
        )  # fmt: skip

    def delta(self, message: BookMessage, recv_ns: int) -> BookDelta:
        return BookDelta(
            instrument=InstrumentId(BTC), provider=LEG, event_ns=message.ns, recv_ns=recv_ns, bids=levels(message.b),
            asks=levels(message.a), first_update_id=message.n, update_id=message.n,
        )  # fmt: skip


def levels(rows: Sequence[tuple[str, str]]) -> Levels:
    return tuple((number(price), number(size)) for price, size in rows)


class GoesOn(SoundBooks):
    """Takes each change for the next one."""

    def change(self, message: BookMessage, recv_ns: int) -> Sequence[Tick | Undecodable]:
        self.due = message.n
        return super().change(message, recv_ns)

    def lose(self, recv_ns: int) -> Sequence[Tick]:
        return []


class NeverWhole(SoundBooks):
    """Waits for a whole book, and takes only the first."""

    begun = False

    def snapshot(self, message: BookMessage, recv_ns: int) -> BookSnapshot:
        if self.begun:
            raise ValueError("one is enough")
        self.begun = True
        return super().snapshot(message, recv_ns)


class Mute(SoundBooks):
    """Passes over what it cannot read."""

    def unreadable(self, payload: bytes, recv_ns: int, reason: str) -> Sequence[Tick | Undecodable]:
        return []

    def lose(self, recv_ns: int) -> Sequence[Tick]:
        return []


def books_of(
    kind: Callable[[odd.OddSettings, ProviderContext], Provider] = SoundBooks, folder: Path = Path()
) -> ProviderCase:
    """Return the kit's case of a provider of these books; `folder` is where its key's file goes."""
    case = odd.case_of(kind, folder, capabilities=Capabilities(channels=CHANNELS), make=make_books)
    first = (
        b'{"ch":"book:BTC-USDT","n":1,"whole":true,"b":[["100.00","1.0"]],"a":[["100.10","2.00"]],"ns":17}'
    )
    then = b'{"ch":"book:BTC-USDT","n":2,"whole":false,"b":[["100.00","0"]],"a":[],"ns":18}'
    common = {"instrument": BTC, "provider": LEG, "recv_ns": 0}
    return replace(
        case,
        context=replace(case.context, channels=CHANNELS),
        payloads=[first, then],
        expected=[
            BookSnapshot(
                **common, event_ns=17, bids=((Decimal("100.00"), Decimal("1.0")),),
                asks=((Decimal("100.10"), Decimal("2.00")),), update_id=1, depth=None,
            ),
            BookDelta(
                **common, event_ns=18, bids=((Decimal("100.00"), Decimal(0)),), asks=(), first_update_id=2, update_id=2,
            ),
        ],
    )  # fmt: skip
