"""Providers that break a law each, made of the sound one: what each does otherwise is a method of its own."""

import base64
import logging
import socket
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import anyio
import msgspec
import trio

from ticktrail.errors import PermanentError
from ticktrail.events import VenueTrouble
from ticktrail.testing import make_trade
from unit.testing import odd
from unit.testing.odd import LEG, Past, Sound


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
