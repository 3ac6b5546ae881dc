"""Each law of the observer kit can be broken: a deliberately broken observer a law."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

import anyio
import anyio.lowlevel
import msgspec
import pytest

from ticktrail.errors import AuditError, ConfigError
from ticktrail.events import Event, FeedStopped, Notice
from ticktrail.plugin import Observer, ObserverContext, Record, Routed, Settings, observer_spec
from ticktrail.testing import ObserverCase, ObserverConformance
from ticktrail.testing._records import one_of_each_event, one_of_each_record
from unit.testing.broken import expect_all_proven, expect_broken

SECRET = "hunter2-hunter2"


class Table(Settings, frozen=True):
    usable: bool = True


class Loose(msgspec.Struct, frozen=True):
    usable: bool = True


class Sound:
    def __init__(self, context: ObserverContext) -> None:
        self.context = context
        self.records = 0
        self.waiting = 0

    async def observe(self, records: Sequence[Record]) -> None:
        await anyio.lowlevel.checkpoint()
        self.records += len(records)
        self.waiting = len(records)

    def summary(self) -> Mapping[str, int]:
        return {"records": self.records, "waiting": self.waiting}


class NeedsStatus(Sound):
    def summary(self) -> Mapping[str, int]:
        status = self.context.status()
        assert status is not None, "nothing to look at"
        return super().summary()


class KnowsNoNotice(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        if any(isinstance(record, Notice) for record in records):
            raise KeyError("notice")
        await super().observe(records)


class NeedsOne(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        assert records[0]
        await super().observe(records)


class Sorts(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        await super().observe(records)
        if isinstance(records, list):
            records.reverse()


class Falls(Sound):
    def summary(self) -> Mapping[str, int]:
        return {"records": -self.records % 1_000, "waiting": 0}


class CountsAtTimes(Sound):
    def summary(self) -> Mapping[str, int]:
        return {"waiting": 0} | ({"records": self.records} if self.records else {})


class OddWords(Sound):
    def summary(self) -> Mapping[str, int]:
        return {"Records so far": self.records, "waiting": 0}


class SwallowsCancellation(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        with suppress(BaseException):
            await super().observe(records)
            return

        raise AuditError("it was cancelled")


class Blocks(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        time.sleep(0.6 if len(records) > 500 else 0)  # noqa: ASYNC251 - its fault
        await super().observe(records)


class Pretends(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        await super().observe(records)
        self.context.tell(Notice(at_ns=0, source="compliance", name="x", severity="warning", text="x"))


class WarnsOfNothing(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        await super().observe(records)
        self.context.warn(" ")


class WithTrouble(Sound):
    def trouble(self) -> str:
        return ""


class Complains(Sound):
    def trouble(self) -> str:
        return "it is Monday"


class Shows(Sound):
    def __repr__(self) -> str:
        return f"Shows({SECRET})"


class Logs(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        logging.getLogger("odd").debug("as %s", SECRET)
        await super().observe(records)


class Warns(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        self.context.warn(f"cannot log in as {SECRET}")
        await super().observe(records)


class HaltsFeeds(Sound):
    async def observe(self, records: Sequence[Record]) -> None:
        if any(isinstance(record, Routed) and record.provider == "tape" for record in records):
            raise AuditError("no feeds here")
        await super().observe(records)


def case_of(kind: Callable[[ObserverContext], Observer] = Sound) -> ObserverCase:
    @asynccontextmanager
    async def opens(settings: Table, context: ObserverContext) -> AsyncIterator[Observer]:
        yield kind(context)

    return opened_by(opens)


def opened_by(opens: object) -> ObserverCase:
    spec = observer_spec(
        name="odd",
        summary="odd",
        settings=Table,
        open=opens,  # type: ignore[arg-type]
        report_key="odd",
        levels=["waiting"],
    )
    return ObserverCase(spec=spec, settings=Table(), base_dir=Path())


@asynccontextmanager
async def swallows(settings: Table, context: ObserverContext) -> AsyncIterator[Observer]:
    with suppress(Exception):
        yield Sound(context)


@asynccontextmanager
async def replaces(settings: Table, context: ObserverContext) -> AsyncIterator[Observer]:
    try:
        yield Sound(context)
    except Exception:  # noqa: BLE001 - its fault
        raise AuditError("closed in a hurry") from None


def choosy(error: Exception | None) -> ObserverCase:
    @asynccontextmanager
    async def opens(settings: Table, context: ObserverContext) -> AsyncIterator[Observer]:
        if not settings.usable and error is not None:
            raise error
        yield Sound(context)

    return replace(opened_by(opens), unusable=Table(usable=False))


def secretive(kind: Callable[[ObserverContext], Observer]) -> ObserverCase:
    return replace(case_of(kind), secrets=[SECRET])


class TestASoundObserver(ObserverConformance):
    @pytest.fixture
    def case(self) -> ObserverCase:
        case = replace(choosy(ConfigError("usable: write true")), secrets=[SECRET])
        return replace(
            case,
            spec=replace(
                case.spec,
                unjournalled=lambda _: "usable: keeps no tick; write true",
                before_delivery=lambda _: True,
                addresses=lambda _: {"usable": "http://127.0.0.1"},
            ),
        )


class TestAnObserverWithTrouble(ObserverConformance):
    @pytest.fixture
    def case(self) -> ObserverCase:
        return case_of(WithTrouble)


SOUND = case_of()
BROKEN: list[tuple[str, ObserverCase]] = [
    ("O01", replace(SOUND, spec=replace(SOUND.spec, settings=Loose), settings=Loose())),  # type: ignore[arg-type]
    ("O02", replace(SOUND, spec=replace(SOUND.spec, unjournalled=lambda _: "it is off"))),
    ("O02", replace(SOUND, spec=replace(SOUND.spec, before_delivery=lambda _: None))),  # type: ignore[arg-type,return-value]
    ("O02", replace(SOUND, spec=replace(SOUND.spec, addresses=lambda _: {"other": "http://127.0.0.1"}))),
    ("O03", case_of(NeedsStatus)),
    ("O04", case_of(KnowsNoNotice)),
    ("O05", case_of(NeedsOne)),
    ("O06", case_of(Sorts)),
    ("O07", case_of(Falls)),
    ("O07", case_of(CountsAtTimes)),
    ("O07", case_of(OddWords)),
    ("O07", replace(SOUND, spec=replace(SOUND.spec, levels=frozenset({"unknown"})))),
    ("O08", opened_by(swallows)),
    ("O08", opened_by(replaces)),
    ("O09", case_of(SwallowsCancellation)),
    ("O10", case_of(Blocks)),
    ("O11", case_of(Pretends)),
    ("O11", case_of(WarnsOfNothing)),
    ("O12", case_of(Complains)),
    ("O13", choosy(None)),
    ("O13", choosy(OSError(13, "Permission denied"))),
    ("O14", secretive(Shows)),
    ("O14", secretive(Logs)),
    ("O14", secretive(Warns)),
    ("O15", case_of(HaltsFeeds)),
]


def test_there_is_a_broken_observer_for_every_law() -> None:
    """No law goes unproven."""
    expect_all_proven(ObserverConformance, [number for number, _ in BROKEN])


@pytest.mark.parametrize(("number", "case"), BROKEN)
def test_each_law_can_be_broken(number: str, case: ObserverCase) -> None:
    """The broken observer breaks the law that is about its fault, by its number."""
    expect_broken(ObserverConformance, number, case)


def test_no_kind_of_event_is_left_out() -> None:
    """A new event is among them by itself; what ends a feed comes last."""
    made = one_of_each_event()
    assert {type(event) for event in made} == set(get_args(Event))
    assert isinstance(made[-1], FeedStopped)
    assert msgspec.json.decode(msgspec.json.encode(made), type=list[Event]) == made
    [first, *_] = one_of_each_record()
    assert isinstance(first, Routed)
    assert first.delivered
    assert first.rejected
    assert first.suppressed
    assert first.flagged
