"""A made-up market and a replay keep the laws of every provider, as far as they speak to nobody."""

import json
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from ticktrail._host import Host
from ticktrail.model import Trade
from ticktrail.plugin import SystemClock
from ticktrail.testing import ProviderCase, ProviderConformance, Stage
from ticktrail_mock.replay import ReplaySettings
from ticktrail_mock.synthetic import SyntheticSettings
from unit.mock.test_providers import context

HOST = Host.load()
MS = 1_000_000
BEGAN_NS = 1_700_000_000_000_000_000


def staged(settings):
    @asynccontextmanager
    async def stage():
        yield Stage(settings=settings)

    return stage


class TestSynthetic(ProviderConformance):
    """It makes its ticks itself."""

    @pytest.fixture
    def case(self):
        settings = SyntheticSettings(rate=1_000)
        return ProviderCase(
            spec=HOST.providers()["synthetic"],
            settings=settings,
            context=context(channels=("trades", "quotes", "ticker"), clock=SystemClock()),
            payloads=(),
            stage=staged(settings),
        )


class TestSyntheticOnAsyncio(TestSynthetic):
    """On either event loop."""

    backend = "asyncio"


class TestReplay(ProviderConformance):
    """Its decoder is the venue's."""

    clock = "system"

    @pytest.fixture
    def case(self, tmp_path):
        lines = [
            {"recv_ns": BEGAN_NS + number * MS, "kind": "ws", "raw": message(number)}
            for number in range(2_000)
        ]
        (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
        settings = ReplaySettings(path="r.jsonl", speed="max", clock=self.clock)
        return ProviderCase(
            spec=HOST.providers()["replay"],
            settings=settings,
            context=context(tmp_path, channels=("trades",), clock=SystemClock()),
            payloads=[message(7).encode(), message(8).encode()],
            expected=[trade(7), trade(8)],
            stage=staged(settings),
        )


class TestReplayByTheRecordingsClock(TestReplay):
    """Whose times are the recording's own."""

    clock = "recording"


def message(number):
    return (
        f'{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":{number},'
        f'"p":"61837.6300","q":"0.0200","T":{1_700_000_000_000 + number},"m":false,"M":true}}}}'
    )


def trade(number):
    return Trade(
        instrument="BTC/USDT",
        provider="leg",
        event_ns=(1_700_000_000_000 + number) * MS,
        recv_ns=0,
        id=number,
        price=Decimal("61837.6300"),
        size=Decimal("0.0200"),
        side="buy",
    )
