"""Each law of providers can be broken: a provider that breaks it is told by the law's number."""

import base64
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import msgspec
import pytest
import trio

from ticktrail.errors import PermanentError
from ticktrail.events import VenueTrouble
from ticktrail.model import InstrumentId
from ticktrail.plugin import Capabilities
from ticktrail.testing import ProviderCase, ProviderConformance, Symbols, make_provider_context, make_trade
from ticktrail.testing import _living as living_laws
from ticktrail.testing._laws import law_of, laws_of
from unit.testing import odd
from unit.testing.odd import LEG, Past, Sound, case_of
from unit.testing.odd_books import GoesOn, Mute, NeverWhole, books_of

CALM = {"start_s": 10.0, "stop_s": 4.0}
"""A busy machine is no broken provider."""


class Loose(msgspec.Struct, frozen=True):
    pass


class Thawed(odd.OddSettings):
    pass


# -- reading


class ItsOwnName(Sound):
    def trade(self, message, instrument, recv_ns):
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), provider="odd")


class ItsOwnTime(Sound):
    def trade(self, message, instrument, recv_ns):
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), recv_ns=message.ns)


class VenueSpelling(Sound):
    def trade(self, message, instrument, recv_ns):
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), instrument="BTC-USDT")


class Floats(Sound):
    def trade(self, message, instrument, recv_ns):
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), price=float(message.p))


class Unfit(Sound):
    def quote(self, message, instrument, recv_ns):
        raise ValueError("no quotes")


class Rounds(Sound):
    def trade(self, message, instrument, recv_ns):
        price = Decimal(message.p).normalize()
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), price=price)


class Milliseconds(Sound):
    def trade(self, message, instrument, recv_ns):
        event_ns = message.ns // 1_000_000 * 1_000_000
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), event_ns=event_ns)


class TextIds(Sound):
    def trade(self, message, instrument, recv_ns):
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), id=str(message.id))


class NoQuotes(Sound):
    def quote(self, message, instrument, recv_ns):
        return make_trade(id=9, provider=LEG, recv_ns=recv_ns)

    def parse(self, payload, recv_ns):
        return [] if b'"quotes:' in payload else super().parse(payload, recv_ns)


class EightPlaces(Sound):
    """Keeps as many places as its author has seen."""

    def trade(self, message, instrument, recv_ns):
        made = super().trade(message, instrument, recv_ns)
        places = min(8, len(message.p.partition(".")[2]))
        return msgspec.structs.replace(made, price=made.price.quantize(Decimal(1).scaleb(-places)))


class ByAFloat(Sound):
    """Its digits are as many as the venue's, and others."""

    def quote(self, message, instrument, recv_ns):
        made = super().quote(message, instrument, recv_ns)
        places = len(message.b.partition(".")[2])
        return msgspec.structs.replace(made, bid_price=Decimal(f"{float(message.b):.{places}f}"))


class FloatIds(Sound):
    def trade(self, message, instrument, recv_ns):
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), id=int(float(message.id)))


class OneAMoment(Sound):
    """Takes a second trade of a moment for the first one."""

    def __init__(self, settings, context):
        super().__init__(settings, context)
        self.newest_ns = None

    def parse(self, payload, recv_ns):
        found = super().parse(payload, recv_ns)
        times = [tick.event_ns for tick in found]
        if times and times == [self.newest_ns]:
            return []
        self.newest_ns = times[0] if times else self.newest_ns
        return found


class LeavesOut(Sound):
    """Tells of what is no JSON, and passes over what has a number that is none."""

    def read(self, payload, recv_ns):
        try:
            return self.parse(payload, recv_ns)
        except (ValueError, ArithmeticError, RecursionError) as exc:
            return self.unreadable(payload, recv_ns, str(exc)) if payload[-1:] != b"}" else []


class Patient(Sound):
    def __init__(self, settings, context):
        super().__init__(msgspec.structs.replace(settings, silent_s=1e6), context)


class OnlyTheFirst(Patient):
    def wanted(self):
        return super().wanted()[::2]


class LastOfBatch(Sound):
    def decode(self, payloads, recv_ns):
        return super().decode(payloads, recv_ns)[-1:]


class Raises(Sound):
    def read(self, payload, recv_ns):
        return self.parse(payload, recv_ns)


class WantsRaises(Sound):
    def wants(self, payload):
        return bool(self.parse(payload, 0))


class Trusting(Sound):
    """Whatever Decimal takes is a price."""

    def trade(self, message, instrument, recv_ns):
        try:
            price = Decimal(message.p)
        except ArithmeticError:
            raise ValueError(message.p) from None
        message.p = "1"
        return msgspec.structs.replace(super().trade(message, instrument, recv_ns), price=price)


class DropsGarbage(Sound):
    def unreadable(self, payload, recv_ns, reason):
        return []


class KeepsTheBeginning(Sound):
    def unreadable(self, payload, recv_ns, reason):
        return super().unreadable(payload[:10], recv_ns, reason)


class WantsNothing(Sound):
    def wants(self, payload):
        return False


# -- living


class NeverConnects(Sound):
    async def run(self, intake, *, task_status):
        await anyio.sleep_forever()


class NeverSaysSo(Sound):
    async def run(self, intake, *, task_status):
        await super().run(intake, task_status=anyio.TASK_STATUS_IGNORED)


class StopsLate(Sound):
    async def run(self, intake, *, task_status):
        try:
            await super().run(intake, task_status=task_status)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(2.0)


class Swallows(Sound):
    """It takes the caller's cancellation for a loss."""

    async def run(self, intake, *, task_status):
        try:
            await super().run(intake, task_status=task_status)
        except trio.Cancelled:
            raise self.lost("cancelled", "lost") from None


class Outlives(Sound):
    """Cancelled, it ends as if it had come to its end."""

    async def run(self, intake, *, task_status):
        try:
            await super().run(intake, task_status=task_status)
        except trio.Cancelled:
            return


class LeavesASocket(Sound):
    left: Sequence[socket.socket] = []

    async def subscribe(self, socket_):
        host, _, port = self.settings.ws_url.removeprefix("ws://").partition("/")[0].partition(":")
        LeavesASocket.left = [*LeavesASocket.left, socket.create_connection((host, int(port)))]
        await super().subscribe(socket_)


class RaisesWhenCancelled(Sound):
    async def run(self, intake, *, task_status):
        try:
            await super().run(intake, task_status=task_status)
        finally:
            del self.subscribed

    async def subscribe(self, socket):
        await super().subscribe(socket)
        self.subscribed = True


class GivesUp(Sound):
    def lost(self, why, cause, retry_after_s=None):
        return PermanentError(why, provider=LEG)


class Breaks(Sound):
    def translated(self, exc):
        return KeyError("code")


class Returns(Sound):
    async def run(self, intake, *, task_status):
        try:
            await super().run(intake, task_status=task_status)
        except Exception:  # noqa: BLE001 - it is meant to be wrong
            return


class SaysNothing(Sound):
    async def run(self, intake, *, task_status):
        try:
            await super().run(intake, task_status=task_status)
        except Exception:  # noqa: BLE001 - it is meant to be wrong
            await anyio.sleep_forever()


class CallsItLost(Sound):
    def lost(self, why, cause, retry_after_s=None):
        return super().lost(why, "lost", retry_after_s)


class Forgets(Sound):
    runs = 0

    def wanted(self):
        self.runs += 1
        return super().wanted()[: 2 if self.runs == 1 else 1]


class AsksForMore(Sound):
    runs = 0

    def wanted(self):
        self.runs += 1
        return [*super().wanted(), *(["trades:ETH-USDT"] if self.runs > 1 else [])]


class Impatient(Sound):
    def translated(self, exc):
        return self.lost(str(exc), "lost")


class Hopes(Sound):
    def permanent(self):
        return self.lost("the key is refused", "lost")


# -- showing


class Boasts(Sound):
    def __repr__(self):
        return f"Boasts({self.settings.key.resolve(Path())})"


class Logs(Sound):
    async def subscribe(self, socket):
        logging.getLogger("odd").debug("asks with %s", self.settings.key.resolve(Path()))
        await super().subscribe(socket)


class Prints(Sound):
    async def subscribe(self, socket):
        print(base64.b64encode(self.settings.key.resolve(Path()).encode()).decode())  # noqa: T201
        await super().subscribe(socket)


class Tells(Sound):
    async def hand(self, intake, received):
        detail = f"https://odd.example/?key={self.settings.key.resolve(Path())}"
        intake.tell(VenueTrouble(at_ns=0, provider=LEG, detail=detail, retry_in_s=None))
        await super().hand(intake, received)


class Complains(Sound):
    def permanent(self):
        return PermanentError(f"the key {self.settings.key.resolve(Path())} is refused", provider=LEG)


class WatchesTheSocket(Sound):
    """Anything that comes will do."""

    def patient_until(self, heard):
        return max(heard.values()) + self.settings.silent_s


class HearsNothing(Sound):
    """Ends each session once it was patient enough, whatever comes."""

    def patient_until(self, heard):
        self.until = getattr(self, "until", None) or min(heard.values()) + self.settings.silent_s
        return self.until


class Hoards(Sound):
    async def listen(self, socket, intake):
        kept = []
        ready = trio.Event()

        async def hand_on():
            while True:
                await ready.wait()
                while kept:
                    await self.hand(intake, kept.pop(0))
                await trio.sleep(0.001)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hand_on)
            while True:
                kept.append(await self.next(socket))
                ready.set()


class Discards(Sound):
    async def listen(self, socket, intake):
        newest = [await self.next(socket)]

        async def hand_on():
            while True:
                await self.hand(intake, newest[0])
                await trio.sleep(0.001)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hand_on)
            while True:
                newest[0] = await self.next(socket)


class ItsOwnClock(Sound):
    async def hand(self, intake, received):
        await super().hand(intake, received._replace(recv_ns=time.time_ns()))


class Backwards(Sound):
    before = 0

    async def hand(self, intake, received):
        self.before += 1_000_000
        await super().hand(intake, received._replace(recv_ns=received.recv_ns - 3 * self.before))


class ItsOwnMono(Sound):
    async def hand(self, intake, received):
        await super().hand(intake, received._replace(mono_ns=time.monotonic_ns()))


class OnlyTrades(Patient):
    def wanted(self):
        return [name for name in super().wanted() if name.startswith("trades")]


class Undeclared(Sound):
    """It makes up a trade after each."""

    def parse(self, payload, recv_ns):
        found = super().parse(payload, recv_ns)
        return [msgspec.structs.replace(tick, synthetic=True) for tick in found]


class Mutters(Sound):
    def parse(self, payload, recv_ns):
        if b'"id":20,' in payload:
            raise ValueError("not this one")
        return super().parse(payload, recv_ns)


class Others(Sound):
    def parse(self, payload, recv_ns):
        return [
            msgspec.structs.replace(tick, instrument="ETH/USDT") if b'"id":20,' in payload else tick
            for tick in super().parse(payload, recv_ns)
        ]


class Skips(Sound):
    def parse(self, payload, recv_ns):
        return [] if b'"id":20,' in payload else super().parse(payload, recv_ns)


class OtherPrices(Past):
    def tick(self, row, instrument):
        return msgspec.structs.replace(super().tick(row, instrument), price=Decimal(row.p).normalize())


class Invents(Past):
    def tick(self, row, instrument):
        number = row.id if row.id % 5 else row.id + 100_000
        return msgspec.structs.replace(super().tick(row, instrument), id=number)


class Omits(Past):
    async def rows(self, instrument, channel):
        return [row for row in await super().rows(instrument, channel) if row.id % 5]


def broken(kind: Callable[..., object], **changes: object) -> Callable[[Path], ProviderCase]:
    return lambda folder: replace(case_of(kind, folder), **{**CALM, **changes})


def books(kind: Callable[..., object], **changes: object) -> Callable[[Path], ProviderCase]:
    return lambda folder: replace(books_of(kind, folder), **{**CALM, **changes})


def two_instruments(folder: Path) -> ProviderCase:
    def make(number: int, now_ns: int):
        for stream, said in odd.make(number, now_ns):
            yield stream, said
            other = stream.replace("BTC", "ETH")
            yield other, {**said, "ch": other}

    case = case_of(OnlyTheFirst, folder, make=make)
    context = make_provider_context(odd.BTC, "ETH/USDT", channels=odd.CHANNELS, name=LEG)
    return replace(case, context=context, start_s=2.0)


def with_past(past: Callable[..., object]) -> Callable[[Path], ProviderCase]:
    return lambda folder: case_of(folder=folder, past=past)


def with_capabilities(capabilities: Capabilities) -> Callable[[Path], ProviderCase]:
    return lambda folder: case_of(folder=folder, capabilities=capabilities)


def changed(change: Callable[[ProviderCase], ProviderCase]) -> Callable[[Path], ProviderCase]:
    return lambda folder: change(case_of(folder=folder))


def without_history(case: ProviderCase) -> ProviderCase:
    return replace(case, spec=replace(case.spec, history=None))


def beyond_offer(case: ProviderCase) -> ProviderCase:
    return replace(case, context=replace(case.context, channels=frozenset({"trades", "book"})))


def spelt(to_venue: Callable[[InstrumentId], str], *examples: str) -> Callable[[Path], ProviderCase]:
    symbols = Symbols(to_venue=to_venue, to_canonical=odd.to_canonical, examples=examples)
    return changed(lambda case: replace(case, symbols=symbols))


HEALS = replace(odd.CAPABILITIES, heals=frozenset({"trades"}))


def refuses(instrument: InstrumentId) -> str:
    raise ValueError(instrument)


BROKEN: list[tuple[str, Callable[[Path], ProviderCase], str]] = [
    (
        "P01",
        changed(lambda case: replace(case, spec=replace(case.spec, settings=Loose), settings=Loose())),
        "takes unknown",
    ),
    ("P01", changed(lambda case: replace(case, settings=Loose())), "settings are no OddSettings"),
    ("P02", changed(beyond_offer), r"asks for \['book'\]"),
    ("P02", changed(without_history), "gives provider_spec no `history`"),
    ("P03", broken(ItsOwnName), "not the leg's name"),
    ("P03", broken(ItsOwnTime), "not its batch's"),
    ("P03", broken(VenueSpelling), "instrument not asked for"),
    ("P03", broken(Floats), "price is a float"),
    ("P03", broken(Unfit), "cannot decode a genuine message: no quotes"),
    ("P03", broken(Sound, payloads=[b"{}"]), "no tick"),
    ("P04", broken(Rounds), r"tick 1 .*not the one expected"),
    ("P04", broken(Milliseconds), "not the one expected"),
    ("P04", broken(TextIds), "not the one expected"),
    ("P04", broken(EightPlaces), "reads another number than 101.50123456789012345678901"),
    ("P04", broken(ByAFloat), "reads another number than 100.00123456789012345678901"),
    ("P04", broken(FloatIds), "reads another number than 9007199254740993"),
    ("P04", broken(OneAMoment), "reads two trades of one moment as 1"),
    ("P04", broken(NoQuotes), "decode to 2 ticks, and `expected` has 3"),
    ("P04", broken(Sound, payloads=odd.PAYLOADS[:2], expected=odd.EXPECTED[:2]), "has a tick of quotes"),
    ("P04", broken(Sound, expected=()), "the case has no `expected`"),
    ("P05", broken(LastOfBatch), "than its messages singly"),
    ("P06", broken(Raises), "raises .*return an Undecodable"),
    ("P06", broken(WantsRaises), "raises"),
    ("P07", broken(Trusting), "not finite"),
    ("P08", broken(DropsGarbage), "as one Undecodable"),
    ("P08", broken(KeepsTheBeginning), "as one Undecodable"),
    ("P08", broken(LeavesOut), "leaves out without a word"),
    ("P09", broken(WantsNothing), "does not want"),
    ("P10", spelt(lambda name: name.replace("/", "")), "reads that as"),
    ("P10", spelt(refuses), "refuses BTC/USDT"),
    ("P10", spelt(odd.to_venue, "BTC/USDT"), "and spells that 'BTC-USDT'"),
    ("P11", broken(NeverConnects, start_s=1.0), "brought no data within 1 s; it has not called"),
    ("P11", broken(NeverSaysSo, start_s=2.0), "has not called task_status"),
    ("P11", broken(StopsLate, stop_s=0.7), "to stop after it was cancelled"),
    ("P12", broken(StopsLate, stop_s=1.5), "takes [2-3].. s to end"),
    ("P12", broken(Swallows), "raises TransientError"),
    ("P12", broken(Outlives), "let the cancellation through"),
    ("P12", broken(LeavesASocket), "leaves [12] descriptors open"),
    ("P12", broken(RaisesWhenCancelled), "raises AttributeError"),
    ("P12", broken(NeverConnects, start_s=1.0), "no session to be cancelled"),
    ("P13", broken(GivesUp), "raise a TransientError"),
    ("P13", broken(Breaks), "defect of its own, KeyError"),
    ("P13", broken(Returns), r"run\(\) returned after its connections were cut"),
    ("P13", broken(SaysNothing, stop_s=1.0), "goes on .* after its connections were cut"),
    ("P14", broken(Patient), "goes on 1.5 s after the venue fell silent"),
    ("P14", broken(CallsItLost), 'say cause="silent"'),
    ("P14", broken(HearsNothing), "the session ended; its session ended: .*connected and silent"),
    ("P15", broken(Forgets, start_s=2.0), "no tick on each channel again"),
    ("P15", broken(AsksForMore, start_s=2.0), "beyond: .*ETH-USDT"),
    ("P16", broken(GivesUp), "takes HTTP status 503 for PermanentError"),
    ("P17", broken(Impatient), "retry_after_s=None"),
    ("P18", broken(Hopes), "raise a PermanentError"),
    ("P19", broken(Boasts), "in its repr"),
    ("P19", broken(Logs), "in a log record of odd"),
    ("P19", broken(Prints), "in what it prints"),
    ("P19", broken(Tells), "in an event"),
    ("P19", broken(Complains), "in an error"),
    ("P20", broken(Hoards), "odd hoards"),
    ("P20", broken(Discards), "throws away what it reads"),
    ("P21", broken(ItsOwnClock), "take it from context.clock"),
    ("P21", broken(Backwards), "hands over recv_ns"),
    ("P21", broken(ItsOwnMono), "hands over mono_ns"),
    ("P22", broken(OnlyTrades, start_s=1.0), r"brings nothing of \['quotes'\]"),
    ("P22", two_instruments, r"brings nothing of \['ETH/USDT'\]"),
    ("P23", broken(Undeclared), "synthetic is False"),
    ("P23", broken(Mutters), "cannot read what its venue sent"),
    ("P23", broken(Others), "instrument not asked for"),
    ("P24", broken(Skips), "21 follows 19"),
    ("P24", broken(TextIds), "follows None"),
    ("P26", with_capabilities(HEALS), "it neither fetched"),
    ("P25", with_past(OtherPrices), "says otherwise"),
    ("P25", with_past(Omits), "not in the history"),
    ("P25", with_past(Invents), "not in the history|not live"),
    ("P27", books(GoesOn), "goes on with the next one"),
    ("P27", books(Mute), "says nothing of 3 messages of a book"),
    ("P27", books(NeverWhole, start_s=1.5), "does not come back within 1.5 s"),
    ("P28", broken(WatchesTheSocket), "goes on 1.5 s after the channel quotes alone"),
    ("P28", broken(CallsItLost), 'raise a TransientError with cause="silent"'),
]


def check_of(number: str) -> Callable[[ProviderConformance, ProviderCase], None]:
    (name,) = [
        name
        for name in dir(ProviderConformance)
        if (found := law_of(getattr(ProviderConformance, name))) is not None and found.number == number
    ]
    return getattr(ProviderConformance, name)


def test_there_is_a_breaker_of_every_law() -> None:
    """No law goes unproven, and each check is a law."""
    numbers = [law.number for law in laws_of(ProviderConformance)]
    assert numbers == sorted({number for number, _, _ in BROKEN})
    assert len(numbers) == len([name for name in dir(ProviderConformance) if name.startswith("test_")])


@pytest.mark.parametrize(
    ("number", "case", "message"),
    BROKEN,
    ids=[f"{number}-{place}" for place, (number, _, _) in enumerate(BROKEN)],
)
def test_each_law_can_be_broken(
    number: str,
    case: Callable[[Path], ProviderCase],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broken provider fails the law that is about its fault, in words that name it."""
    monkeypatch.setattr(living_laws, "_GONE_S", 0.3)
    with pytest.raises(AssertionError, match=rf"^{number}: .*\n(.|\n)*({message})"):
        check_of(number)(ProviderConformance(), case(tmp_path))
