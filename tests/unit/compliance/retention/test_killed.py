"""Retention that is killed at any step is gone on with: nothing is lost that is kept, and nothing stays that is due."""

import signal

import pytest

from ticktrail_compliance.acts import DestructionWithheld, RetentionApplied
from unit.compliance.retention.keeping import Firm, policy_text, processes

FINISHED = "let `ticktrail audit retention apply` do what is missing"


@pytest.mark.parametrize("held", [False, True], ids=["gone on with", "held before it goes on"])
@pytest.mark.parametrize(
    ("usual", "every"),
    [
        (True, 3),
        pytest.param(True, 1, marks=pytest.mark.slow),
        pytest.param(False, 1, marks=pytest.mark.slow),
    ],
)
def test_killed_at_every_step(tmp_path, database, usual, every, held):
    """Before each commit, or every third one, of either database; a hold that comes then keeps what is there still.

    The keys are where they are by default, and the other way: apart from the log, or in its own database.
    """
    other = "sqlite:///keys.db" if database.startswith("postgresql") else database
    firm = Firm(tmp_path, database, **({} if usual else {"keys": other}))
    firm.adopt(policy_text())
    steps = withheld = 0
    with processes() as ask:
        for at in range(1, 60, every):
            old = set(firm.write())
            firm.pass_days(90)
            status = ask(firm, "attempt", at=at)["status"]
            found = firm.verified()
            assert all(FINISHED in one.what for one in found.findings), found.findings
            if held:
                there = firm.readable() & old
                hold = firm.place()
                firm.apply()
                assert firm.readable() >= there
                assert firm.verified().sound
                withheld += bool(firm.told(DestructionWithheld))
                firm.lift(hold.hold_id)
            firm.apply()
            assert firm.readable().isdisjoint(old)
            assert firm.verified().sound
            assert firm.plan().keys == []
            if status == 0:
                break
            assert status == -signal.SIGKILL
            steps += 1
    assert steps > 8 / every
    assert bool(withheld) == held
    applied = firm.told(RetentionApplied)
    reclaimed = [key_id for one in applied for key_id in one.reclaimed_keys]
    assert len(reclaimed) == len(set(reclaimed)) > 2 * steps
