"""Live through one session after another.

A provider never retries: it raises, and the leg calls again after its backoff, with jitter. So this plugin
needs no limit of its own for Coinbase's eight connections a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import anyio.abc
import msgspec
import trio
from msgspec import Meta
from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.net import HandshakeRefused, WebSocketError, open_websocket
from ticktrail.plugin import Intake, ProviderContext, Settings

from coinbase_ticktrail.decoder import CoinbaseDecoder
from coinbase_ticktrail.messages import Error, Message, Subscriptions, product_of, read
from coinbase_ticktrail.watch import VENUE_CHANNELS, Watch


# [settings]
class CoinbaseSettings(Settings, frozen=True):
    """The keys of ``[providers.coinbase]``.

    Attributes:
        ws_url: Coinbase's public feed; no account is needed.
        answer_s: Within how many seconds the subscription has to be confirmed.
        silent_s: How many seconds a channel may lag behind the heartbeat, and the heartbeat behind the clock.
    """

    ws_url: str = "wss://ws-feed.exchange.coinbase.com"
    answer_s: Annotated[float, Meta(gt=0)] = 10.0
    silent_s: Annotated[float, Meta(gt=0)] = 10.0


# [session]
class CoinbaseProvider(CoinbaseDecoder):
    """One leg.

    Args:
        settings: Its table in the feed file.
        context: The leg's name, instruments, channels and clock.
    """

    def __init__(self, settings: CoinbaseSettings, context: ProviderContext) -> None:
        super().__init__(context)
        self._settings = settings
        self._clock = context.clock
        products = [product_of(name) for name in context.instruments]
        channels = [VENUE_CHANNELS[channel] for channel in sorted(context.channels)]
        self._streams = [(channel, product) for channel in channels for product in products]
        self._subscription = {
            "type": "subscribe",
            "channels": [{"name": name, "product_ids": products} for name in ("heartbeat", *channels)],
        }

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live through one session: connect, subscribe, see it confirmed, hand over what comes.

        Raises:
            TransientError: The session was lost, or never came about.
            PermanentError: Coinbase does not have what is asked for.
        """
        settings = self._settings
        watch = Watch(self._streams, settings.silent_s)
        try:
            async with open_websocket(settings.ws_url, clock=self._clock) as socket:
                await socket.send(msgspec.json.encode(self._subscription).decode())
                is_started = False
                left_s = settings.answer_s
                while True:
                    began_s = trio.current_time()
                    with trio.move_on_after(left_s) as patience:
                        received = await socket.receive()
                    if patience.cancelled_caught:
                        raise self._unheard(is_started)
                    left_s -= trio.current_time() - began_s  # waiting counts, and being behind does not
                    await intake.frames(received.payloads, recv_ns=received.recv_ns, mono_ns=received.mono_ns)
                    for message in _readable(received.payloads):
                        if isinstance(message, Error):
                            raise self._refused(message)
                        if isinstance(message, Subscriptions) and not is_started:
                            self._see_all(message)
                            task_status.started()
                            is_started = True
                        watch.take(message, trio.current_time())
                    if is_started:
                        left_s = settings.silent_s  # a heartbeat a second comes whatever the market does
                    if silent := watch.silent(trio.current_time()):
                        raise self._lost(f"connected and silent: {silent}", "silent")
        except HandshakeRefused as exc:
            cause = "limited" if exc.status == 429 else "refused"
            raise self._lost(str(exc), cause, exc.retry_after_s) from exc
        except WebSocketError as exc:
            raise self._lost(str(exc)) from exc

    # [errors]
    def _see_all(self, message: Subscriptions) -> None:
        """Raise where less is confirmed than was asked for: what is missing would just be silent."""
        confirmed = {(one.name, product) for one in message.channels for product in one.product_ids}
        if missing := [stream for stream in self._streams if stream not in confirmed]:
            channel, product = missing[0]
            raise self._lost(f"Coinbase confirmed no {channel} of {product}", "refused")

    def _refused(self, message: Error) -> ProviderError:
        """Return the error that the venue's own word is; an unknown product spoils the whole request."""
        told = f"Coinbase: {message.message[:100]}: {message.reason[:200]}".removesuffix(": ")
        if "not a valid product" in message.reason:
            return PermanentError(f"leg {self._name!r}: {told}; mend the instruments", provider=self._name)
        return self._lost(told, "slow" if "ErrSlowConsume" in told else "refused")

    def _unheard(self, is_started: bool) -> TransientError:
        """Return the error of a venue from which nothing comes, not even a heartbeat."""
        if is_started:
            silent_s = self._settings.silent_s
            return self._lost(f"connected and silent: no heartbeat for {silent_s:g} s", "silent")
        return self._lost(f"Coinbase did not confirm the subscription within {self._settings.answer_s:g} s")

    def _lost(self, what: str, cause: str = "lost", retry_after_s: float | None = None) -> TransientError:
        """Return an error after which the leg tries again, with the leg's name in it."""
        told = f"leg {self._name!r}: {what}"
        return TransientError(told, provider=self._name, cause=cause, retry_after_s=retry_after_s)


def _readable(payloads: Sequence[bytes]) -> Iterator[Message]:
    """Yield the messages; what cannot be read has been handed over, and `decode` says what it is."""
    for payload in payloads:
        try:
            yield read(payload)
        except (ValueError, RecursionError):
            continue
