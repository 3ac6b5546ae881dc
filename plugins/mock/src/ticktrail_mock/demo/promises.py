"""Judge the demonstration by what it left behind: did the feed keep its promises?

Owns: the promises, each checked against the venue's own account, the sink's file, the report and the audit log.
Never: takes the feed's word where the file tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from ticktrail.model import Gap, Tick, Trade
from ticktrail.report import Report, SwitchRecord
from ticktrail.wire import decode_line
from ticktrail_mock.demo.script import STALE_TRADES
from ticktrail_mock.demo.stage import STALE_S
from ticktrail_mock.files import Verification
from ticktrail_mock.venue.binance.meddler import Meddler

__all__ = ["Promise", "judge"]

SLACK_MS = 700.0
"""Above a limit itself: a tenth of a second between two looks, and a machine that is busy."""

NOTICES = frozenset({"gaps", "switches"})
"""Kinds that the feed adds to what it received."""

Trades = Mapping[str, Sequence[int]]


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One promise; `told` says what was seen."""

    name: str
    kept: bool
    told: str


def judge(
    report: Report, meddler: Meddler, ticks: Path, verification: Verification | None
) -> Sequence[Promise]:
    """Return every promise, kept or broken."""
    delivered = [decode_line(line) for line in ticks.read_bytes().splitlines()]
    trades = _trades(delivered)
    return [
        _no_repeats(trades),
        _nothing_vanished(delivered, trades, meddler),
        _accounted(report, delivered),
        _false_rejected(report, trades, meddler),
        *_switched(report.switches),
        _sealed(report, verification),
    ]


def _trades(delivered: Sequence[Tick]) -> Trades:
    """Return the ids of the trades in the sink's file, by symbol, in its order."""
    ids: dict[str, list[int]] = {}
    for tick in delivered:
        if isinstance(tick, Trade) and isinstance(tick.id, int):
            ids.setdefault(_symbol(tick), []).append(tick.id)
    return ids


def _no_repeats(trades: Trades) -> Promise:
    kept = all(one < two for ids in trades.values() for one, two in pairwise(ids))
    count = sum(map(len, trades.values()))
    told = f"{count:,} trades in the sink's file, {'each once and in order' if kept else 'some twice or out of order'}"
    return Promise(name="no tick is repeated", kept=kept and count > 0, told=told)


def _nothing_vanished(delivered: Sequence[Tick], trades: Trades, meddler: Meddler) -> Promise:
    """Between the first and the last delivered trade, each one that the venue sent is there, rejected or in a gap."""
    marked = {
        (_symbol(tick), number)
        for tick in delivered
        if isinstance(tick, Gap) and tick.from_id is not None and tick.to_id is not None
        for number in range(tick.from_id, tick.to_id + 1)
    }
    known = (
        marked
        | set(meddler.falsified)
        | {(symbol, number) for symbol, ids in trades.items() for number in ids}
    )
    sent = [
        (symbol, number)
        for symbol, ids in trades.items()
        for number in meddler.trade_ids.get(symbol, ())
        if ids[0] <= number <= ids[-1]
    ]
    lost = sum(trade not in known for trade in sent)
    told = (
        f"{len(sent):,} trades sent by the venue, {len(marked)} of them marked as a gap, {lost} lost unmarked"
    )
    return Promise(name="no trade vanishes", kept=lost == 0 and bool(sent), told=told)


def _accounted(report: Report, delivered: Sequence[Tick]) -> Promise:
    received = sum(sum(kinds.values()) for kinds in report.received.values()) + report.derived_ticks
    brought = sum(count for kind, count in report.delivered.items() if kind not in NOTICES)
    rejected, suppressed = report.rejected_ticks, sum(report.suppressed.values())
    written = sum(report.delivered.values())
    return Promise(
        name="every tick is accounted for",
        kept=received == brought + rejected + suppressed and written == len(delivered),
        told=f"{received:,} received = {brought:,} delivered + {rejected:,} rejected + {suppressed:,} suppressed; "
        f"{len(delivered):,} lines in the sink's file",
    )


def _false_rejected(report: Report, trades: Trades, meddler: Meddler) -> Promise:
    passed = sum(number in set(trades.get(symbol, ())) for symbol, number in meddler.falsified)
    jumps, stale = report.rejected.get("price_jump", 0), report.rejected.get("staleness", 0)
    return Promise(
        name="false ticks are rejected by the right rule",
        kept=passed == 0
        and len(meddler.falsified) == 1 + STALE_TRADES
        and jumps >= 1
        and stale >= STALE_TRADES,
        told=f"{len(meddler.falsified)} false trades sent to each leg, {passed} delivered; "
        f"price_jump rejected {jumps}, staleness {stale}",
    )


def _switched(switches: Sequence[SwitchRecord]) -> Iterator[Promise]:
    """Yield a promise for each failover: silence, then a lost connection; and one for the way back from both."""
    causes = [(switch.from_leg, switch.to_leg, switch.cause.partition(":")[0]) for switch in switches]
    over = ("primary", "fallback")
    back = ("fallback", "primary", "failback")
    yield Promise(
        name="the route fails over and back, twice and no more",
        kept=causes == [(*over, "silent"), back, (*over, "down"), back],
        told=", ".join(
            f"{switch.from_leg} → {switch.to_leg} ({switch.cause.partition(':')[0]})" for switch in switches
        )
        or "no switch",
    )
    for cause, limit_ms in (("silent", STALE_S * 1_000 + SLACK_MS), ("down", SLACK_MS)):
        took = [switch.failover_ms for switch in switches if switch.cause.partition(":")[0] == cause]
        slowest = max((ms for ms in took if ms is not None), default=None)
        yield Promise(
            name=f"failover within {limit_ms:,.0f} ms when the primary is {cause}",
            kept=slowest is not None and slowest <= limit_ms,
            told="no such failover" if slowest is None else f"{slowest:,.0f} ms",
        )


def _sealed(report: Report, verification: Verification | None) -> Promise:
    sealed = report.audit.get("ticks", 0)
    kept = (
        verification is not None
        and verification.sound
        and verification.ticks == sealed > 0
        and verification.events == report.audit.get("records", 0)
    )
    told = "the log could not be verified"
    if verification is not None:
        told = (
            f"{verification.entries:,} entries, {verification.events:,} events, {verification.ticks:,} ticks "
            f"{'verified' if verification.sound else 'NOT as they were sealed'}; the feed sealed {sealed:,} ticks"
        )
    return Promise(name="the audit log holds all of it, as it was sealed", kept=kept, told=told)


def _symbol(tick: Tick) -> str:
    return tick.instrument.replace("/", "")
