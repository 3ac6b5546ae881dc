"""Judge ticks: every rule, per instrument, on a leg before routing or in the route over all legs.

Owns: the verdict over all rules, and the end of a rule that keeps failing.
Never: raises for bad data, lets a rule's own defect hurt anything but that rule, or says what a finding does (the
feed file does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ticktrail._contracts.validator import (
    IncrementValidator,
    SessionValidator,
    Validator,
    ValidatorContext,
)
from ticktrail._engine.bench import Accept, Bench, Check, RuleFailed, Seat
from ticktrail._engine.quality import Finding, Quality, plain
from ticktrail._engine.quarantine import Quarantine
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.errors import FeedError, PluginError
from ticktrail.events import CriticalFinding, Event, RuleDisabled, RuleFailing
from ticktrail.model import (
    BookDelta,
    BookSnapshot,
    Flagged,
    Gap,
    InstrumentId,
    ProviderId,
    Rejected,
    Tick,
    Undecodable,
    Violation,
)

__all__ = ["Judge", "Unreadable", "Verdict"]

_OF_A_BOOK = (BookDelta, BookSnapshot)


class Unreadable(Violation, frozen=True, tag="undecodable"):
    """The frame is no tick."""

    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a batch's ticks: `good` go on, and those among them that rules flagged stand in `flagged` too."""

    good: list[Tick]
    rejected: list[Rejected]
    flagged: list[Flagged]


class Judge:
    """All rules of one scope.

    Args:
        rules: Those of the scope.
        instruments: Whom to judge.
        settings: What concerns all rules.
        context: Makes what a rule is told when it opens.
        provider: The leg, for events; None in the route.
        tell: Takes the events that come of judging.
        now_ns: UTC nanoseconds, for the events' times.
    """

    def __init__(
        self,
        rules: Sequence[RulePlan],
        instruments: Sequence[InstrumentId],
        settings: Validation,
        *,
        context: Callable[[InstrumentId], ValidatorContext],
        provider: ProviderId | None,
        tell: Callable[[Event], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._max_failures = settings.max_rule_failures
        self._provider = provider
        self._tell = tell
        self._now_ns = now_ns
        self._failures: dict[str, int] = {}
        self._benches: dict[tuple[type, InstrumentId], Bench] = {}
        self._judges: dict[InstrumentId, list[tuple[str, Validator]]] = {}
        self.qualities: Mapping[InstrumentId, Quality] = {
            name: Quality(provider, name) for name in instruments
        }
        for name in instruments:
            quarantine = Quarantine(provider, name, settings.quarantine_s, tell, now_ns)
            by_kind: dict[type, list[Seat]] = {}
            for rule in rules:
                judge = _opened(rule, context(name))
                if judge is not None:
                    seat = Seat(rule.spec.name, rule.action, rule.severity, judge)
                    self._judges.setdefault(name, []).append((seat.rule, judge))
                    for kind in rule.spec.ticks:
                        by_kind.setdefault(kind, []).append(seat)
            for kind, seats in by_kind.items():
                self._benches[kind, name] = Bench(seats, self.qualities[name], quarantine)

    @property
    def is_idle(self) -> bool:
        """Whether no rule judges anything here."""
        return not self._benches

    def begin_session(self) -> None:
        """Tell the rules whose memory ends with a session that one begins."""
        for judges in self._judges.values():
            for rule, judge in tuple(judges):
                if isinstance(judge, SessionValidator):
                    try:
                        judge.begin_session()
                    except Exception as exc:  # noqa: BLE001 - a rule is somebody else's code
                        self._failed(rule, exc)

    def learn(self, instrument: InstrumentId, price: Decimal | None, size: Decimal | None) -> None:
        """Tell the rules that want to know it in what steps the instrument's prices and sizes come."""
        for rule, judge in tuple(self._judges.get(instrument, ())):
            if isinstance(judge, IncrementValidator):
                try:
                    judge.learn(price, size)
                except Exception as exc:  # noqa: BLE001 - see above
                    self._failed(rule, exc)

    def judge(self, ticks: Sequence[Tick | Undecodable], at_ns: int, recv_ns: int) -> Verdict:
        """Return what goes on, what does not, and what goes on with a mark, each in order.

        Args:
            ticks: Of one batch.
            at_ns: The rules' "now".
            recv_ns: The batch's receive time.
        """
        good: list[Tick] = []
        verdict = Verdict(good, [], [])
        benches = self._benches
        for tick in ticks:
            if type(tick) is Undecodable:
                verdict.rejected.append(Rejected(tick=tick, violations=(Unreadable(reason=tick.reason),)))
                continue
            bench = benches.get((type(tick), tick.instrument))
            if bench is None:
                good.append(tick)
                continue
            bench.quality.seen += 1
            found: list[tuple[Check, Violation]] | None = None
            for check in bench.checks:
                try:
                    violation = check(tick, at_ns)
                except Exception as exc:  # noqa: BLE001 - see above
                    violation = self._failed(bench.seat_of(check).rule, exc)
                if violation is not None:
                    found = [(check, violation)] if found is None else [*found, (check, violation)]
            if found is None and not bench.quarantine.is_on:
                good.append(tick)
                self._accept(bench.accepts, bench, tick)
            else:
                self._sentence(bench, tick, found or (), at_ns, recv_ns, verdict)
        return verdict

    def _accept(self, accepts: Sequence[Accept], bench: Bench, tick: Tick) -> None:
        for accept in accepts:
            try:
                accept(tick)
            except Exception as exc:  # noqa: BLE001 - see above
                self._failed(bench.seat_of(accept).rule, exc)

    def _sentence(
        self,
        bench: Bench,
        tick: Tick,
        found: Sequence[tuple[Check, Violation]],
        at_ns: int,
        recv_ns: int,
        verdict: Verdict,
    ) -> None:
        """Do with a tick what the findings about it do."""
        findings: list[Finding] = []
        kept = False
        for check, violation in found:
            if type(violation) is RuleFailed:
                findings.append(Finding(violation.failed, "warning", violation))
                continue
            seat = bench.seat_of(check)
            if (defect := _defect_of(violation)) is not None:
                findings.append(Finding(seat.rule, "warning", self._failed(seat.rule, defect)))
                continue
            findings.append(Finding(seat.rule, seat.severity, violation))
            if seat.action != "flag":
                kept = True
            if seat.action == "quarantine":
                bench.quarantine.find(seat.rule, at_ns)
        if bench.quarantine.is_on and not kept and type(tick) not in _OF_A_BOOK:
            held = bench.quarantine.hold(at_ns)
            if held is not None:
                kept = True
                findings.append(Finding("quarantined", "info", held))
        violations = tuple(finding.violation for finding in findings)
        if findings:
            self._alarm(tick, bench.quality.count(tick, findings, recv_ns, kept=kept))
        if kept:
            verdict.rejected.append(Rejected(tick=tick, violations=violations))
            if type(tick) is BookDelta or type(tick) is BookSnapshot:
                verdict.good.append(_book_gap(tick, recv_ns))
            return
        accepts = bench.without(frozenset(finding.rule for finding in findings))
        if findings:
            tick = msgspec.structs.replace(tick, flagged=True)
            verdict.flagged.append(Flagged(tick=tick, violations=violations))
        verdict.good.append(tick)
        self._accept(accepts, bench, tick)

    def _alarm(self, tick: Tick, news: Sequence[Finding]) -> None:
        """Tell of findings that matter at once; others wait for the quality record."""
        for finding in news:
            if finding.severity == "critical":
                self._tell(
                    CriticalFinding(
                        at_ns=self._now_ns(),
                        provider=tick.provider,
                        instrument=tick.instrument,
                        rule=finding.rule,
                        violation=plain(finding.violation),
                    )
                )

    def _failed(self, rule: str, exc: Exception) -> RuleFailed:
        """Count a rule's own defect; with too many of them the rule judges no more."""
        failures = self._failures[rule] = self._failures.get(rule, 0) + 1
        error = f"{type(exc).__name__}: {exc}"
        if failures == 1:
            self._tell(RuleFailing(at_ns=self._now_ns(), provider=self._provider, rule=rule, error=error))
        if failures == self._max_failures:
            for bench in self._benches.values():
                bench.dismiss(rule)
            self._judges = {
                name: [(other, judge) for other, judge in judges if other != rule]
                for name, judges in self._judges.items()
            }
            self._tell(
                RuleDisabled(
                    at_ns=self._now_ns(),
                    provider=self._provider,
                    rule=rule,
                    failures=failures,
                    error=error,
                )
            )
        return RuleFailed(failed=rule, error=error)


def _opened(rule: RulePlan, context: ValidatorContext) -> Validator | None:
    """Return the rule's judge of one instrument.

    Raises:
        PluginError: It could not be made, by a defect of the rule's own.
    """
    try:
        return rule.spec.open(rule.settings[context.instrument], context)
    except FeedError:
        raise
    except Exception as exc:
        raise PluginError(
            f"the rule {rule.spec.name} cannot judge {context.instrument}: opening it failed by a defect of its own, "
            f"{type(exc).__name__}: {exc}; turn it off in [validation], or remove its plugin"
        ) from exc


def _defect_of(violation: object) -> Exception | None:
    """Return what makes a finding none: it is no `Violation`, or holds what cannot be recorded."""
    if not isinstance(violation, Violation):
        return TypeError(f"check returned {type(violation).__name__}, which is no Violation")
    try:
        msgspec.msgpack.encode(violation)
    except (TypeError, ValueError, OverflowError) as exc:
        return exc
    return None


def _book_gap(tick: BookDelta | BookSnapshot, recv_ns: int) -> Gap:
    """Return the mark of a book that a rule has taken a piece out of: it is unknown until the next snapshot."""
    first = tick.first_update_id if isinstance(tick, BookDelta) else tick.update_id
    return Gap(
        instrument=tick.instrument,
        provider=tick.provider,
        event_ns=tick.event_ns,
        recv_ns=recv_ns,
        channel="book",
        from_id=first,
        to_id=tick.update_id,
        from_ns=None,
        to_ns=recv_ns,
        cause="rejected",
    )
