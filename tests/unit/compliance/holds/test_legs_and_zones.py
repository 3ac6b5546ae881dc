"""A hold of a leg keeps what names it in any role, and its days are the firm's."""

import json
from decimal import Decimal

import pytest
from msgspec.structs import replace

from ticktrail.events import LegDown, OutageEnded
from ticktrail.model import Rejected, Switched
from ticktrail.plugin import Routed
from ticktrail.rules import CrossVenueDeviation
from ticktrail.testing import make_quote, make_trade
from ticktrail_compliance.acts import HoldPlaced
from ticktrail_compliance.recording.journal import Journal
from unit.compliance.holds.test_holds import SAID, feed, firm, run  # noqa: F401 - a fixture
from unit.compliance.retention.keeping import policy_text


def seal(firm, *records):  # noqa: F811 - the fixture
    """Seal records under a key of their own; returns the numbers of the entries."""
    journal = Journal(keep="all", segment_ticks=100_000)
    journal.take(records, 0)
    journal.close_segment()
    drafts = [draft for gathered in journal.ready() for draft in gathered.drafts()]
    with firm.session() as session:
        return {one.header.seq for one in session.appender.append(drafts)}


def records(at_ns):
    """Batches of leg ``b``, by the role in which each names ``a``; the last one does not."""
    of = {"provider": "b", "instrument": "BTC/USDT", "recv_ns": at_ns}
    deviation = CrossVenueDeviation(
        price=Decimal(9),
        measure=Decimal(1),
        deviation=Decimal(8),
        max_cross_venue_deviation=Decimal(1),
        outlier="b",
        prices={"a": Decimal(1), "b": Decimal(9)},
        ages_ms={"a": 1.0, "b": 1.0},
    )
    return {
        "spoke before": Routed(
            provider="b",
            recv_ns=at_ns,
            delivered=[Switched(**of, event_ns=at_ns, from_provider="a", cause="lost")],
        ),
        "one side of a quote": Routed(
            provider="b",
            recv_ns=at_ns,
            delivered=[replace(make_quote("1", "2", **of), bid_provider="a", ask_provider="b")],
            derived=True,
        ),
        "compared with": Routed(
            provider="b",
            recv_ns=at_ns,
            rejected=[Rejected(tick=make_trade("9", **of), violations=(deviation,))],
        ),
        "": Routed(provider="b", recv_ns=at_ns, delivered=[make_trade("9", **of)]),
    }


@pytest.mark.parametrize("role", ["spoke before", "one side of a quote", "compared with", ""])
def test_ticks_of_another_leg_that_name_it_are_kept(firm, role):  # noqa: F811 - the fixture
    """A switch away from it, a quote of both, a rule that compared with it; ticks that do not name it are not."""
    firm.clock.step(-90 * 86_400)
    (seq,) = seal(firm, records(firm.clock.now_ns())[role])
    firm.clock.step(90 * 86_400)
    firm.place(providers=["a"])
    firm.apply()
    assert (seq in firm.readable()) == (role != "")
    assert firm.verified().sound


def test_a_leg_that_is_named_in_another_role_alone_is_known(firm):  # noqa: F811 - the fixture
    """Placing a hold of it is not refused as a misspelt name."""
    place = ("hold", "place", feed(firm), "--provider", "a", *SAID)
    assert "--provider a: no entry" in run(firm, *place, status=2)
    seal(firm, records(firm.clock.now_ns())["spoke before"])
    run(firm, *place)
    assert len(firm.told(HoldPlaced)) == 1


def test_an_outage_that_ended_by_another_leg_is_kept(firm):  # noqa: F811 - the fixture
    """An event concerns every leg: the one that came back is not the one that was lost."""
    firm.clock.step(-90 * 86_400)
    at_ns = firm.clock.now_ns()
    down = LegDown(
        at_ns=at_ns, provider="a", cause="cut", detail="", permanent=False, failures=1, retry_in_s=1.0
    )
    lost = seal(firm, down)
    ended = seal(firm, OutageEnded(at_ns=at_ns + 1, provider="b", lasted_s=1.0))
    firm.clock.step(90 * 86_400)
    firm.place(providers=["a"])
    firm.apply()
    assert firm.readable() >= lost | ended


def test_days_are_of_the_firms_zone(firm):  # noqa: F811 - the fixture
    """Of the policy in force, and UTC without one; the output says which moments are meant, and by which clocks."""
    zone = '[compliance.incidents]\nzone = "America/New_York"\n'
    firm.adopt(policy_text(more=zone))
    days = ("--from", "2026-03-08", "--to", "2026-03-08")  # clocks go forward: 23 hours
    placed = json.loads(run(firm, "hold", "place", feed(firm), *days, *SAID, "--json"))
    midnight_ns = 1_772_946_000 * 10**9
    hold = placed["hold"]
    assert (hold["from_ns"], hold["to_ns"]) == (midnight_ns, midnight_ns + 23 * 3_600 * 10**9 - 1)
    assert placed["zone"] == "America/New_York"
    shown = run(firm, "hold", "show", feed(firm), "--hold", hold["hold_id"])
    assert "from 2026-03-08T05:00:00Z (2026-03-08 00:00:00 EST, America/New_York)" in shown
    assert "to   2026-03-09T03:59:59Z (2026-03-08 23:59:59 EDT, America/New_York)" in shown
    assert "the firm's zone is America/New_York" in shown
    named = run(firm, "hold", "place", feed(firm), "--from", "2026-03-08T00:00:00Z", *SAID, "--json")
    assert json.loads(named)["hold"]["from_ns"] == midnight_ns - 5 * 3_600 * 10**9
    firm.adopt(policy_text())
    utc = json.loads(run(firm, "hold", "place", feed(firm), *days, *SAID, "--json"))
    assert (utc["hold"]["from_ns"], utc["zone"]) == (midnight_ns - 5 * 3_600 * 10**9, "UTC")


def test_the_help_says_by_which_times_and_legs(firm):  # noqa: F811 - the fixture
    """Receipt and not event time, any role, the firm's zone."""
    told = " ".join(run(firm, "hold", "place", "--help").split())
    assert "Times are those at which a record came, not those that a venue gave it" in told
    assert "are of the firm's zone" in told
    assert "every event concerns every leg" in told
