"""Say what a backfill is to fetch, and keep how far it has come in a file.

Owns: the job, its identity, and the state file: written anew after each page, removed when all is done.
Never: fetches.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ticktrail.claim import FileClaim, claim_file
from ticktrail.errors import ConfigError
from ticktrail.model import Channel, InstrumentId, ProviderId

__all__ = ["Job", "Place", "Progress", "Series"]


class Series(msgspec.Struct, frozen=True):
    """One instrument's past on one channel."""

    instrument: InstrumentId
    channel: Channel


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be fetched: `series`, one after the other, each in ``[start_ns, end_ns)``.

    `source_sha256` is of the leg's own settings: with others it is another job, while rules, sinks' keys and remarks
    may change. With `open_end` the end is the moment at which the job was first begun.
    """

    provider: ProviderId
    sinks: Sequence[str]
    series: Sequence[Series]
    start_ns: int
    end_ns: int
    open_end: bool = False
    source_sha256: str

    @property
    def identity(self) -> str:
        """A short name that no other job has."""
        same = msgspec.structs.replace(self, end_ns=0) if self.open_end else self
        return hashlib.sha256(msgspec.json.encode(same)).hexdigest()[:12]


class Place(msgspec.Struct):
    """How far one series has come: `cursor` is where its next page begins, `pages` how many there were."""

    pages: int = 0
    ticks: int = 0
    through_ns: int = 0
    cursor: str | None = None
    done: bool = False


class _State(msgspec.Struct):
    job: Job
    places: list[Place]


class Progress:
    """How far a job has come; `save` after each page.

    Args:
        job: What is to be fetched.
        folder: Where the state file stands.
        restart: Begin anew, whatever an earlier run had fetched, and whatever the file says.

    Attributes:
        job: What is to be fetched; where its end was open, with the end that the first run gave it.
        places: One for each of the job's series, in its order.
        resumed: Whether an earlier run of the same job had come so far.

    Raises:
        ConfigError: There is a state file and it cannot be read.
    """

    def __init__(self, job: Job, folder: Path, *, restart: bool = False) -> None:
        self.job = job
        self.path = folder / f".backfill-{job.identity}.json"
        self.places = [Place(through_ns=job.start_ns) for _ in job.series]
        self.resumed = False
        self._claim: FileClaim | None = None
        if restart:
            return
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as exc:
            raise ConfigError(
                f"{self.path} cannot be read ({exc.strerror}); mend its mode, or remove it"
            ) from exc
        try:
            state = msgspec.json.decode(text, type=_State)
        except (msgspec.MsgspecError, RecursionError) as exc:
            raise ConfigError(
                f"{self.path} does not say how far the backfill had come ({exc}); remove it to begin anew"
            ) from exc
        if state.job.identity != job.identity or len(state.places) != len(job.series):
            raise ConfigError(f"{self.path} is of another backfill; remove it to begin anew")
        self.job, self.places = state.job, state.places
        self.resumed = True

    def others(self) -> Sequence[Progress]:
        """Return what else was interrupted in this folder; files that cannot be read are passed over."""
        found: list[Progress] = []
        for path in sorted(self.path.parent.glob(".backfill-*.json")):
            try:
                job = msgspec.json.decode(path.read_bytes(), type=_State).job
                if path != self.path:
                    found.append(Progress(job, path.parent))
            except (OSError, ValueError, RecursionError, ConfigError):
                continue  # none of this job's business: whoever resumes that one is told
        return found

    @property
    def begun(self) -> bool:
        """Whether some page is with the sinks."""
        return any(place.pages for place in self.places)

    @property
    def done(self) -> bool:
        """Whether every series is complete."""
        return all(place.done for place in self.places)

    @property
    def ticks(self) -> int:
        """Ticks that are with the sinks, those of earlier runs of the job among them."""
        return sum(place.ticks for place in self.places)

    @property
    def part(self) -> float:
        """How much of the period is complete, over all series, between 0 and 1."""
        whole = (self.job.end_ns - self.job.start_ns) * len(self.places)
        return sum(place.through_ns - self.job.start_ns for place in self.places) / whole

    def claim(self) -> None:
        """Take the job for this process, until it ends or `forget`.

        Raises:
            ConfigError: Another process is at it, or the folder cannot be written to.
        """
        try:
            self._claim = claim_file(self.path.with_suffix(".lock"))
        except OSError as exc:
            raise self._unwritable(exc) from exc
        if self._claim is None:
            raise ConfigError(
                f"this backfill runs already, in another process: {self.path} is its place; wait for it"
            )

    def save(self) -> None:
        """Write the state so that a crash leaves the old one or the new one, readable by this user alone.

        Raises:
            ConfigError: The folder cannot be written to.
        """
        new = self.path.with_suffix(".new")
        try:
            number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(msgspec.json.encode(_State(self.job, self.places)))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def forget(self) -> None:
        """Remove the state file: the job is done, or never began."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Give up the claim."""
        if self._claim is not None:
            self.path.with_suffix(".lock").unlink(missing_ok=True)
            self._claim.release()
            self._claim = None

    def _unwritable(self, exc: OSError) -> ConfigError:
        return ConfigError(
            f"{self.path} cannot be written ({exc.strerror}), and without it a backfill could not go on where it was "
            f"interrupted; make its folder writable"
        )
