"""Say what a provider is: one leg's source of frames, and the decoder that reads them.

Owns: `Provider`, `Decoder`, `Intake`, `ProviderSpec`, and what a provider is told when it opens.
Never: retries. A provider lives for one session; the leg reconnects, with one backoff and one breaker a leg.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar, cast, runtime_checkable

import anyio.abc

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.history import History
from ticktrail._contracts.settings import Addresses, Settings
from ticktrail.events import Event
from ticktrail.model import Channel, InstrumentId, ProviderId, Tick, Undecodable

__all__ = [
    "Answered",
    "Capabilities",
    "Decoder",
    "Finite",
    "Holding",
    "Intake",
    "Provider",
    "ProviderContext",
    "ProviderSpec",
    "Registry",
    "Streamed",
    "Tell",
    "provider_spec",
]

S = TypeVar("S", bound=Settings)
Tell: TypeAlias = Callable[[Event], None]
"""Takes an event for the control bus; never waits."""


class Intake(Protocol):
    """Where a provider puts what it received; waits while the leg is behind.

    Stamps never go back: several tasks of a session hand over through one `ticktrail.net.InOrder`.
    """

    async def frames(self, payloads: Sequence[bytes], *, recv_ns: int, mono_ns: int) -> None:
        """Hand over the payloads of one socket read, to be read by the provider's own `decode`.

        Args:
            payloads: Whole messages, in order, as they came.
            recv_ns: UTC nanoseconds when the read returned.
            mono_ns: The same moment by `Clock.mono_ns`.
        """
        ...

    async def ticks(self, ticks: Sequence[Tick], *, recv_ns: int, mono_ns: int) -> None:
        """Hand over ready ticks: for sources that bring no bytes of their own (an SDK, a generator)."""
        ...

    async def settled(self) -> bool:
        """Wait until all that was handed over is with every sink; False where a sink has failed and did not take it.

        For sources that keep their place: what was handed over before need not be handed over again. What a route
        holds back (an overlap of two legs) is not waited for, and what a lane drops by its `on_overflow` is not told.
        """
        ...

    def tell(self, event: Event) -> None:
        """Put an event on the control bus: what happened to the source without ending its session. Never waits."""
        ...


class Decoder(Protocol):
    """Read a venue's messages. Pure but for its own state; never raises for bad data."""

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return what the payloads hold, in order; control messages of the venue give nothing.

        A payload that cannot be read, or is of an unknown type, becomes one `Undecodable` with the raw bytes.
        """
        ...

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload belongs to this leg's instruments and channels (replays ask, to send no more)."""
        ...


@runtime_checkable
class Holding(Protocol):
    """A decoder that holds ticks back for a while, such as those that wait for missing ones."""

    def drain(self) -> Sequence[Tick | Undecodable]:
        """Return all that is held back: no more payloads will come."""
        ...


@runtime_checkable
class Answered(Protocol):
    """A decoder that can make use of what the venue answered to requests, such as a book's snapshot in a recording."""

    def answer(self, url: str, body: bytes) -> bytes | None:
        """Return the payload that stands for the answer among the venue's messages, for `decode`; None if unwanted.

        Args:
            url: What was asked for.
            body: What came back, whatever it is: what cannot be read is for `decode` to say.
        """
        ...


@runtime_checkable
class Streamed(Protocol):
    """A decoder that knows streams by name, so that a replay can tell what a recording lacks and what is left aside."""

    def asked(self) -> Mapping[str, tuple[InstrumentId, Channel]]:
        """Return what each stream that the leg wants is to bring, by the stream's name."""
        ...

    def streams_of(self, payload: bytes) -> Sequence[str]:
        """Return the names of the streams of which the payload holds a message; of what is no market data, none.

        Args:
            payload: Anything: what cannot be read is of no stream.
        """
        ...


@runtime_checkable
class Finite(Protocol):
    """A provider whose source has an end, such as a recording, and that knows how far it got."""

    def done_share(self) -> float:
        """Return how much of it was played, from 0 to 1."""
        ...


class Provider(Decoder, Protocol):
    """One leg's source."""

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live through one session: connect, subscribe, `task_status.started()` once data can flow, feed `intake`.

        Returns when the source has ended for good (a recording's end). May be called again after an error.

        Raises:
            TransientError: The session was lost; the leg will call again after its backoff.
            PermanentError: Trying again cannot help.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do with given settings.

    Attributes:
        channels: What it can subscribe to.
        synthetic: Its data is made up; a production profile refuses it.
        id_space: Legs with the same id space number the same trades and quotes with the same ids. None: ids
            mean nothing outside this leg.
        own_clock: Its receive times are a recording's, so this machine's clock offset says nothing of them.
        own_offset_ns: With `own_clock`: how far true time lay ahead of that clock, where it is known.
        consecutive_trade_ids: Ids of an instrument's trades, and of its aggregate trades, grow by one: a jump is a
            hole.
        heals: Channels on which the provider itself fetches what it missed between its sessions, or marks it with a
            `Gap`: nobody else need look for a hole there, and no ``[repair]`` asks again.
        max_streams: Pairs of instrument and channel that it can carry; None: no limit.
        history: Channels whose past it can fetch: for a backfill, and for the holes that a ``[repair]`` table fills.
    """

    channels: frozenset[Channel]
    synthetic: bool = False
    id_space: str | None = None
    own_clock: bool = False
    own_offset_ns: int | None = None
    consecutive_trade_ids: bool = False
    heals: frozenset[Channel] = frozenset()
    max_streams: int | None = None
    history: frozenset[Channel] = frozenset()


class Registry(Protocol):
    """The providers that are loaded, by name."""

    def provider(self, name: str) -> ProviderSpec:
        """Return the provider's spec.

        Raises:
            ConfigError: No loaded plugin has a provider of that name.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContext:
    """What a provider is told when it opens.

    Attributes:
        name: The leg's name, to stand in every tick as `provider`.
        instruments: Canonical names to subscribe to.
        channels: What to subscribe to.
        clock: Stamps `recv_ns` and `mono_ns`.
        base_dir: Folder of the feed file; relative paths and secrets resolve against it.
        registry: Other providers' specs, for those that borrow a decoder.
    """

    name: ProviderId
    instruments: tuple[InstrumentId, ...]
    channels: frozenset[Channel]
    clock: Clock
    base_dir: Path
    registry: Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """A provider as declared; build one with `provider_spec`, which checks that the parts fit together."""

    name: str
    summary: str
    settings: type[Settings]
    open: Callable[[Settings, ProviderContext], Provider]
    describe: Callable[[Settings, Registry], Capabilities]
    decoder: Callable[[Settings, ProviderContext], Decoder] | None
    check: Callable[[Settings, ProviderContext], None] | None
    history: Callable[[Settings, ProviderContext, Tell], AbstractAsyncContextManager[History]] | None
    advise: Callable[[Settings, ProviderContext], Iterable[str]] | None = None
    addresses: Addresses | None = None


def provider_spec(
    *,
    name: str,
    summary: str,
    settings: type[S],
    open: Callable[[S, ProviderContext], Provider],  # noqa: A002 - the contract's word
    describe: Callable[[S, Registry], Capabilities],
    decoder: Callable[[S, ProviderContext], Decoder] | None = None,
    check: Callable[[S, ProviderContext], None] | None = None,
    history: Callable[[S, ProviderContext, Tell], AbstractAsyncContextManager[History]] | None = None,
    advise: Callable[[S, ProviderContext], Iterable[str]] | None = None,
    addresses: Callable[[S], Mapping[str, str]] | None = None,
) -> ProviderSpec:
    """Return the declaration of a provider.

    Args:
        name: What `plugin = "…"` (or the table's own name) says in a feed file.
        summary: One line for `ticktrail plugins list`.
        settings: Its table, decoded before `open` is called.
        open: Makes the provider; synchronous, without network or credentials.
        describe: Capabilities under given settings; pure.
        decoder: Makes a decoder for recordings of this venue's messages; pure.
        check: Raises `ConfigError` for what no session could serve, such as an instrument that is none of this
            venue's form; told as a fault of the leg's table. May look at files beside the feed file, no further.
        history: An async context manager around the venue's archive, for the channels of `Capabilities.history`; it is
            given what takes its events, such as that the venue asks to wait.
        advise: Returns what may be so and yet looks like a slip, for the warnings of `ticktrail check`. Called after
            `check`, under the same terms.
        addresses: By key, the URLs that a session speaks to under given settings, those that the settings leave to
            the plugin among them; a production feed refuses those that are plain text beyond this machine. Without
            it every URL that stands in the table is looked at.
    """
    return ProviderSpec(
        name=name,
        summary=summary,
        settings=settings,
        open=cast("Callable[[Settings, ProviderContext], Provider]", open),
        describe=cast("Callable[[Settings, Registry], Capabilities]", describe),
        decoder=cast("Callable[[Settings, ProviderContext], Decoder] | None", decoder),
        check=cast("Callable[[Settings, ProviderContext], None] | None", check),
        history=cast(
            "Callable[[Settings, ProviderContext, Tell], AbstractAsyncContextManager[History]] | None",
            history,
        ),
        advise=cast("Callable[[Settings, ProviderContext], Iterable[str]] | None", advise),
        addresses=cast("Addresses | None", addresses),
    )
