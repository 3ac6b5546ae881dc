"""Count what a recording holds against what is asked of it.

Owns: which streams that were asked for stay silent, and which come that nobody asked for.
Never: reads a message; the recorded venue's decoder names its streams, where it can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from ticktrail.events import RecordingDiffers
from ticktrail.model import Channel, InstrumentId, ProviderId
from ticktrail.plugin import Decoder, Streamed
from ticktrail_mock.recording import read_recording

__all__ = ["LOOKED_AT", "Census", "foresee"]

LOOKED_AT = 20_000
"""Lines of a recording that are looked at before a feed runs: a tenth of a second's work."""
MOST_NAMED = 10
MOST_LETTERS = 120
MOST_COUNTED = 10_000
"""Streams that are counted by name; a recording that names one a line is none that a person could read about."""


class Census:
    """What came of one recording so far."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder if isinstance(decoder, Streamed) else None
        self._asked: Mapping[str, tuple[InstrumentId, Channel]] = (
            {} if self._decoder is None else dict(self._decoder.asked())
        )
        self._silent = dict.fromkeys(self._asked)
        self._unasked: Counter[str] = Counter()

    @property
    def lacks(self) -> bool:
        """Tell whether something that was asked for has not come."""
        return bool(self._silent)

    def take(self, payload: bytes, *, wanted: bool) -> None:
        """Count one message."""
        if self._decoder is None or (wanted and not self._silent):
            return
        for full in self._decoder.streams_of(payload):
            name = full[:MOST_LETTERS]
            if full in self._asked:
                self._silent.pop(full, None)
            elif name in self._unasked or len(self._unasked) < MOST_COUNTED:
                self._unasked[name] += 1

    def outcome(self, recording: str, provider: ProviderId, at_ns: int) -> RecordingDiffers | None:
        """Return what differs; None where all that was asked for came, and nothing else."""
        if not self._silent and not self._unasked:
            return None
        came = {instrument for name, (instrument, _) in self._asked.items() if name not in self._silent}
        missing = dict.fromkeys(
            instrument for instrument, _ in self._asked.values() if instrument not in came
        )
        return RecordingDiffers(
            at_ns=at_ns,
            provider=provider,
            recording=recording,
            missing=tuple(missing),
            silent=tuple(islice(self._silent, MOST_NAMED)),
            silent_streams=len(self._silent),
            unasked=dict(self._unasked.most_common(MOST_NAMED)),
            unasked_streams=len(self._unasked),
        )

    def words(self) -> str:
        """Return what is silent and what nobody asks for, in a sentence's parts."""
        silent = [f"{name} ({channel} of {instrument})" for name, (instrument, channel) in self._of_silent()]
        text = f"nothing on {_named(silent, len(self._silent))}"
        if self._unasked:
            counted = [f"{name} ({count:,})" for name, count in self._unasked.most_common(MOST_NAMED)]
            text += f", and what nobody asks for on {_named(counted, len(self._unasked))}"
        return text

    def _of_silent(self) -> Iterable[tuple[str, tuple[InstrumentId, Channel]]]:
        return ((name, self._asked[name]) for name in islice(self._silent, MOST_NAMED))


def foresee(path: Path, decoder: Decoder) -> str | None:
    """Return in words what the recording's beginning lacks of what is asked; None where nothing.

    Raises:
        ConfigError: The recording cannot be read so far.
    """
    census = Census(decoder)
    read = 0
    for line in islice(read_recording(path), LOOKED_AT):
        read += 1
        if line.kind == "ws":
            census.take(line.raw.encode(), wanted=False)
    if not census.lacks:
        return None
    where = f" in its first {LOOKED_AT:,} lines" if read == LOOKED_AT else ""
    return (
        f"the recording {path.name} brings{where} {census.words()}; mend instruments and channels in [feed], or "
        "venue_settings"
    )


def _named(names: list[str], count: int) -> str:
    rest = count - len(names)
    return ", ".join(names) + (f" and {rest:,} more" if rest > 0 else "")
