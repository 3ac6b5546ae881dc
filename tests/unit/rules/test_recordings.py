"""False alarms, counted on real markets."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from recordings import recording
from ticktrail.model import Tick
from ticktrail.plugin import StatefulValidator, ValidatorContext
from ticktrail.rules.plugin import ticktrail_validators
from ticktrail.testing import ManualClock, make_quote, make_trade

# The recorder's clock ran 1.27 s slow (median, recordings/README.md): what a time server would have told.
OFFSET_NS = 1_273_200_000 + 20_000_000


@pytest.fixture(scope="module")
def ticks() -> list[Tick]:
    return list(read(recording()))


def read(path: Path) -> Iterator[Tick]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["kind"] != "ws":
                continue
            message = json.loads(record["raw"])
            data, recv_ns = message.get("data", message), record["recv_ns"]
            if data.get("e") == "trade":
                yield make_trade(
                    data["p"], size=data["q"], id=data["t"], event_ns=data["E"] * 1_000_000, recv_ns=recv_ns
                )
            elif "B" in data and "e" not in data:
                yield make_quote(
                    data["b"],
                    data["a"],
                    bid_size=data["B"],
                    ask_size=data["A"],
                    event_ns=None,
                    recv_ns=recv_ns,
                )


def alarms(ticks: list[Tick], *, offset_ns: int | None) -> Counter[str]:
    """Judge as a leg does: every rule sees the tick; it is accepted where none objects."""
    clock = ManualClock(offset_ns=offset_ns)
    context = ValidatorContext(provider=ticks[0].provider, instrument=ticks[0].instrument, clock=clock)
    opened = [
        (spec.name, spec.ticks, judge)
        for spec in ticktrail_validators()
        if (judge := spec.open(spec.settings(), context)) is not None
    ]
    stateful = [judge for _, _, judge in opened if isinstance(judge, StatefulValidator)]
    found: Counter[str] = Counter()
    for tick in ticks:
        verdicts = [
            name
            for name, kinds, judge in opened
            if type(tick) in kinds and judge.check(tick, tick.recv_ns) is not None
        ]
        found.update(verdicts)
        if not verdicts:
            for judge in stateful:
                judge.accept(tick)
    return found


def test_the_recording_is_whole(ticks: list[Tick]) -> None:
    """The counts are those of the recording's own index: nothing was skipped in reading it."""
    assert Counter(type(tick).__name__ for tick in ticks) == {"Trade": 19_904, "Quote": 73_174}


def test_no_rule_objects_to_a_healthy_market(ticks: list[Tick]) -> None:
    """All rules at their defaults, the clock's offset known: not one false alarm in 93,078 ticks."""
    assert alarms(ticks, offset_ns=OFFSET_NS) == {}


def test_only_the_clock_rule_objects_to_a_slow_clock(ticks: list[Tick]) -> None:
    """Without the offset each trade (quotes carry no time) comes from the future: the clock is wrong, and named."""
    assert alarms(ticks, offset_ns=None) == {"clock": 19_904}
