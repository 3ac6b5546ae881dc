"""Play a recording as a leg.

Owns: which lines are sent, when, and by whose clock they were received.
Never: reads a message; the decoder of the recorded venue does, borrowed from its plugin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec
from msgspec import Meta

from ticktrail.errors import ConfigError
from ticktrail.model import Tick, Undecodable
from ticktrail.pace import Pace
from ticktrail.plugin import (
    Answered,
    Capabilities,
    Decoder,
    Intake,
    ProviderContext,
    ProviderSpec,
    Registry,
    Settings,
)
from ticktrail_mock.census import Census, foresee
from ticktrail_mock.recording import Line, read_recording

__all__ = ["ReplayProvider", "ReplaySettings", "advise_replay", "check_replay", "describe_replay"]


class ReplaySettings(Settings, frozen=True):
    """The table of a provider with ``plugin = "replay"``.

    Attributes:
        path: The recording, relative to the feed file.
        venue: The provider whose messages it holds.
        venue_settings: That provider's own keys, where the recording was made with others than the defaults.
        speed: ``recorded``, a factor such as 10.0, or ``max``: as fast as it is taken.
        clock: ``recording``: ticks are received when they were received then, and rules judge them so. ``system``:
            they are received now, though their venue's times are old.
        recorder_offset_ms: How far true time lay ahead of the recorder's clock, where it is known; rules that look at
            times take it into account. Above 0 for a clock that was slow.
    """

    path: str
    venue: str = "binance"
    speed: Literal["recorded", "max"] | Annotated[float, Meta(gt=0, le=1_000_000)] = "recorded"
    venue_settings: Mapping[str, object] = {}
    clock: Literal["recording", "system"] = "recording"
    recorder_offset_ms: Annotated[float, Meta(ge=-86_400_000, le=86_400_000)] | None = None

    def __post_init__(self) -> None:
        """Refuse an offset for receive times that are not the recording's."""
        if self.recorder_offset_ms is not None and self.clock == "system":
            raise ValueError(
                'recorder_offset_ms is of the recording\'s clock; take it out, or set clock = "recording"'
            )


def describe_replay(settings: ReplaySettings, registry: Registry) -> Capabilities:
    """Return the recorded venue's capabilities, with a clock of the recording's own and no history.

    Raises:
        ConfigError: The venue has no decoder for recordings.
    """
    spec, own = _venue(settings, registry)
    offset_ms = settings.recorder_offset_ms
    return replace(
        spec.describe(own, registry),
        own_clock=settings.clock == "recording",
        own_offset_ns=None if offset_ms is None else round(offset_ms * 1_000_000),
        max_streams=None,
        history=frozenset(),  # a recording has no archive to be asked
    )


def _venue(settings: ReplaySettings, registry: Registry) -> tuple[ProviderSpec, Settings]:
    """Return the recorded venue's provider, and its settings.

    Raises:
        ConfigError: It has no decoder for recordings, or its keys are at fault.
    """
    spec = registry.provider(settings.venue)
    if spec.decoder is None:
        raise ConfigError(
            f'the provider "{settings.venue}" has no decoder for recordings; name the recorded venue'
        )
    keys = [field.encode_name for field in msgspec.structs.fields(spec.settings)]
    unknown = [key for key in settings.venue_settings if key not in keys]
    if unknown:
        raise ConfigError(*(_unknown(key, settings.venue, keys) for key in unknown))
    try:
        return spec, msgspec.convert(settings.venue_settings, spec.settings)
    except msgspec.ValidationError as exc:
        what, _, path = str(exc).partition(" - at `$")
        key = "venue_settings" + path.rstrip("`").partition("[")[0]
        raise ConfigError(
            f"{key}: {what}, as {settings.venue} reads it; write it as in a table of that provider"
        ) from exc


def _unknown(key: str, venue: str, known: Sequence[str]) -> str:
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(key.casefold(), folded, n=1)
    hint = f"did you mean {folded[close[0]]}? " if close else ""
    return f"venue_settings.{key}: unknown key; {hint}{venue} has {', '.join(sorted(known))}"


def check_replay(settings: ReplaySettings, context: ProviderContext) -> None:
    """Return if the recording is there.

    Raises:
        ConfigError: It is not.
    """
    path = context.base_dir / settings.path
    if not path.is_file():
        raise ConfigError(f"there is no recording {path}; mend path")


def advise_replay(settings: ReplaySettings, context: ProviderContext) -> Iterable[str]:
    """Yield what the recording's beginning lacks of what the leg is asked for.

    Raises:
        ConfigError: The recording cannot be read.
    """
    spec, own = _venue(settings, context.registry)
    assert spec.decoder is not None  # noqa: S101 - `_venue` says so, for the type checker
    lack = foresee(context.base_dir / settings.path, spec.decoder(own, context))
    if lack is not None:
        yield lack


class ReplayProvider:
    """One recording; implements `ticktrail.plugin.Provider` and `Finite`. Its session ends where the recording does."""

    def __init__(self, settings: ReplaySettings, context: ProviderContext) -> None:
        spec, own = _venue(settings, context.registry)
        assert spec.decoder is not None  # noqa: S101 - `_venue` says so, for the type checker
        self._settings = settings
        self._context = context
        self._path: Path = context.base_dir / settings.path
        self._decoder: Decoder = spec.decoder(own, context)
        self._census = Census(self._decoder)
        self._done = 0.0
        check_replay(settings, context)

    def done_share(self) -> float:
        """Return how much of the recording was played, from 0 to 1."""
        return self._done

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return what the recorded venue's decoder reads."""
        return self._decoder.decode(payloads, recv_ns)

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload belongs to the leg's instruments and channels."""
        return self._decoder.wants(payload)

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Play the recording once, and tell how it differs from what was asked for.

        Raises:
            ConfigError: The recording cannot be read.
        """
        task_status.started()
        pace = Pace(self._settings.speed)
        clock = self._context.clock
        by_recording = self._settings.clock == "recording"
        for recorded_ns, payloads in self._batches():
            await pace.wait_until(recorded_ns)
            recv_ns = recorded_ns if by_recording else clock.now_ns()
            await intake.frames(payloads, recv_ns=recv_ns, mono_ns=clock.mono_ns())
            await anyio.lowlevel.checkpoint()
        outcome = self._census.outcome(self._settings.path, self._context.name, clock.now_ns())
        if outcome is not None:
            intake.tell(outcome)

    def _far(self, share: float) -> None:
        self._done = share

    def _payload(self, line: Line) -> bytes | None:
        """Return what the decoder is given of a line: a message, or what it makes of an answer such as a snapshot."""
        raw = line.raw.encode()
        if line.kind == "ws":
            wanted = self._decoder.wants(raw)
            self._census.take(raw, wanted=wanted)
            return raw if wanted else None
        if line.kind == "http" and line.url is not None and isinstance(self._decoder, Answered):
            return self._decoder.answer(line.url, raw)
        return None

    def _batches(self) -> Iterator[tuple[int, Sequence[bytes]]]:
        """Yield the wanted messages that share a receive time; one without a time has that of the one before."""
        at_ns = 0

        def stamped() -> Iterator[tuple[int, bytes]]:
            nonlocal at_ns
            for line in read_recording(self._path, self._far):
                payload = self._payload(line)
                if payload is not None:
                    at_ns = line.recv_ns or at_ns
                    if not at_ns and self._settings.clock == "recording":
                        raise ConfigError(
                            f'the recording {self._path} begins without receive times; set clock = "system", and '
                            "max_age_s = false in [validation]"
                        )
                    yield at_ns, payload

        for recv_ns, group in groupby(stamped(), key=lambda item: item[0]):
            yield recv_ns, [payload for _, payload in group]
