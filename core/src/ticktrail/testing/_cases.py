"""Say what a provider's case must bring to the conformance kit.

Owns: `ProviderCase`, `Stage`, `Symbols`, and what the kit asks of a loopback venue.
Never: checks anything; the suites do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ticktrail.errors import ConfigError
from ticktrail.model import Channel, InstrumentId, ProviderId, Tick
from ticktrail.plugin import (
    Capabilities,
    Clock,
    Provider,
    ProviderContext,
    ProviderSpec,
    Settings,
    SystemClock,
)

if TYPE_CHECKING:  # the venue needs h11, which who tests a sink need not have
    from ticktrail.testing.venue import Fault

__all__ = ["LoopbackVenue", "ProviderCase", "Stage", "Staging", "Symbols", "make_provider_context"]


class LoopbackVenue(Protocol):
    """What the kit asks of a venue on this machine; `ticktrail.testing.venue.Venue` is one."""

    async def do(self, fault: Fault) -> None:
        """Do something wrong now."""
        ...

    async def flood(self, least_bytes: int) -> None:
        """Send every connection again what it was sent last, so many bytes of it; waits while they are not read."""
        ...

    def connections(self, prefix: str = "") -> int:
        """Return how many web sockets are open."""
        ...

    def streams(self, prefix: str = "") -> Sequence[str]:
        """Return what the connections are subscribed to, in order of the name; twice what two of them are."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a session can be lived through.

    Attributes:
        settings: The provider's table, with the addresses of the loopback venue.
        venue: The venue that it speaks to; None for a provider that speaks to nobody. Its tape must go on for as
            long as somebody listens, and bring something of every channel that the case asks for.
    """

    settings: Settings
    venue: LoopbackVenue | None = None


Staging: TypeAlias = Callable[[], AbstractAsyncContextManager[Stage]]
"""Enters a stage; left, the venue is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """How a provider spells instruments.

    Attributes:
        to_venue: Returns the venue's spelling of a canonical name; raises `ConfigError` or `ValueError` for a name
            that cannot be one of this venue's.
        to_canonical: Returns the canonical name of the venue's spelling.
        examples: Spellings that the venue uses, strange ones among them.
    """

    to_venue: Callable[[InstrumentId], str]
    to_canonical: Callable[[str], InstrumentId]
    examples: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCase:
    """One provider under given settings.

    Attributes:
        spec: As the plugin declares it.
        settings: Its table in a feed file.
        context: What it is told on opening.
        payloads: Genuine messages of the venue for the context's instruments, at least one tick in them; empty
            for a provider that makes its ticks itself.
        stage: Enters a `Stage`: a loopback venue, and settings that lead there.
        expected: What the payloads say, written by hand: every tick of theirs, in order, with the digits, times and
            ids that stand in the messages. Their `recv_ns` is not looked at.
        symbols: How instruments are spelt; None where the venue's spelling is the canonical one, or unknown.
        silent_s: Within how many seconds the stage's settings find a connection that brings nothing.
        permanent: What ends a session for good: a fault of the stage's venue, or another stage, such as one with
            a wrong key. None where nothing does.
        secrets: Texts that the stage's settings refer to and that nobody may ever read, such as a key.
        start_s: Within how many seconds a session starts and brings something on each channel.
        stop_s: Within how many seconds a session ends that is cancelled, or has lost its venue.
        most_held_bytes: What a session may hold while nobody takes over what it brings.
    """

    spec: ProviderSpec
    settings: Settings
    context: ProviderContext
    payloads: Sequence[bytes]
    stage: Staging
    expected: Sequence[Tick] = ()
    symbols: Symbols | None = None
    silent_s: float = 5.0
    permanent: Fault | Staging | None = None
    secrets: Sequence[str] = ()
    start_s: float = 10.0
    stop_s: float = 5.0
    most_held_bytes: int = 8 * 2**20

    @property
    def name(self) -> str:
        """The provider's, for messages."""
        return self.spec.name

    def open(self, stage: Stage | None = None, *, clock: Clock | None = None) -> Provider:
        """Return a new provider: on a stage, or under the case's own settings."""
        context = self.context if clock is None else replace(self.context, clock=clock)
        return self.spec.open(self.settings if stage is None else stage.settings, context)

    def capabilities(self) -> Capabilities:
        """Return what it says of itself."""
        return self.spec.describe(self.settings, self.context.registry)


class _NoOthers:
    """A registry without providers."""

    def provider(self, name: str) -> ProviderSpec:
        raise ConfigError(f"no provider {name}: a case of the kit has its own alone")


def make_provider_context(
    *instruments: str,
    channels: Iterable[Channel],
    name: str = "leg",
    clock: Clock | None = None,
    base_dir: Path | None = None,
) -> ProviderContext:
    """Return what a provider is told on opening.

    Args:
        instruments: Canonical names.
        channels: What to subscribe to.
        name: The leg's.
        clock: None: the system's.
        base_dir: Where relative paths and secrets are looked for; None: the current folder.
    """
    return ProviderContext(
        name=ProviderId(name),
        instruments=tuple(map(InstrumentId, instruments)),
        channels=frozenset(channels),
        clock=clock or SystemClock(),
        base_dir=base_dir or Path(),
        registry=_NoOthers(),
    )
