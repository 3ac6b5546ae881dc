"""A leg's breaker against a naive model: when it is open, for how long, and what closes it."""

from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ticktrail._engine.breaker import Breaker
from ticktrail._plan.model import BackoffSettings


class Laws(RuleBasedStateMachine):
    """Failures, connections, long and short sessions, and a person, in any order."""

    @initialize(seed=st.integers(), opens=st.integers(1, 4), rests=st.integers(4, 8))
    def open(self, seed, opens, rests):
        self.table = BackoffSettings(
            first_s=1, cap_s=8, open_after_failures=opens, rest_after_failures=rests, rest_s=100
        )
        self.told = []
        self.breaker = Breaker(self.table, Random(seed), lambda *change: self.told.append(change))
        self.failures = 0
        self.state = "closed"

    @rule(retry_after_s=st.one_of(st.none(), st.floats(0, 900)))
    def fails(self, retry_after_s):
        pause_s = self.breaker.failed("cut", retry_after_s)
        self.failures += 1
        if self.failures >= self.table.open_after_failures or self.state != "closed":
            self.state = "open"
            assert self.told[-1][3] == pause_s
        if retry_after_s is not None:
            assert pause_s == retry_after_s
        elif self.failures >= self.table.rest_after_failures:
            assert 80 <= pause_s <= 120
        else:
            assert 0 <= pause_s <= min(8, 2.0 ** (self.failures - 1))

    @rule()
    def fails_for_good(self):
        self.breaker.failed_for_good("wrong key")
        self.state = "open"
        assert self.told[-1][1:] == ("open", "wrong key", None)

    @rule()
    def is_tried(self):
        self.breaker.tried()
        if self.state == "open":
            self.state = "half_open"

    @rule()
    def connects(self):
        self.breaker.connected()
        self.state = "closed"

    @rule(seconds=st.sampled_from([0.0, 29.9, 30.0, 1_000.0]))
    def lived(self, seconds):
        self.breaker.healthy_for(seconds)
        if seconds >= 30:
            self.failures = 0

    @rule()
    def is_reset(self):
        self.breaker.reset()
        self.failures, self.state = 0, "closed"

    @invariant()
    def it_agrees_with_the_model(self):
        if hasattr(self, "breaker"):
            assert (self.breaker.state, self.breaker.failures) == (self.state, self.failures)

    @invariant()
    def each_change_is_told_and_follows_from_the_one_before(self):
        if hasattr(self, "told"):
            states = ["closed", *(after for _, after, _, _ in self.told)]
            assert [before for before, _, _, _ in self.told] == states[:-1]
            assert states[-1] == self.state


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_a_rest_is_five_times_the_cap_unless_it_is_set():
    """So that a feed with short pauses does not rest for minutes."""
    assert BackoffSettings().resting_s == 300
    assert BackoffSettings(first_s=0.1, cap_s=0.2).resting_s == 1
    assert BackoffSettings(rest_s=7).resting_s == 7
