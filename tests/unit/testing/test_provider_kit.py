"""Each check of the provider kit can fail: one deliberately broken provider a check."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec
import pytest

from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId, ProviderId, Tick, Undecodable
from ticktrail.plugin import (
    Capabilities,
    Intake,
    Provider,
    ProviderContext,
    Registry,
    Settings,
    provider_spec,
)
from ticktrail.testing import ManualClock, ProviderCase, ProviderConformance, Stage, make_trade
from ticktrail.testing import _providers as kit

PAYLOADS = [json.dumps({"id": number, "price": f"10{number}.50"}).encode() for number in range(3)]


class Empty(Settings, frozen=True):
    pass


class Loose(msgspec.Struct, frozen=True):
    pass


class NoProviders:
    def provider(self, name: str) -> NoReturn:
        raise ConfigError(f"no provider {name}")


class Sound:
    """A venue whose messages are ``{"id": 1, "price": "1.00"}``."""

    def __init__(self, context: ProviderContext) -> None:
        self.context = context

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        return [self.read(payload, recv_ns) for payload in payloads]

    def read(self, payload: bytes, recv_ns: int) -> Tick | Undecodable:
        try:
            message = json.loads(payload)
            return self.tick(message["price"], message["id"], recv_ns)
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            return Undecodable(provider=self.context.name, recv_ns=recv_ns, raw=payload, reason=str(exc))

    def tick(self, price: str, number: int, recv_ns: int) -> Tick:
        return make_trade(price, id=number, provider=self.context.name, recv_ns=recv_ns)

    def wants(self, payload: bytes) -> bool:
        return True

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        task_status.started()
        await intake.frames(PAYLOADS, recv_ns=7, mono_ns=7)
        await anyio.sleep_forever()


class Raises(Sound):
    def read(self, payload: bytes, recv_ns: int) -> Tick | Undecodable:
        message = json.loads(payload)
        return self.tick(message["price"], message["id"], recv_ns)


class DropsGarbage(Sound):
    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        return [found for found in super().decode(payloads, recv_ns) if not isinstance(found, Undecodable)]


class ItsOwnName(Sound):
    def tick(self, price: str, number: int, recv_ns: int) -> Tick:
        return make_trade(price, id=number, provider="venue", recv_ns=recv_ns)


class ItsOwnTime(Sound):
    def tick(self, price: str, number: int, recv_ns: int) -> Tick:
        return make_trade(price, id=number, provider=self.context.name)


class VenueSpelling(Sound):
    def tick(self, price: str, number: int, recv_ns: int) -> Tick:
        return make_trade(price, instrument="BTCUSDT", provider=self.context.name, recv_ns=recv_ns)


class Floats(Sound):
    def tick(self, price: str, number: int, recv_ns: int) -> Tick:
        tick = make_trade(price, provider=self.context.name, recv_ns=recv_ns)
        return msgspec.structs.replace(tick, price=float(price))


class NotANumber(Sound):
    def tick(self, price: str, number: int, recv_ns: int) -> Tick:
        return make_trade("NaN", provider=self.context.name, recv_ns=recv_ns)


class HiddenSynthetic(Sound):
    def tick(self, price: str, number: int, recv_ns: int) -> Tick:
        return make_trade(price, provider=self.context.name, recv_ns=recv_ns, synthetic=True)


class LastOfBatch(Sound):
    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        return super().decode(payloads, recv_ns)[-1:]


class WantsNothing(Sound):
    def wants(self, payload: bytes) -> bool:
        return False


class NeverStarts(Sound):
    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        await anyio.sleep_forever()


class NeverStops(Sound):
    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        task_status.started()
        await intake.frames(PAYLOADS, recv_ns=7, mono_ns=7)
        with anyio.move_on_after(1, shield=True):
            await anyio.sleep_forever()


def case_of(kind: Callable[[ProviderContext], Provider] = Sound) -> ProviderCase:
    def describe(settings: Empty, registry: Registry) -> Capabilities:
        return Capabilities(channels=frozenset({"trades"}))

    def open_provider(settings: Empty, context: ProviderContext) -> Provider:
        return kind(context)

    context = ProviderContext(
        name=ProviderId("leg"),
        instruments=(InstrumentId("BTC/USDT"),),
        channels=frozenset({"trades"}),
        clock=ManualClock(),
        base_dir=Path(),
        registry=NoProviders(),
    )

    @asynccontextmanager
    async def stage() -> AsyncIterator[Stage]:
        await anyio.lowlevel.checkpoint()
        yield Stage(settings=Empty())

    spec = provider_spec(name="odd", summary="odd", settings=Empty, open=open_provider, describe=describe)
    return ProviderCase(spec=spec, settings=Empty(), context=context, payloads=PAYLOADS, stage=stage)


class TestASoundProvider(ProviderConformance):
    @pytest.fixture
    def case(self) -> ProviderCase:
        return case_of()


class TestASoundProviderOnAsyncio(TestASoundProvider):
    backend = "asyncio"


SOUND = case_of()
BROKEN: list[tuple[str, ProviderCase, str]] = [
    (
        "test_settings_are_strict",
        replace(SOUND, spec=replace(SOUND.spec, settings=Loose), settings=Loose()),  # type: ignore[arg-type]
        "takes unknown keys",
    ),
    (
        "test_offers_the_channels_asked_for",
        replace(SOUND, context=replace(SOUND.context, channels=frozenset({"book"}))),
        "offers",
    ),
    ("test_decodes_genuine_messages", case_of(ItsOwnName), "leg's name"),
    ("test_decodes_genuine_messages", case_of(ItsOwnTime), "not its batch's"),
    ("test_decodes_genuine_messages", case_of(VenueSpelling), "instrument not asked for"),
    ("test_decodes_genuine_messages", case_of(Floats), "is a float"),
    ("test_decodes_genuine_messages", case_of(NotANumber), "not finite"),
    ("test_decodes_genuine_messages", case_of(HiddenSynthetic), "synthetic"),
    ("test_decodes_genuine_messages", replace(SOUND, payloads=[b"{}"]), "cannot decode"),
    ("test_a_batch_is_its_messages_one_by_one", case_of(LastOfBatch), "than its messages singly"),
    ("test_decoding_never_raises", case_of(Raises), "raises"),
    ("test_decoding_never_raises", case_of(DropsGarbage), "one Undecodable"),
    ("test_wants_what_it_decodes", case_of(WantsNothing), "does not want"),
    ("test_runs_and_stops", case_of(NeverStarts), "brought no data"),
    ("test_runs_and_stops", case_of(NeverStops), "to stop"),
]


def test_there_is_a_broken_provider_for_every_check() -> None:
    """No check goes unproven."""
    names = {name for name in dir(ProviderConformance) if name.startswith("test_")}
    assert {check for check, _, _ in BROKEN} == names


@pytest.mark.parametrize(("check", "case", "message"), BROKEN)
def test_each_check_can_fail(
    check: str, case: ProviderCase, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken provider fails the check that is about its fault, in words that name it."""
    monkeypatch.setattr(kit, "_START_S", 0.3)
    monkeypatch.setattr(kit, "_CANCEL_S", 0.2)
    with pytest.raises(AssertionError, match=message):
        getattr(ProviderConformance(), check)(case)
