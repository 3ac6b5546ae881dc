"""Declare the observer `acme`, and be it.

It tells once when the rules keep back too much.

A hook only declares: it returns specs, and reads no credentials, clock or network.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import anyio.lowlevel
from msgspec import Meta
from ticktrail.events import Notice
from ticktrail.plugin import (
    Observer,
    ObserverContext,
    ObserverSpec,
    Record,
    Routed,
    Settings,
    hookimpl,
    observer_spec,
)

TICKTRAIL_API = 1
"""The version of ticktrail's plugin interface that this is written for."""


class AcmeSettings(Settings, frozen=True):
    """The keys of ``[acme]``; a docstring says what each is for.

    Attributes:
        most_rejected: After so many ticks that the rules kept back people are told.
    """

    most_rejected: Annotated[int, Meta(ge=1)] = 100


class AcmeObserver:
    """Sees every record of the feed, delivered or not, and changes none.

    Args:
        settings: Its table.
        context: Where it tells something: on the feed's bus, where alerts and the log hear it.
    """

    def __init__(
        self,
        settings: AcmeSettings,
        context: ObserverContext,
    ) -> None:
        self._settings = settings
        self._context = context
        self._counts = {"delivered": 0, "rejected": 0, "events": 0}

    async def observe(self, records: Sequence[Record]) -> None:
        """Take the records; the feed waits for this, so that what takes long belongs into a thread."""
        await anyio.lowlevel.checkpoint()
        before = self._counts["rejected"]
        for record in records:
            if isinstance(record, Routed):
                self._counts["delivered"] += len(record.delivered)
                self._counts["rejected"] += len(record.rejected)
            else:
                self._counts["events"] += 1
        if before < self._settings.most_rejected <= self._counts["rejected"]:
            self._tell()

    def summary(self) -> Mapping[str, int]:
        """Return the counts for the run's report; they only grow."""
        return dict(self._counts)

    def _tell(self) -> None:
        text = f"the rules have kept back {self._counts['rejected']} ticks; the report says why"
        self._context.tell(
            Notice(
                at_ns=self._context.clock.now_ns(),
                source="acme",
                name="many_rejected",
                severity="warning",
                text=text,
            )
        )


@asynccontextmanager
async def open_observer(
    settings: AcmeSettings,
    context: ObserverContext,
) -> AsyncIterator[Observer]:
    """Keep the observer open for as long as the feed runs; close here what it holds."""
    yield AcmeObserver(settings, context)


@hookimpl
def ticktrail_observers() -> Iterable[ObserverSpec]:
    """Declare the observer."""
    return [
        observer_spec(
            name="acme",
            summary="acme: tells when the rules keep back too much",
            settings=AcmeSettings,
            open=open_observer,
            report_key="acme",
        )
    ]
