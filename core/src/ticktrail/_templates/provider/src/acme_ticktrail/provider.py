"""Read the venue's messages into ticks, and live through one session after another.

A provider never retries: it raises, and the leg calls again after its backoff.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Final

import anyio.abc
import msgspec
import trio
from msgspec import Meta
from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.model import Channel, Quote, Tick, Trade, Undecodable
from ticktrail.net import HandshakeRefused, WebSocketError, open_websocket
from ticktrail.plugin import Intake, ProviderContext, Settings

from acme_ticktrail.messages import (
    Message,
    QuoteMessage,
    Refused,
    Subscribed,
    TradeMessage,
    read,
    stream_of,
    symbol_of,
)

CHANNELS: Final[frozenset[Channel]] = frozenset({"trades", "quotes"})
HOPELESS: Final = frozenset({"unknown stream"})
"""Reasons of the venue's that no second try would change."""


class AcmeSettings(Settings, frozen=True):
    """The keys of ``[providers.acme]``, and what each is for.

    Attributes:
        ws_url: Where the venue's web socket is.
        answer_s: Within how many seconds the venue has to confirm a subscription.
        silent_s: After how many seconds without data a stream counts as mute, however busy the others are.
            Give it what the quietest of your instruments needs.
    """

    ws_url: str = "ws://127.0.0.1:8765"
    answer_s: Annotated[float, Meta(gt=0)] = 10.0
    silent_s: Annotated[float, Meta(gt=0)] = 30.0


class AcmeProvider:
    """One leg.

    Args:
        settings: Its table in the feed file.
        context: The leg's name, instruments, channels and clock.
    """

    def __init__(
        self,
        settings: AcmeSettings,
        context: ProviderContext,
    ) -> None:
        self._settings = settings
        self._context = context
        self._instruments = {symbol_of(name): name for name in context.instruments}

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks, in order; what cannot be read is kept as an `Undecodable`, and never raised."""
        found: list[Tick | Undecodable] = []
        for payload in payloads:
            try:
                message = read(payload)
                if isinstance(message, TradeMessage | QuoteMessage):
                    found.append(self._tick(message, recv_ns))
            except (ValueError, RecursionError) as exc:
                found.append(
                    Undecodable(
                        provider=self._context.name, recv_ns=recv_ns, raw=bytes(payload), reason=str(exc)
                    )
                )
        return found

    def wants(self, payload: bytes) -> bool:
        """Tell whether a message of a recording is one of this leg's."""
        return any(not isinstance(item, Undecodable) for item in self.decode([payload], 0))

    def _tick(self, message: TradeMessage | QuoteMessage, recv_ns: int) -> Tick:
        """Return the tick that a message is; `ValueError` where it cannot be one of this leg's."""
        instrument = self._instruments.get(message.symbol)
        if instrument is None:
            raise ValueError(f"{message.symbol[:40]!r} was not asked for")
        name = self._context.name
        if isinstance(message, TradeMessage):
            self._see_to("trades", message.price, message.size)
            return Trade(
                instrument=instrument,
                provider=name,
                event_ns=message.time,
                recv_ns=recv_ns,
                id=message.id,
                price=message.price,
                size=message.size,
                side=message.side,
            )
        self._see_to("quotes", message.bid, message.bid_size, message.ask, message.ask_size)
        return Quote(
            instrument=instrument,
            provider=name,
            event_ns=message.time,
            recv_ns=recv_ns,
            bid_price=message.bid,
            bid_size=message.bid_size,
            ask_price=message.ask,
            ask_size=message.ask_size,
        )

    def _see_to(self, channel: Channel, *numbers: Decimal) -> None:
        """Raise `ValueError` for a channel that was not asked for, and for a number without an end."""
        if channel not in self._context.channels:
            raise ValueError(f"the channel {channel} was not asked for")
        if not all(number.is_finite() for number in numbers):
            raise ValueError("a number is not finite")

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live through one session: connect, subscribe, see it confirmed, hand over what comes.

        Raises:
            TransientError: The session was lost, or never came about.
            PermanentError: The venue does not have what is asked for.
        """
        try:
            async with open_websocket(self._settings.ws_url, clock=self._context.clock) as socket:
                await socket.send(
                    msgspec.json.encode({"op": "subscribe", "streams": self._streams()}).decode()
                )
                is_started = False
                patience = Patience(self._streams(), self._settings.answer_s)
                while True:
                    began_s = trio.current_time()
                    with trio.move_on_after(patience.left_s) as wait:
                        received = await socket.receive()
                    if wait.cancelled_caught:
                        raise self._quiet(is_started, patience.stream)
                    patience.waited(trio.current_time() - began_s)  # being behind is no waiting
                    await intake.frames(received.payloads, recv_ns=received.recv_ns, mono_ns=received.mono_ns)
                    for message in _readable(received.payloads):
                        if isinstance(message, Refused):
                            raise self._refused(message)
                        if isinstance(message, Subscribed) and not is_started:
                            self._see_all(message)
                            task_status.started()
                            is_started = True
                            patience = Patience(self._streams(), self._settings.silent_s)
                        patience.heard(stream_of(message))
        except HandshakeRefused as exc:
            cause = "limited" if exc.status == 429 else "refused"
            raise self._lost(str(exc), cause, exc.retry_after_s) from exc
        except WebSocketError as exc:
            raise self._lost(str(exc)) from exc

    def _streams(self) -> list[str]:
        """Return all that the leg wants, in the venue's words."""
        channels = sorted(self._context.channels)
        return [f"{channel}:{symbol}" for channel in channels for symbol in self._instruments]

    def _see_all(self, message: Subscribed) -> None:
        """Raise where the venue confirms less than was asked for: what is missing would just be silent."""
        if missing := set(self._streams()) - set(message.streams):
            raise self._lost(f"the venue confirmed no {', '.join(sorted(missing)[:3])}", "refused")

    def _refused(self, message: Refused) -> ProviderError:
        """Return the error that the venue's own word is."""
        reason = message.reason[:200]
        if message.reason in HOPELESS:
            name = self._context.name
            told = f"leg {name!r}: the venue refuses: {reason}; mend the leg's instruments or channels"
            return PermanentError(told, provider=name)
        return self._lost(f"the venue refuses: {reason}", "refused")

    def _quiet(self, is_started: bool, stream: str) -> TransientError:
        """Return the error of a venue that says nothing, or nothing on one of the streams."""
        settings = self._settings
        if is_started:
            what = f"connected and silent: nothing on {stream} for {settings.silent_s:g} s"
            return self._lost(what, "silent")
        return self._lost(f"the venue did not confirm the subscription within {settings.answer_s:g} s")

    def _lost(self, what: str, cause: str = "lost", retry_after_s: float | None = None) -> TransientError:
        """Return an error after which the leg tries again, with the leg's name in it."""
        name = self._context.name
        return TransientError(
            f"leg {name!r}: {what}", provider=name, cause=cause, retry_after_s=retry_after_s
        )


class Patience:
    """How long a session may wait yet: no stream may bring nothing for too long, however busy the others are.

    Args:
        streams: What is awaited.
        limit_s: For how long each may bring nothing.
    """

    def __init__(self, streams: Sequence[str], limit_s: float) -> None:
        self._left_s = dict.fromkeys(streams, limit_s)
        self._limit_s = limit_s

    @property
    def stream(self) -> str:
        """The one that has brought nothing for longest."""
        return min(self._left_s, key=self._left_s.__getitem__)

    @property
    def left_s(self) -> float:
        """What it may wait yet."""
        return max(0.0, self._left_s[self.stream])

    def waited(self, for_s: float) -> None:
        """Take off what was waited."""
        self._left_s = {stream: left_s - for_s for stream, left_s in self._left_s.items()}

    def heard(self, stream: str) -> None:
        """Begin anew with a stream that has brought something."""
        if stream in self._left_s:
            self._left_s[stream] = self._limit_s


def _readable(payloads: Sequence[bytes]) -> Iterator[Message]:
    """Yield the messages; what cannot be read has been handed over, and `decode` says what it is."""
    for payload in payloads:
        try:
            yield read(payload)
        except (ValueError, RecursionError):
            continue
