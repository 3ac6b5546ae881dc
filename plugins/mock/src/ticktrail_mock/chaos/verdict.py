"""Judge a feed that lived through chaos, by what it left behind.

Owns: the promises, each checked against the true tape, the sink's file and the audit log.
Never: takes the feed's word where a file tells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from ticktrail.model import Gap, Switched, Tick, Trade
from ticktrail.report import Report
from ticktrail.wire import decode_line
from ticktrail_mock.demo.promises import Promise
from ticktrail_mock.files import Verification

__all__ = ["Account", "Told", "judge"]

SLACK_MS = 100.0
LEAST_UPTIME = 0.999
_NS_PER_S = 1_000_000_000
_BY_CHOICE = ("failback", "by hand")


class Told(msgspec.Struct, frozen=True):
    """What the audit log says of one switch."""

    at_ns: int
    from_leg: str | None
    to_leg: str
    cause: str
    failover_ms: float | None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the run from outside of the feed.

    Attributes:
        trades: By symbol, the price of every trade that there was, by its id.
        lied: Symbol and id of trades that a venue sent at a wrong price.
        ticks: The sink's file.
        switches: What the audit log says of each switch.
        verification: What verifying that log said.
        silence_ms: The limit after which a silent leg loses its turn.
    """

    trades: Mapping[str, Mapping[int, Decimal]]
    lied: frozenset[tuple[str, int]]
    ticks: Path
    switches: Sequence[Told]
    verification: Verification | None
    silence_ms: float


def judge(report: Report, account: Account) -> Sequence[Promise]:
    """Return every promise, kept or broken."""
    with account.ticks.open("rb") as lines:
        delivered = [decode_line(line) for line in lines]
    return [
        _once_or_in_a_gap(delivered, account),
        _in_order(delivered),
        _nothing_false(delivered, account),
        _accounted(report, delivered),
        _failover(account),
        _uptime(delivered),
        _explained(delivered, account),
        _sealed(report, account.verification),
    ]


def _once_or_in_a_gap(delivered: Sequence[Tick], account: Account) -> Promise:
    """Between the first and the last delivered trade, each one that there was is there, in a gap, or was rejected."""
    ids: dict[str, list[int]] = defaultdict(list)
    marked: dict[str, set[int]] = defaultdict(set)
    for tick in delivered:
        if isinstance(tick, Trade) and isinstance(tick.id, int):
            ids[_symbol(tick)].append(tick.id)
        elif isinstance(tick, Gap) and tick.channel == "trades" and tick.from_id is not None:
            marked[_symbol(tick)].update(range(tick.from_id, (tick.to_id or tick.from_id) + 1))
    sent = lost = in_gaps = rejected = 0
    for symbol, numbers in ids.items():
        known = set(numbers)
        for number in account.trades.get(symbol, ()):
            if not numbers[0] <= number <= numbers[-1]:
                continue
            sent += 1
            if number in known:
                continue
            if number in marked[symbol]:
                in_gaps += 1
            elif (symbol, number) in account.lied:
                rejected += 1
            else:
                lost += 1
    twice = sum(len(numbers) - len(set(numbers)) for numbers in ids.values())
    return Promise(
        name="every trade is delivered once, or covered by a gap",
        kept=sent > 0 and lost == 0 and twice == 0,
        told=f"{sent:,} trades, {in_gaps:,} in gaps, {rejected:,} rejected with a wrong price, "
        f"{lost:,} lost unmarked, {twice:,} twice",
    )


def _in_order(delivered: Sequence[Tick]) -> Promise:
    newest: dict[str, int] = {}
    older = 0
    for tick in delivered:
        if isinstance(tick, Trade) and isinstance(tick.id, int) and not tick.backfilled:
            symbol = _symbol(tick)
            older += tick.id <= newest.get(symbol, -1)
            newest[symbol] = max(tick.id, newest.get(symbol, -1))
    return Promise(
        name="no trade comes after a newer one of its instrument",
        kept=older == 0,
        told=f"{older:,} out of order",
    )


def _nothing_false(delivered: Sequence[Tick], account: Account) -> Promise:
    false = sum(
        isinstance(tick, Trade)
        and isinstance(tick.id, int)
        and account.trades.get(_symbol(tick), {}).get(tick.id) != tick.price
        for tick in delivered
    )
    return Promise(
        name="no false tick is delivered as good",
        kept=false == 0,
        told=f"{len(account.lied):,} trades sent at a wrong price by one of the venues, {false:,} of them delivered",
    )


def _accounted(report: Report, delivered: Sequence[Tick]) -> Promise:
    received = sum(sum(kinds.values()) for kinds in report.received.values()) + report.derived_ticks
    brought = sum(count for kind, count in report.delivered.items() if kind not in {"gaps", "switches"})
    suppressed = sum(report.suppressed.values())
    return Promise(
        name="every tick is accounted for",
        kept=received == brought + report.rejected_ticks + suppressed
        and sum(report.delivered.values()) == len(delivered),
        told=f"{received:,} received = {brought:,} delivered + {report.rejected_ticks:,} rejected + "
        f"{suppressed:,} suppressed",
    )


def _failover(account: Account) -> Promise:
    """How long nothing had come from the one who spoke, at the moment of each switch that a fault was the reason of."""
    limit_ms = account.silence_ms + SLACK_MS
    took = sorted(
        told.failover_ms
        for told in account.switches
        if told.failover_ms is not None and not told.cause.startswith(_BY_CHOICE)
    )
    p99 = took[max(0, -(-len(took) * 99 // 100) - 1)] if took else None
    return Promise(
        name=f"p99 of failover within {limit_ms:,.0f} ms",
        kept=p99 is not None and p99 <= limit_ms,
        told="no failover" if p99 is None else f"{p99:,.0f} ms, {took[-1]:,.0f} ms at most, of {len(took)}",
    )


def _uptime(delivered: Sequence[Tick]) -> Promise:
    """In how many seconds of the run something was received and delivered, by the ticks' receive times."""
    seconds = {tick.recv_ns // _NS_PER_S for tick in delivered}
    if len(seconds) < 2:
        return Promise(name="delivery is up", kept=False, told="nothing was delivered")
    whole = max(seconds) - min(seconds) + 1
    uptime = len(seconds) / whole
    return Promise(
        name=f"delivery is up for {LEAST_UPTIME:.1%} of the time",
        kept=uptime >= LEAST_UPTIME,
        told=f"{uptime:.3%} of {whole:,} seconds",
    )


def _explained(delivered: Sequence[Tick], account: Account) -> Promise:
    """Each switch that a sink saw stands in the audit log, with its cause."""
    seen = {
        (tick.from_provider, tick.provider, tick.cause) for tick in delivered if isinstance(tick, Switched)
    }
    told = {(one.from_leg, one.to_leg, one.cause) for one in account.switches}
    return Promise(
        name="the audit log explains each switch",
        kept=seen <= told and len(account.switches) > 0,
        told=f"{len(account.switches):,} switches in the log, {len(seen - told)} that a sink saw are not there",
    )


def _sealed(report: Report, verification: Verification | None) -> Promise:
    kept = (
        verification is not None
        and verification.sound
        and verification.ticks == report.audit.get("ticks", 0) > 0
    )
    told = "the log could not be verified"
    if verification is not None:
        told = f"{verification.entries:,} entries, {verification.ticks:,} ticks {'sound' if kept else 'NOT sound'}"
    return Promise(name="the audit log holds all of it, as it was sealed", kept=kept, told=told)


def _symbol(tick: Tick) -> str:
    return tick.instrument.replace("/", "")
