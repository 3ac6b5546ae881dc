"""A hold that names what the log does not know would keep nothing, and is not placed."""

import json

import pytest

from ticktrail_compliance.acts import HoldPlaced
from ticktrail_compliance.store import schema
from unit.compliance.holds.test_holds import SAID, feed, firm, run  # noqa: F401 - a fixture
from unit.compliance.incidents.making import opening
from unit.compliance.logs import change


def place(firm, *options, status=0):  # noqa: F811 - the fixture
    return run(firm, "hold", "place", feed(firm), *options, *SAID, status=status)


@pytest.mark.parametrize(
    ("options", "near"),
    [
        (["--instrument", "btc/usdt"], "did you mean BTC/USDT?"),
        (["--instrument", "ETH/USDT", "--instrument", "BTC/USTD"], "did you mean BTC/USDT?"),
        (["--instrument", "SOMETHING"], "--instrument SOMETHING: no entry"),
        (["--provider", "tow"], "did you mean two?"),
        (["--provider", "one", "--from", "2024-01-01"], "--provider one: no entry of the hold's times"),
        (["--instrument", "BTC/USDT", "--class", "clock"], "--instrument BTC/USDT: no entry"),
    ],
)
def test_a_name_that_no_entry_has_is_refused(firm, options, near):  # noqa: F811 - the fixture
    """With the nearest that is there, and with the option for what is yet to come, which places it."""
    told = place(firm, *options, status=2)
    assert near in told
    assert "--unknown-names" in told
    assert firm.told(HoldPlaced) == []
    place(firm, *options, "--unknown-names")
    assert len(firm.told(HoldPlaced)) == 1


def test_names_that_are_there_are_taken(firm):  # noqa: F811 - the fixture
    """Each of them, of both kinds."""
    place(firm, "--instrument", "BTC/USDT", "--instrument", "ETH/USDT", "--provider", "two")


def test_what_cannot_be_read_may_be_of_the_name(firm):  # noqa: F811 - the fixture
    """The hold is placed then, and the doubt is said; an entry that was destroyed by rule is no such doubt."""
    where = schema.entries.c.seq == max(firm.eth)
    change(firm.folder, schema.entries, {"summary": b"x" * 60}, where, database=firm.more["database"])
    told = place(firm, "--instrument", "SOL/USDT")
    assert "--instrument SOL/USDT: in no entry that can be read; 1 entry of the hold cannot be read" in told


def test_what_was_destroyed_is_told_and_kept_by_no_hold(firm):  # noqa: F811 - the fixture
    firm.apply()
    told = place(firm, "--instrument", "BTC/USDT", status=2)
    assert "4 entries of them destroyed, which cannot tell" in told


def test_an_incident_must_be_there(firm):  # noqa: F811 - the fixture
    """By its number."""
    with firm.session() as session:
        number = session.record("incident", opening(at_ns=firm.clock.now_ns()))
    for wrong in (str(number + 1), "INC-1"):
        assert f"--incident {wrong}: " in place(firm, "--incident", wrong, status=2)
    assert firm.told(HoldPlaced) == []
    placed = json.loads(run(firm, "hold", "place", feed(firm), "--incident", number, *SAID, "--json"))
    assert placed["hold"]["incident"] == str(number)
