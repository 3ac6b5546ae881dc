"""What only this provider promises; that it is a sound one is the kit's to say."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import anyio
import pytest
import trio
from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.events import Event
from ticktrail.model import InstrumentId, Tick
from ticktrail.testing.venue import JsonClient, LiveTape

from coinbase_ticktrail.conformance import CONTEXT
from coinbase_ticktrail.messages import Heartbeat, LastMatch
from coinbase_ticktrail.plugin import check
from coinbase_ticktrail.provider import CoinbaseProvider, CoinbaseSettings
from coinbase_ticktrail.venue import PRODUCT, CoinbaseVenue, error, market
from coinbase_ticktrail.watch import Watch


class Odd(CoinbaseVenue):
    """Answers a subscription in another way."""

    def __init__(self, answer: Callable[[], object]) -> None:
        super().__init__(LiveTape(market))
        self.said = answer

    def hear(self, client: JsonClient, message: object) -> Iterable[object]:
        """Answer."""
        super().hear(client, message)
        return (self.said(),)


class Nobody:
    """An intake that lets everything go by."""

    async def frames(self, payloads: Sequence[bytes], *, recv_ns: int, mono_ns: int) -> None:
        """Take what a read brought."""

    async def ticks(self, ticks: Sequence[Tick], *, recv_ns: int, mono_ns: int) -> None:
        """Take ready ticks."""

    async def settled(self) -> bool:
        """Tell that all is with the sinks."""
        return True

    def tell(self, event: Event) -> None:
        """Take an event."""


def session(answer: object) -> None:
    """Live through a session whose subscription is answered so."""

    async def live() -> None:
        async with Odd(lambda: answer).serve() as venue:
            provider = CoinbaseProvider(CoinbaseSettings(ws_url=venue.ws_url(), answer_s=0.3), CONTEXT)
            with trio.fail_after(5):
                await provider.run(Nobody(), task_status=anyio.TASK_STATUS_IGNORED)

    anyio.run(live, backend="trio")


def test_a_subscription_confirmed_in_part_is_none() -> None:
    """What is missing would be silent for ever, beside what is not."""
    with pytest.raises(TransientError, match="confirmed no ticker of BTC-USD"):
        session({"type": "subscriptions", "channels": [{"name": "matches", "product_ids": [PRODUCT]}]})


def test_an_unconfirmed_subscription_is_told() -> None:
    """A venue that talks of something else has not confirmed."""
    with pytest.raises(TransientError, match=r"not confirm the subscription within 0\.3 s"):
        session({"type": "heartbeat", "product_id": PRODUCT, "last_trade_id": 1})


@pytest.mark.parametrize(
    ("reason", "kind", "cause"),
    [
        ("XYZ-USD is not a valid product", PermanentError, "refused"),
        ("No channels provided", TransientError, "refused"),
        ("ErrSlowConsume", TransientError, "slow"),
    ],
)
def test_errors_are_told_apart(reason: str, kind: type[TransientError | PermanentError], cause: str) -> None:
    """Only what no second try would change is permanent."""
    with pytest.raises(kind, match=reason) as raised:
        session(error(reason))
    assert raised.value.cause == cause


def test_a_sleeping_market_is_no_silence() -> None:
    """The heartbeat's last trade is the one that was heard, for hours; then it is not."""
    watch = Watch([("matches", PRODUCT)], silent_s=10)
    watch.take(Heartbeat(product_id=PRODUCT, last_trade_id=7), 0)
    for now_s in (1.0, 3_600.0):
        watch.take(Heartbeat(product_id=PRODUCT, last_trade_id=7), now_s)
        assert watch.silent(now_s) == ""
    watch.take(Heartbeat(product_id=PRODUCT, last_trade_id=8), 3_601)
    assert watch.silent(3_610.9) == ""
    assert "matches of BTC-USD" in watch.silent(3_611)
    watch.take(LastMatch(product_id=PRODUCT, trade_id=8, price=1, size=1, side="buy", time=""), 3_612)  # type: ignore[arg-type]
    assert watch.silent(3_700) == ""


def test_what_is_no_pair_is_refused_before_a_socket_is_opened() -> None:
    """By `ticktrail check`, with the remedy."""
    with pytest.raises(ConfigError, match="write one such as"):
        check(CoinbaseSettings(), replace(CONTEXT, instruments=(InstrumentId("AAPL"),)))
