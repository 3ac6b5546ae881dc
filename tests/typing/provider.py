"""A provider and an observer, as a plugin's author writes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.abc

from ticktrail.model import Tick, Undecodable
from ticktrail.plugin import (
    Capabilities,
    Intake,
    Observer,
    ObserverContext,
    ObserverSpec,
    Provider,
    ProviderContext,
    ProviderSpec,
    Record,
    Registry,
    Settings,
    hookimpl,
    observer_spec,
    provider_spec,
)

TICKTRAIL_API = 1


class SilentProvider:
    """A venue that never says anything."""

    def __init__(self, settings: Settings, context: ProviderContext) -> None:
        self._context = context

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        return []

    def wants(self, payload: bytes) -> bool:
        return False

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        task_status.started()
        await anyio.sleep_forever()


def describe(settings: Settings, registry: Registry) -> Capabilities:
    return Capabilities(channels=frozenset({"trades"}))


def is_a_provider(provider: SilentProvider) -> Provider:
    return provider


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    return [
        provider_spec(
            name="silent", summary="Nothing", settings=Settings, open=SilentProvider, describe=describe
        )
    ]


class Counting:
    """An observer that counts records."""

    def __init__(self) -> None:
        self.records = 0

    async def observe(self, records: Sequence[Record]) -> None:
        self.records += len(records)

    def summary(self) -> Mapping[str, int]:
        return {"records": self.records}


@asynccontextmanager
async def open_observer(settings: Settings, context: ObserverContext) -> AsyncIterator[Observer]:
    yield Counting()


@hookimpl
def ticktrail_observers() -> Iterable[ObserverSpec]:
    return [
        observer_spec(
            name="counting",
            summary="Count records",
            settings=Settings,
            open=open_observer,
            report_key="counting",
        )
    ]
