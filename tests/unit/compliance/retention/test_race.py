"""18. A hold that is placed while retention runs: it keeps what it says that it keeps, whichever came first."""

import threading

import pytest

from ticktrail_compliance.acts import DestructionWithheld, KeysDestroyed
from ticktrail_compliance.retention import destroying
from ticktrail_compliance.store.keystore import KeyStore
from unit.compliance.retention.keeping import Firm, policy_text, processes


@pytest.fixture
def firm(tmp_path, database):
    firm = Firm(tmp_path, database)
    firm.adopt(policy_text())
    firm.old = set(firm.write())
    firm.pass_days(90)
    return firm


def test_a_hold_between_the_word_and_the_deed(firm, monkeypatch):
    """The entry stands that tells of it; nothing is destroyed, a second entry tells why, and verify finds no fault."""
    done = destroying._done
    placed = []

    def late(*arguments, **more):
        if not placed:
            placed.append(firm.place().hold_id)
        return done(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(destroying, "_done", late)
        applied = firm.apply()
    assert applied.destroyed.keys == 0
    assert firm.readable() >= firm.old
    _, withheld = firm.told(KeysDestroyed, DestructionWithheld)[:2]
    assert (withheld.holds, withheld.entry_class) == (placed, "control")
    assert firm.verified().sound
    firm.lift(placed[0])
    firm.apply()
    assert firm.readable().isdisjoint(firm.old)
    assert firm.verified().sound


def test_a_hold_after_everything_was_looked_at(firm, monkeypatch):
    """Right before the log is locked: it is seen under the lock, and all is looked at again."""
    unless = destroying._destroyed_unless_changed
    placed = []

    def late(log, key_ids, seen):
        if not placed:
            placed.append(firm.place().hold_id)
            assert unless(log, key_ids, seen) is None
            return None
        return unless(log, key_ids, seen)

    monkeypatch.setattr(destroying, "_destroyed_unless_changed", late)
    assert firm.apply().destroyed.keys == 0
    assert firm.readable() >= firm.old
    assert firm.verified().sound


def test_a_hold_waits_for_the_deed(firm, monkeypatch):
    """While keys are destroyed nobody can place one; after that it is placed, and tells what was gone before."""
    take_out = KeyStore.take_out
    order = []

    def placing():
        firm.place()
        order.append("held")

    beside = threading.Thread(target=placing)

    def slow(self, key_ids, within=None):
        if not beside.ident:
            beside.start()
            beside.join(0.5)
            assert beside.is_alive()  # it waits for the log
        count = take_out(self, key_ids, within)
        order.append("destroyed")
        return count

    monkeypatch.setattr(KeyStore, "take_out", slow)
    firm.apply()
    beside.join()
    assert order[0] == "destroyed"
    assert "held" in order
    assert firm.verified().sound


@pytest.mark.parametrize("rounds", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_any_interleaving(firm, rounds):
    """Two processes, each beginning at some moment: what the hold said that it keeps can be read at the end."""
    with processes() as ask:
        for seed in range(rounds):
            old = set(firm.write())
            firm.pass_days(90)
            told = ask(firm, "race", seed=seed, most_s=0.4, hold={})
            assert told["status"] == [0, 0]
            kept = sum(
                keys for entry_class, _, keys, _ in told["covered"] if entry_class in {"control", "journal"}
            )
            assert len(firm.readable() & (old | firm.old)) == kept  # one entry a key
            firm.apply()
            assert len(firm.readable() & (old | firm.old)) == kept
            assert firm.verified().sound
            firm.lift(told["hold_id"])
            firm.apply()
            assert firm.readable().isdisjoint(old | firm.old)
