"""Judge ticks: every rule, per instrument, on a leg before routing or in the route over all legs.

Owns: the verdict over all rules, and the end of a rule that keeps failing.
Never: raises for bad data, lets a rule's own defect hurt anything but that rule, says what a finding does (the feed
file does), or lets a tick of an instrument pass that the feed does not have: nobody would have judged it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from ticktrail._contracts.validator import (
    IncrementValidator,
    SessionValidator,
)
from ticktrail._engine.bench import Accept, Bench, Check, RuleFailed, Seat, sealed, words_of
from ticktrail._engine.panel import Context, Panel, appoint
from ticktrail._engine.quality import Finding, Quality, plain
from ticktrail._engine.quarantine import Quarantine
from ticktrail._engine.verdict import NotAsked, Unreadable, Verdict, book_gap
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.events import CriticalFinding, Event, RuleDisabled, RuleFailing
from ticktrail.model import (
    AggTrade,
    Bar,
    BookDelta,
    BookSnapshot,
    Flagged,
    InstrumentId,
    ProviderId,
    Quote,
    Rejected,
    Tick,
    Ticker,
    Trade,
    Undecodable,
    Violation,
)

__all__ = ["Judge"]

_LOG = logging.getLogger("ticktrail.rules")
"""Where a rule's traceback goes, for whoever mends the rule: `ticktrail --debug`, or a program's own logging."""
_HELD = (Trade, AggTrade, Quote, Ticker, Bar)
"""What a quarantine keeps back: prices. A book with a piece left out would be wrong, and a halt must not wait."""


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
        context: Context,
        provider: ProviderId | None,
        tell: Callable[[Event], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._provider = provider
        self._tell = tell
        self._now_ns = now_ns
        self._failing: set[str] = set()
        self._learned: dict[InstrumentId, tuple[Decimal | None, Decimal | None]] = {}
        self._known: frozenset[int] = frozenset()
        self._newest: Panel | None = None
        self._newest = self.prepare(rules, instruments, settings, context)
        self.keep(self._newest)

    def prepare(
        self,
        rules: Sequence[RulePlan],
        instruments: Sequence[InstrumentId],
        settings: Validation,
        context: Context,
    ) -> Panel:
        """Return who would judge by other rules or other instruments; nothing changes before `keep`.

        Raises:
            PluginError: A rule cannot be opened, by a defect of its own.
        """
        return appoint(
            rules,
            instruments,
            settings,
            context=context,
            counter=lambda name: Quality(self._provider, name),
            quarantine=lambda name: Quarantine(
                self._provider, name, settings.quarantine_s, self._tell, self._now_ns
            ),
            before=self._newest,
        )

    def expect(self, panel: Panel) -> None:
        """Note who will judge before long, so that what is prepared meanwhile is prepared on top of it."""
        self._newest = panel

    def keep(self, panel: Panel) -> None:
        """Let these judge from now on; those among them who judged before go on with all that they know."""
        self.panel = panel
        self._benches: dict[tuple[type, InstrumentId], Bench] = {}
        self._sessions: list[tuple[str, InstrumentId, SessionValidator]] = []
        self._learners: dict[InstrumentId, list[tuple[str, IncrementValidator]]] = {}
        self.qualities: Mapping[InstrumentId, Quality] = panel.qualities
        may_quarantine = any(rule.action == "quarantine" for rule in panel.rules)
        for name, quality in panel.qualities.items():
            quarantine = panel.quarantines[name]
            quarantine.last_for(panel.settings.quarantine_s)
            by_kind: dict[type, list[Seat]] = {kind: [] for kind in _HELD if may_quarantine}
            for rule in panel.rules:
                chair = panel.chairs[rule.spec.name, name]
                if chair.seat is not None and not chair.dismissed:
                    self._note(chair.seat, name)
                    for kind in rule.spec.ticks:
                        by_kind.setdefault(kind, []).append(chair.seat)
            for kind, seats in by_kind.items():
                self._benches[kind, name] = Bench(seats, quality, quarantine)
        self._tell_the_new()

    @property
    def is_idle(self) -> bool:
        """Whether no rule judges anything here."""
        return not self._benches

    def judges(self, kind: type[Tick], instrument: InstrumentId) -> bool:
        """Tell whether some rule judges an instrument's ticks of that kind, so that they count as seen."""
        return (kind, instrument) in self._benches

    def begin_session(self) -> None:
        """Tell the rules whose memory ends with a session that one begins."""
        for rule, name, judge in tuple(self._sessions):
            try:
                judge.begin_session()
            except KeyboardInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - a rule is somebody else's code, and hurts itself alone
                self._failed(rule, name, exc)

    def learn(self, instrument: InstrumentId, price: Decimal | None, size: Decimal | None) -> None:
        """Tell the rules that want to know it in what steps the instrument's prices and sizes come."""
        self._learned[instrument] = (price, size)
        for rule, judge in tuple(self._learners.get(instrument, ())):
            try:
                judge.learn(price, size)
            except KeyboardInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - see above
                self._failed(rule, instrument, exc)

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
                if tick.instrument in self.qualities:
                    good.append(tick)
                else:
                    verdict.rejected.append(
                        Rejected(tick=tick, violations=(NotAsked(instrument=tick.instrument),))
                    )
                continue
            bench.quality.seen += 1
            found: list[tuple[Check | None, Violation]] | None = None
            for check in bench.checks:
                by: Check | None = check
                try:
                    violation = check(tick, at_ns)
                except KeyboardInterrupt:
                    raise
                except BaseException as exc:  # noqa: BLE001 - see above; nothing here waits, so that nothing is cancelled
                    by, violation = None, self._failed(bench.seat_of(check).rule, tick.instrument, exc)
                if violation is not None:
                    found = [(by, violation)] if found is None else [*found, (by, violation)]
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
            except KeyboardInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - see above
                self._failed(bench.seat_of(accept).rule, tick.instrument, exc)

    def _sentence(
        self,
        bench: Bench,
        tick: Tick,
        found: Sequence[tuple[Check | None, Violation]],
        at_ns: int,
        recv_ns: int,
        verdict: Verdict,
    ) -> None:
        """Do with a tick what the findings about it do."""
        findings: list[Finding] = []
        kept = False
        for check, violation in found:
            if check is None:
                findings.append(Finding("rule_failed", "warning", violation))
                continue
            seat = bench.seat_of(check)
            own = sealed(seat.rule, violation)
            if isinstance(own, Exception):
                failed = self._failed(seat.rule, tick.instrument, own)
                findings.append(Finding("rule_failed", "warning", failed))
                continue
            findings.append(Finding(seat.rule, seat.severity, own))
            if seat.action != "flag":
                kept = True
            if seat.action == "quarantine":
                bench.quarantine.find(seat.rule, at_ns)
        objectors = frozenset(finding.rule for finding in findings)
        is_held = False
        if bench.quarantine.is_on and kept:
            bench.quarantine.prolong(at_ns)
        elif bench.quarantine.is_on and type(tick) in _HELD:
            held = bench.quarantine.hold(at_ns)
            if held is not None:
                kept = is_held = True
                findings.append(Finding("quarantined", "info", held))
        violations = tuple(finding.violation for finding in findings)
        if findings:
            self._alarm(tick, bench.quality.count(tick, findings, recv_ns, kept=kept))
        if kept:
            verdict.rejected.append(Rejected(tick=tick, violations=violations))
            if type(tick) is BookDelta or type(tick) is BookSnapshot:
                verdict.good.append(book_gap(tick, recv_ns))
            if is_held:  # the rules follow the market meanwhile, or they would find it changed at the end
                self._accept(bench.without(objectors), bench, tick)
            return
        accepts = bench.without(objectors)
        if findings:
            if not tick.flagged:
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

    def _tell_the_new(self) -> None:
        """Tell those who did not judge before what they would have been told."""
        known = self._known
        seats = [chair.seat for chair in self.panel.chairs.values() if chair.seat is not None]
        self._known = frozenset(id(seat.judge) for seat in seats)
        self._learned = {name: steps for name, steps in self._learned.items() if name in self.qualities}
        for name, (price, size) in self._learned.items():
            for rule, judge in tuple(self._learners.get(name, ())):
                if id(judge) not in known:
                    try:
                        judge.learn(price, size)
                    except KeyboardInterrupt:
                        raise
                    except BaseException as exc:  # noqa: BLE001 - see above
                        self._failed(rule, name, exc)

    def _note(self, seat: Seat, name: InstrumentId) -> None:
        """Note what a judge wants to be told beside ticks; asked once, since asking a Protocol is slow."""
        if isinstance(seat.judge, SessionValidator):
            self._sessions.append((seat.rule, name, seat.judge))
        if isinstance(seat.judge, IncrementValidator):
            self._learners.setdefault(name, []).append((seat.rule, seat.judge))

    def _dismiss(self, rule: str, name: InstrumentId) -> None:
        """Let the rule judge the instrument no more."""
        self.panel.chairs[rule, name].dismissed = True
        for (_, instrument), bench in self._benches.items():
            if instrument == name:
                bench.dismiss(rule)
        self._sessions = [one for one in self._sessions if one[:2] != (rule, name)]
        self._learners[name] = [one for one in self._learners.get(name, ()) if one[0] != rule]

    def _failed(self, rule: str, name: InstrumentId, exc: BaseException) -> RuleFailed:
        """Count a rule's own defect; with too many of them on an instrument the rule judges it no more."""
        chair = self.panel.chairs[rule, name]
        failures = chair.failures = chair.failures + 1
        error = words_of(exc)
        if rule not in self._failing:
            self._failing.add(rule)
            _LOG.debug("the rule %s raised over %s, here by:", rule, name, exc_info=exc)
            self._tell(RuleFailing(at_ns=self._now_ns(), provider=self._provider, rule=rule, error=error))
        if failures >= self.panel.settings.max_rule_failures and not chair.dismissed:
            self._dismiss(rule, name)
            self._tell(
                RuleDisabled(
                    at_ns=self._now_ns(),
                    provider=self._provider,
                    instrument=name,
                    rule=rule,
                    failures=failures,
                    error=error,
                )
            )
        return RuleFailed(failed=rule, error=error)
