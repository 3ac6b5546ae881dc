"""What only this provider promises; that it is a sound one is the kit's to say."""

from collections.abc import Iterable, Sequence

import anyio
import pytest
import trio
from ticktrail.errors import TransientError
from ticktrail.events import Event
from ticktrail.model import Tick
from ticktrail.testing.venue import JsonClient, LiveTape

from acme_ticktrail.conformance import CONTEXT
from acme_ticktrail.provider import (
    AcmeProvider,
    AcmeSettings,
)
from acme_ticktrail.venue import (
    AcmeVenue,
    market,
)


class HalfVenue(AcmeVenue):
    """Confirms the first stream alone."""

    def hear(self, client: JsonClient, message: object) -> Iterable[object]:
        """Answer half."""
        super().hear(client, message)
        assert isinstance(message, dict)
        return ({"ch": "subscribed", "streams": message["streams"][:1]},)


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


def test_a_subscription_confirmed_in_part_is_none() -> None:
    """What is missing would be silent for ever, beside what is not."""

    async def session() -> None:
        async with HalfVenue(LiveTape(market)).serve() as venue:
            settings = AcmeSettings(ws_url=venue.ws_url())
            provider = AcmeProvider(settings, CONTEXT)
            with trio.fail_after(5):
                await provider.run(Nobody(), task_status=anyio.TASK_STATUS_IGNORED)

    with pytest.raises(TransientError, match="confirmed no trades:BTC-USDT"):
        anyio.run(session, backend="trio")
