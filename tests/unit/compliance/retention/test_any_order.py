"""Retention, holds, rotation, exports and writers in any order over years, interrupted anywhere.

Against a naive model: nothing that a rule or a hold keeps is ever lost, nothing that is due can be read once retention
was applied, and the log is sound throughout.
"""

import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ticktrail.plugin import Secret
from ticktrail_compliance.export.run import export
from ticktrail_compliance.export.state import Request
from ticktrail_compliance.naming import Named
from ticktrail_compliance.retention.due import DAY_NS
from ticktrail_compliance.store.keystore import month_of
from ticktrail_compliance.vault.opening import open_provider
from ticktrail_compliance.verify.whole import Progress
from unit.compliance.logs import SQLITE, postgres, settings
from unit.compliance.retention.keeping import Firm
from unit.compliance.retention.test_killed import FINISHED

CLASSES = ("control", "journal")
INSTRUMENTS = ("BTC/USDT", "ETH/USDT")
POLICY = """\
[compliance]
firm = "Example"
[compliance.retention.access]
then = "keep"
[compliance.retention.control]
keep_days = {control}
[compliance.retention.journal]
keep_days = {journal}
then = "{then}"
"""


class Interrupted(BaseException):
    pass


@contextmanager
def interrupted_at(number):
    """Give up before a commit of that number."""
    left = [number]

    def hook(_connection):
        left[0] -= 1
        if left[0] == 0:
            raise Interrupted

    event.listen(Engine, "commit", hook)
    try:
        with suppress(Interrupted):
            yield
    finally:
        event.remove(Engine, "commit", hook)


class Years(RuleBasedStateMachine):
    """One log; `keys` holds what each key of the feeds sealed: class, month, instrument, times, numbers, exported."""

    database = None

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        database = SQLITE if self.database is None else self.stack.enter_context(postgres())
        self.firm = Firm(folder, database, keys="sqlite:///keys.db")
        self.keys, self.holds, self.rules = [], {}, None
        self.files = 0
        self.is_torn = False

    def teardown(self):
        self.stack.close()

    @initialize(control=st.sampled_from([30, 400]), journal=st.sampled_from([30, 400]))
    def adopt_first(self, control, journal):
        self.adopt(control, journal, "shred")
        for instrument in INSTRUMENTS:
            self.seal(instrument, 1)

    @rule(
        control=st.sampled_from([30, 60, 400]),
        journal=st.sampled_from([30, 60, 400]),
        then=st.sampled_from(["shred", "archive"]),
    )
    def adopt(self, control, journal, then):
        self.rules = {"control": (control, "shred"), "journal": (journal, then)}
        self.firm.adopt(POLICY.format(control=control, journal=journal, then=then))

    @rule(days=st.sampled_from([1, 40, 130, 400]))
    def wait(self, days):
        self.firm.pass_days(days)

    @rule(instrument=st.sampled_from(INSTRUMENTS), times=st.integers(1, 2))
    def seal(self, instrument, times):
        at_ns = self.firm.clock.now_ns()
        seqs = self.firm.write(instrument=instrument, times=times)
        for number, entry_class in enumerate(CLASSES):
            self.keys.append(
                {
                    "class": entry_class, "month": month_of(at_ns), "at_ns": at_ns, "instrument": instrument,
                    "seqs": set(seqs[number::2]), "exported": False, "gone": False,
                }
            )  # fmt: skip

    @rule(
        classes=st.sampled_from([(), ("journal",), ("control",)]),
        instruments=st.sampled_from([(), ("BTC/USDT",)]),
        since=st.sampled_from([None, 0, 100]),
    )
    def hold(self, classes, instruments, since):
        from_ns = None if since is None else self.firm.clock.now_ns() - since * DAY_NS
        hold = self.firm.place(classes=classes, instruments=instruments, from_ns=from_ns)
        self.holds[hold.hold_id] = hold

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def lift(self, data):
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        self.firm.lift(hold_id)
        del self.holds[hold_id]

    @rule()
    def apply(self):
        self.firm.apply()
        for key in self.keys:
            key["gone"] = key["gone"] or self.is_due(key)
        self.is_torn = False

    @rule(at=st.integers(1, 25))
    def apply_interrupted(self, at):
        due = [key for key in self.keys if self.is_due(key)]
        with interrupted_at(at):
            self.firm.apply()
        left = self.firm.readable()
        for key in due:  # any of these, and no other
            key["gone"] = key["seqs"].isdisjoint(left)
        self.is_torn = True

    @rule()
    def rotate(self):
        self.files += 1
        secret = Secret(file=f"key-{self.files}")
        with self.firm.opened(write=True) as log:
            log.keys.rewrap(open_provider(secret, self.firm.folder, create=True, warn=lambda _: None))
        self.firm.more["key"] = secret

    @rule()
    def export(self):
        self.files += 1
        named = Named(settings(**self.firm.more), self.firm.folder)

        def asked(log_id):
            return Request(
                log_id=log_id, from_ns=None, to_ns=None, classes=(), instruments=(), providers=(), outcomes=(),
                rows_format="jsonl", purpose="archive", with_keys=False,
            )  # fmt: skip

        export(named, asked, self.firm.folder / f"out-{self.files}", None, progress=Progress())
        for key in self.keys:
            key["exported"] = key["exported"] or not key["gone"]

    @invariant()
    def nothing_is_lost_and_nothing_stays(self):
        left = self.firm.readable() if self.keys else set()
        for key in self.keys:
            assert key["seqs"].isdisjoint(left) if key["gone"] else key["seqs"] <= left, key

    @invariant()
    def it_is_sound(self):
        found = self.firm.verified() if self.keys else None
        if found is not None and not found.sound:
            assert self.is_torn
            assert all(FINISHED in one.what for one in found.findings), found.findings

    def is_due(self, key):
        keep_days, then = self.rules[key["class"]]
        year, month = int(key["month"][:4]), int(key["month"][5:])
        following = f"{year + month // 12}-{month % 12 + 1:02}"
        ends = key["at_ns"]
        while month_of(ends) < following:
            ends += DAY_NS - ends % DAY_NS
        return (
            not key["gone"]
            and self.firm.clock.now_ns() >= ends + keep_days * DAY_NS
            and (then == "shred" or key["exported"])
            and not any(self.is_held(key, hold) for hold in self.holds.values())
        )

    def is_held(self, key, hold):
        return (
            (not hold.classes or key["class"] in hold.classes)
            and (hold.from_ns is None or key["at_ns"] >= hold.from_ns)
            and (not hold.instruments or key["class"] == "control" or key["instrument"] in hold.instruments)
        )


@pytest.mark.parametrize(
    ("examples", "steps"), [(5, 12), pytest.param(60, 40, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_in_any_order(database, examples, steps):
    """Whatever is done, interrupted or not."""

    class Here(Years):
        pass

    Here.database = None if database == SQLITE else database
    run_state_machine_as_test(
        Here,
        settings=bounds(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),  # to shrink what takes seconds takes hours
            suppress_health_check=list(HealthCheck),
        ),
    )
