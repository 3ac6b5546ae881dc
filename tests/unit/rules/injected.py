"""Put bad ticks among real ones, and see what becomes of both."""

from ticktrail._engine.judge import Judge
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.plugin import ValidatorContext
from ticktrail.rules.plugin import ticktrail_validators
from ticktrail.testing import ManualClock


def judge_of(ticks, *, offset_ns, consecutive_ids=True, tell=lambda event: None, **settings):
    """Return a leg's judge with every rule at its defaults but for `settings`, by rule."""
    instrument = ticks[0].instrument
    clock = ManualClock(offset_ns=offset_ns)
    rules = [
        RulePlan(
            spec=spec,
            settings={instrument: settings.get(spec.name, spec.settings())},
            action=spec.action,
            severity=spec.severity,
        )
        for spec in ticktrail_validators()
        if spec.scope == "leg"
    ]
    return Judge(
        rules,
        [instrument],
        Validation(),
        context=lambda name: ValidatorContext(
            provider=ticks[0].provider, instrument=name, clock=clock, consecutive_ids=consecutive_ids
        ),
        provider=ticks[0].provider,
        tell=tell,
        now_ns=clock.now_ns,
    )


def verdicts(judge, ticks):
    """Return, by the place of each tick to which a rule objected, the names of the rules; ticks come one at a time."""
    found = {}
    for place, tick in enumerate(ticks):
        verdict = judge.judge((tick,), tick.recv_ns, tick.recv_ns)
        for finding in (*verdict.rejected, *verdict.flagged):
            found[place] = tuple(type(one).__struct_config__.tag for one in finding.violations)
    return found


class Injection:
    """Real ticks with bad ones among them.

    Args:
        ticks: The real ones.
        bad: By the place of a real tick, what comes right after it.
    """

    def __init__(self, ticks, bad):
        self.ticks = []
        self.injected = set()
        self._place_of = []
        for place, tick in enumerate(ticks):
            self._place_of.append(len(self.ticks))
            self.ticks.append(tick)
            for one in bad.get(place, ()):
                self.injected.add(len(self.ticks))
                self.ticks.append(one)

    def judged(self, judge):
        """Return the share of the bad ticks that some rule caught, and what was said of the real ones, by place."""
        found = verdicts(judge, self.ticks)
        caught = sum(place in found for place in self.injected) / len(self.injected)
        back = {there: place for place, there in enumerate(self._place_of)}
        return caught, {back[place]: rules for place, rules in found.items() if place not in self.injected}
