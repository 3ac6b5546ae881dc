"""What a hold keeps: by time, class, instrument, leg; for as long as it stands, against every command."""

import json

import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.errors import ConfigError
from ticktrail.events import LegSwitched
from ticktrail.model import Rejected, Undecodable
from ticktrail.plugin import Routed
from ticktrail.testing import make_trade
from ticktrail_compliance.acts import HoldLifted, HoldPlaced
from ticktrail_compliance.holds.hold import Hold
from ticktrail_compliance.holds.placing import covered_by
from ticktrail_compliance.holds.standing import holds_of
from ticktrail_compliance.store import schema
from ticktrail_compliance.summary import summarize
from unit.compliance.logs import SQLITE, change, down
from unit.compliance.retention.keeping import DAY_NS, Firm, policy_text

FEED = '[compliance]\nkey = {{ file = "audit.key" }}\ndatabase = "{}"\n'
SAID = ["--reason", "dispute", "--reference", "Case 17"]


@pytest.fixture
def firm(tmp_path, database):
    """Two instruments of two legs, sealed in 2023-11; all of it is due."""
    firm = Firm(tmp_path, database)
    (tmp_path / "feed.toml").write_text(FEED.format(database))
    firm.adopt(policy_text())
    firm.btc = set(firm.write(instrument="BTC/USDT", provider="one"))
    firm.pass_days(1)
    firm.eth = set(firm.write(instrument="ETH/USDT", provider="two"))
    firm.pass_days(90)
    return firm


def run(firm, *arguments, group="audit", status=0, answer=None):
    done = CliRunner().invoke(program, [group, *map(str, arguments)], input=answer)
    assert done.exit_code == status, done.output
    return done.output


def feed(firm):
    return firm.folder / "feed.toml"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({}, "btc eth"),
        ({"classes": ["journal"]}, "btc eth"),
        ({"classes": ["clock"]}, ""),
        ({"instruments": ["BTC/USDT"]}, "btc"),
        ({"instruments": ["SOL/USDT"]}, ""),
        ({"providers": ["two"]}, "eth"),
        ({"instruments": ["BTC/USDT"], "providers": ["two"]}, ""),
        ({"incident": "INC-1"}, "btc eth"),
    ],
)
def test_what_is_kept_of_the_journal(firm, told, kept):
    """Each writer has its own key here: one that sealed nothing of it is destroyed, the other is not."""
    firm.place(**told)
    firm.apply()
    left = firm.readable()
    for name in ("btc", "eth"):
        _, segment = sorted(getattr(firm, name))
        assert (segment in left) == (name in kept.split()), name
    assert firm.verified().sound


def test_an_event_that_names_no_instrument_concerns_every_one(firm):
    """A leg that came up is kept for any instrument, and not for another leg."""
    firm.place(instruments=["BTC/USDT"], classes=["control"])
    firm.apply()
    left = firm.readable()
    assert min(firm.btc) in left
    assert min(firm.eth) in left
    assert max(firm.btc) not in left


def test_the_times_of_a_hold(firm):
    """Both ends are within, to the nanosecond; open ends reach as far as there is anything."""
    first_ns = firm.clock.now_ns() - 91 * DAY_NS
    hold = firm.place(from_ns=first_ns, to_ns=first_ns)
    with firm.opened() as log:
        assert sum(one.keys for one in covered_by(log, hold) if one.entry_class == "journal") == 1
        beside = type(hold)(
            **{**{n: getattr(hold, n) for n in hold.__struct_fields__}, "from_ns": first_ns + 1}
        )
        assert (
            covered_by(
                log,
                type(hold)(
                    **{**{n: getattr(beside, n) for n in beside.__struct_fields__}, "to_ns": first_ns + 1}
                ),
            )
            == []
        )
    firm.lift(hold.hold_id)
    firm.place(from_ns=first_ns + 1)
    firm.apply()
    assert firm.readable().isdisjoint(firm.btc)
    assert firm.readable() >= firm.eth


def test_what_cannot_be_read_counts_as_kept(firm):
    """An entry whose summary was changed may be of the instrument: its key stays."""
    segment = max(firm.eth)
    where = schema.entries.c.seq == segment
    change(firm.folder, schema.entries, {"summary": b"x" * 60}, where, database=firm.more["database"])
    firm.place(instruments=["BTC/USDT"], classes=["journal"])
    kept = [one for one in firm.plan().kept if one.entry_class == "journal"]
    assert [len(one.key_ids) for one in kept] == [2]


def test_a_hold_that_is_lifted_keeps_nothing(firm):
    """It is destroyed at the next run; the log tells who placed and lifted it, why, and by which matter."""
    hold = firm.place()
    assert firm.plan().keys == []
    assert firm.apply().destroyed.keys == 0
    firm.lift(hold.hold_id)
    with firm.opened() as log:
        assert holds_of(log) == []
    firm.apply()
    assert firm.readable().isdisjoint(firm.btc | firm.eth)
    placed, lifted = firm.told(HoldPlaced, HoldLifted)
    assert (placed.reference, lifted.reason, lifted.reference) == ("Case 17", "closed", "Case 17")
    with pytest.raises(ConfigError, match="was lifted before"):
        firm.lift(hold.hold_id)
    with pytest.raises(ConfigError, match="there is no hold hold-x"):
        firm.lift("hold-x")


def test_what_was_destroyed_before_is_told(firm):
    """By class and month, with how many entries: a hold brings nothing back."""
    firm.apply()
    with firm.opened() as log:
        covered = covered_by(log, firm.place(instruments=["BTC/USDT"]))
    gone = {
        (one.entry_class, one.keys, one.destroyed, one.destroyed_entries) for one in covered if one.destroyed
    }
    assert gone == {("control", 0, 2, 2), ("journal", 0, 2, 2)}


def test_by_command(firm):
    """Placed, listed, shown and lifted; reason and reference are asked for."""
    placed = json.loads(run(firm, "hold", "place", feed(firm), "--class", "journal", *SAID, "--json"))
    hold_id = placed["hold"]["hold_id"]
    assert [(one["month"], one["entry_class"], one["keys"]) for one in placed["covers"]] == [
        ("2023-11", "journal", 2)
    ]
    assert f"{hold_id}  stands; from the beginning without an end, classes journal; dispute (Case 17)" in run(
        firm, "hold", "list", feed(firm)
    )
    assert "2023-11  journal    keeps 2 keys, 2 entries" in run(
        firm, "hold", "show", feed(firm), "--hold", hold_id
    )
    assert "Missing option '--reference'" in run(firm, "hold", "place", feed(firm), "--reason", "x", status=2)
    assert "--reason is empty" in run(
        firm, "hold", "place", feed(firm), "--reason", " ", "--reference", "x", status=2
    )
    assert "there is no hold" in run(firm, "hold", "lift", feed(firm), "--hold", "hold-x", *SAID, status=2)
    assert "lies after" in run(
        firm, "hold", "place", feed(firm), "--from", "2024-02-01", "--to", "2024-01-01", *SAID, status=2
    )
    assert f"{hold_id} is lifted" in run(firm, "hold", "lift", feed(firm), "--hold", hold_id, *SAID)
    assert "no hold stands" in run(firm, "hold", "list", feed(firm))
    assert "lifted 20" in run(firm, "hold", "list", feed(firm), "--all")


def test_keys_destroy_goes_by_the_same(firm):
    """By hand: refused for what a hold keeps, which is named, and for what the policy keeps."""
    options = ["--class", "journal", "--month", "2023-11", "--purpose", "x", "--yes"]
    hold = firm.place(instruments=["ETH/USDT"])
    told = run(firm, "keys", "destroy", feed(firm), *options, status=2)
    assert f"held by {hold.hold_id} (Case 17); `ticktrail audit hold lift`" in told
    firm.lift(hold.hold_id)
    firm.adopt(policy_text(keep_days=36_000))
    told = run(firm, "keys", "destroy", feed(firm), *options, status=2)
    assert "the policy keeps journal entries for 36,000 days after the month" in told
    firm.adopt(policy_text(then="keep", keep_days=1))
    assert "for ever" in run(firm, "keys", "destroy", feed(firm), *options, status=2)
    firm.adopt(policy_text(keep_days=1))
    run(firm, "keys", "destroy", feed(firm), *options)
    assert firm.readable().isdisjoint({max(firm.btc), max(firm.eth)})
    assert firm.verified().sound


def test_what_could_not_be_read_may_be_of_any_instrument():
    """A frame beside a trade of another instrument; and an event beside others that name one."""
    of_eth = Hold(
        hold_id="h",
        from_ns=None,
        to_ns=None,
        instruments=("ETH/USDT",),
        reason="r",
        reference="c",
        placed_ns=0,
        placed_by="me",
    )
    frame = Rejected(tick=Undecodable(provider="one", recv_ns=1, raw=b"?", reason="bad"), violations=())
    of_btc = Routed(provider="one", recv_ns=1, delivered=[make_trade("5")])
    torn = Routed(provider="one", recv_ns=1, delivered=[make_trade("5")], rejected=[frame])
    moved = LegSwitched(
        at_ns=1, from_leg="a", to_leg="b", cause="c", failover_ms=None, instruments=("BTC/USDT",)
    )
    assert not of_eth.names(summarize([of_btc]))
    assert of_eth.names(summarize([torn]))
    assert of_eth.names(summarize([moved, down()]))


@pytest.mark.parametrize(
    "command",
    [
        ["keys", "destroy", "--class", "journal", "--month", "2023-11", "--purpose", "x"],
        ["retention", "apply"],
    ],
)
def test_what_is_asked_tells_of_backups_by_where_the_keys_are(firm, command):
    """A backup of a database that holds log and keys opens what was destroyed; one of the log alone does not."""
    apart = firm.more["database"] == SQLITE  # in PostgreSQL, unless settings say so, both are in one
    asked = " ".join(run(firm, *command[:2], feed(firm), *command[2:], answer="n\n", status=130).split())
    assert ("The keys are in the same database as the log: a backup" in asked) is not apart
    assert ("A backup of the log's database holds no key" in asked) is apart
    assert "not from a backup" not in asked
    assert firm.readable() >= firm.btc
