"""What is delivered has no repeats, and every hole in it is marked."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._engine.continuity import Continuity
from ticktrail.model import Channel, Gap, InstrumentId, ProviderId, Rejected, Tick, Trade
from ticktrail.plugin import Batch, Capabilities
from ticktrail.testing import make_bar, make_book_delta, make_correction, make_quote, make_trade

NUMBERED = Capabilities(
    channels=frozenset({"trades", "quotes"}), id_space="venue", consecutive_trade_ids=True
)
BTC = InstrumentId("BTC/USDT")
OTHER = Capabilities(channels=frozenset({"trades", "quotes"}))


def batch(
    provider: str, *ticks: Tick, at: int, session: int = 0, rejected: tuple[Rejected, ...] = ()
) -> Batch:
    return Batch(
        provider=provider, recv_ns=at, mono_ns=at, session_ns=session, ticks=ticks, rejected=rejected
    )


def trades(*ids: int, provider: str = "a") -> list[Tick]:
    return [make_trade(id=number, provider=provider) for number in ids]


def test_a_jump_in_consecutive_ids_is_a_gap_that_names_them() -> None:
    """A hole within one session is marked with its bounds, before the first tick after it."""
    route = Continuity({"a": NUMBERED})
    out, repeats = route.place(batch("a", *trades(1, 2, 5), at=1))
    assert not repeats
    gap = out[2]
    assert isinstance(gap, Gap)
    assert (gap.from_id, gap.to_id, gap.cause) == (3, 4, "missing")
    assert [t.id for t in out if not isinstance(t, Gap)] == [1, 2, 5]


def test_a_rejected_trade_is_no_hole() -> None:
    """A trade that a rule refused was seen: only ids that nobody saw are a gap."""
    route = Continuity({"a": NUMBERED})
    refused = tuple(Rejected(tick=t, violations=()) for t in trades(2, 3))
    out, _ = route.place(batch("a", *trades(1, 4), at=1, rejected=refused))
    assert not any(isinstance(t, Gap) for t in out)
    out, _ = route.place(batch("a", *trades(8), at=2, rejected=(Rejected(tick=trades(6)[0], violations=()),)))
    assert [(t.from_id, t.to_id) for t in out if isinstance(t, Gap)] == [(5, 5), (7, 7)]


def test_a_reconnect_that_misses_nothing_leaves_no_gap_where_ids_prove_it() -> None:
    """After a reconnect ids decide: none missing, no gap; sent again, suppressed as a duplicate."""
    route = Continuity({"a": NUMBERED})
    route.place(batch("a", *trades(1, 2), at=1))
    out, repeats = route.place(batch("a", *trades(2, 3), at=10, session=9))
    assert [t.id for t in out] == [3]
    assert [t.id for s in repeats for t in s.ticks] == [2]


def test_a_reconnect_on_a_channel_without_consecutive_ids_is_a_gap_in_time() -> None:
    """Quotes are not counted by the venue: what passed while nobody listened is marked by its times."""
    route = Continuity({"a": NUMBERED})
    route.place(batch("a", make_quote(update_id=7, provider="a"), at=5))
    out, _ = route.place(batch("a", make_quote(update_id=9, provider="a"), at=20, session=18))
    gap = out[0]
    assert isinstance(gap, Gap)
    assert (gap.channel, gap.from_ns, gap.to_ns, gap.cause) == ("quotes", 5, 20, "reconnect")


def test_a_switch_to_a_leg_that_listened_all_along_is_no_gap() -> None:
    """A hot standby's session began before the last delivered tick: it has seen whatever came since."""
    route = Continuity({"a": NUMBERED, "b": OTHER})
    route.place(batch("a", make_quote(update_id=7, provider="a"), at=50, session=1))
    out, repeats = route.place(batch("b", make_quote(update_id=None, provider="b"), at=40, session=2))
    assert not out
    assert repeats[0].reason == "duplicate"
    out, _ = route.place(batch("b", make_quote(update_id=None, provider="b"), at=60, session=2))
    assert len(out) == 1
    assert not isinstance(out[0], Gap)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 60), st.booleans()), min_size=1, max_size=60))
def test_ids_come_out_once_in_order_and_every_missing_one_is_in_a_gap(
    steps: list[tuple[str, int, bool]],
) -> None:
    """Whatever two legs of one market bring: delivered ids grow, and ids and gaps together leave nothing out."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    session = {"a": 0, "b": 0}
    covered: list[int] = []
    for at, (leg, number, again) in enumerate(steps, start=1):
        if again:
            session[leg] = at
        out, repeats = route.place(batch(leg, *trades(number, provider=leg), at=at, session=session[leg]))
        assert len(out) - sum(isinstance(t, Gap) for t in out) + sum(len(s.ticks) for s in repeats) == 1
        for tick in out:
            if isinstance(tick, Gap):
                assert tick.from_id is not None
                assert tick.to_id is not None
                covered.extend(range(tick.from_id, tick.to_id + 1))
            else:
                covered.append(tick.id)
    assert covered == list(range(covered[0], covered[-1] + 1))


NAMED = Capabilities(channels=frozenset({"trades", "quotes"}), heals=frozenset({"trades"}))


def named(*names: str, provider: str = "a", at: int = 5) -> list[Tick]:
    return [make_trade(id=name, event_ns=at, provider=provider) for name in names]


def ids(ticks: Sequence[Tick]) -> list[int | str]:
    return [tick.id for tick in ticks if isinstance(tick, Trade)]


def test_names_without_an_order_are_delivered_once() -> None:
    """Exchanges that count for themselves: no order in the ids, times alike; what was here lately is a duplicate."""
    route = Continuity({"a": NAMED})
    out, repeats = route.place(batch("a", *named("K:628", "Z:75"), *named("P:1465", at=4), at=1))
    assert ids(out) == ["K:628", "Z:75", "P:1465"]
    assert not repeats
    out, (again,) = route.place(batch("a", *named("Z:75", "P:9", "K:628"), at=9, session=8))
    assert ids(out) == ["P:9"]
    assert ids(again.ticks) == ["Z:75", "K:628"]
    out, repeats = route.place(batch("a", *named("Z:75", at=6), at=10, session=8))
    assert ids(out) == ["Z:75"]  # the same number on another day


def test_a_provider_that_heals_its_holes_leaves_none_to_mark() -> None:
    """Between its own sessions, on the channels that it names; a change of legs is another thing."""
    route = Continuity({"a": NAMED, "b": OTHER})
    route.place(batch("a", *named("1"), make_quote(provider="a"), at=1))
    out, _ = route.place(
        batch("a", *named("2", at=6), make_quote(provider="a", event_ns=None), at=9, session=8)
    )
    assert [tick.channel for tick in out if isinstance(tick, Gap)] == ["quotes"]
    out, _ = route.place(batch("b", *named("x", provider="b", at=7), at=20, session=15))
    assert [tick.cause for tick in out if isinstance(tick, Gap)] == ["switch"]


def test_names_of_another_venue_mean_nothing() -> None:
    """Two legs whose names happen to be alike: neither hides the other's trades."""
    route = Continuity({"a": NAMED, "b": OTHER})
    route.place(batch("a", *named("1", "2"), at=1))
    out, repeats = route.place(batch("b", *named("1", provider="b"), at=5, session=0))
    assert ids(out) == ["1"]
    assert not repeats


def test_a_correction_is_no_place_in_the_trades() -> None:
    """It neither hides a hole nor makes one, whenever it comes."""
    route = Continuity({"a": NUMBERED})
    route.place(batch("a", *trades(1), make_correction(original_id=1), at=1))
    out, _ = route.place(batch("a", make_correction(original_id=1), *trades(3), at=9, session=8))
    assert [(tick.from_id, tick.to_id) for tick in out if isinstance(tick, Gap)] == [(2, 2)]
    assert len(out) == 3


SECOND = 1_000_000_000


def told(tick: Trade, event_ns: int | None) -> Trade:
    return msgspec.structs.replace(tick, event_ns=event_ns)


@pytest.mark.parametrize("session", [0, 7], ids=["within a session", "after a reconnect"])
def test_a_venue_that_counts_anew_is_followed_and_the_hole_is_marked(session: int) -> None:
    """After ten trades in a row whose ids grow and which are newer than what was delivered; those before are told."""
    route = Continuity({"a": NUMBERED})
    route.place(batch("a", told(make_trade(id=900, provider="a"), 5), at=5))
    out: list[Tick] = []
    held: list[Tick] = []
    for number in range(1, 15):
        at = 10 + number
        trade = told(make_trade(id=number, provider="a"), at)
        went_on, repeats = route.place(batch("a", trade, at=at, session=session))
        out += went_on
        held += [tick for one in repeats for tick in one.ticks]
    assert ids(held) == list(range(1, 10))
    gap, *rest = out
    assert isinstance(gap, Gap)
    assert (gap.from_id, gap.to_id, gap.from_ns, gap.to_ns, gap.cause) == (None, None, 5, 20, "renumbered")
    assert ids(rest) == list(range(10, 15))
    assert len(rest) == 5


def test_a_stretch_that_is_sent_again_is_no_new_count() -> None:
    """However long: what was delivered is never newer than itself."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    for number in range(1, 200):
        route.place(batch("a", told(make_trade(id=number, provider="a"), number), at=number))
    for leg, session in (("a", 0), ("a", 500), ("b", 600)):
        for number in range(1, 200):
            again = told(make_trade(id=number, provider=leg), number)
            out, _ = route.place(batch(leg, again, at=700 + number, session=session))
            assert not out


def test_quotes_without_a_time_are_a_new_count_only_after_a_long_silence() -> None:
    """A standby that lags brings old quotes in order too, but not half a minute after the last one."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})

    def place(leg: str, number: int, at: int) -> int:
        quote = make_quote(update_id=number, event_ns=None, provider=leg)
        out, _ = route.place(batch(leg, quote, at=at, session=0))
        return sum(not isinstance(tick, Gap) for tick in out)

    assert place("a", 9_000, SECOND)
    assert not any(place("b", number, 20 * SECOND + number) for number in range(1, 1_000))
    late = [place("b", number, 40 * SECOND + number) for number in range(1_000, 1_020)]
    assert late == [0] * 9 + [1] * 11


def test_names_are_kept_within_a_bound() -> None:
    """Ten thousand of them at least, twice as many at most."""
    route = Continuity({"a": NAMED})
    for number in range(25_000):
        route.place(batch("a", *named(str(number), at=number), at=number))
    newest = [tick for number in range(15_000, 25_000) for tick in named(str(number), at=number)]
    out, _ = route.place(batch("a", *newest, at=25_000))
    assert not out
    out, _ = route.place(batch("a", *named("3", at=3), at=25_001))
    assert ids(out) == ["3"]


def test_a_trade_rejected_here_and_suppressed_there_is_a_gap() -> None:
    """Nobody delivers it, though one copy of it was good; told once, by its id."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    refused = Rejected(tick=trades(2)[0], violations=())
    route.place(batch("a", *trades(1, 3), at=1, rejected=(refused,)))
    standby = batch("b", *trades(1, 2, 3, provider="b"), at=2)
    (gap,) = route.suppressed(standby)
    assert isinstance(gap, Gap)
    assert (gap.from_id, gap.to_id, gap.channel, gap.cause) == (2, 2, "trades", "rejected")
    assert not route.suppressed(standby)


def test_so_it_is_where_a_hand_over_repeats_it() -> None:
    """The other leg speaks now, and what it brings again was rejected before."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    refused = Rejected(tick=trades(2)[0], violations=())
    route.place(batch("a", *trades(1, 3), at=1, rejected=(refused,)))
    out, repeats = route.place(batch("b", *trades(2, 3, 4, provider="b"), at=2))
    assert [(t.from_id, t.to_id) for t in out if isinstance(t, Gap)] == [(2, 2)]
    assert [t.id for t in out if isinstance(t, Trade)] == [4]
    assert [t.id for one in repeats for t in one.ticks] == [2, 3]


def test_a_second_copy_that_is_rejected_is_none() -> None:
    """It was delivered, in the same batch or before."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    for ids, again in (((1, 2), 2), ((3,), 1)):
        route.place(
            batch("a", *trades(*ids), at=1, rejected=(Rejected(tick=trades(again)[0], violations=()),))
        )
    standby = batch("b", *trades(1, 2, 3, provider="b"), at=2)
    assert not route.suppressed(standby)


def refused(*ids: int, provider: str = "a") -> tuple[Rejected, ...]:
    return tuple(Rejected(tick=tick, violations=()) for tick in trades(*ids, provider=provider))


def gaps(ticks: Sequence[Tick]) -> list[tuple[int | None, int | None, str]]:
    return [(tick.from_id, tick.to_id, tick.cause) for tick in ticks if isinstance(tick, Gap)]


def test_a_copy_that_may_still_come_is_not_told_as_lost() -> None:
    """Another leg that speaks at the same time brings it next; else it is told once the output is past it."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED, "c": NUMBERED})
    route.place(batch("a", *trades(1), at=1, rejected=refused(2)))
    assert not route.suppressed(batch("b", *trades(2, provider="b"), at=2))
    out, _ = route.place(batch("c", *trades(2, 3, provider="c"), at=3))
    assert [tick.id for tick in out if isinstance(tick, Trade)] == [2, 3]
    assert gaps(out) == []
    route.place(batch("a", *trades(4), at=4, rejected=refused(5)))
    assert not route.suppressed(batch("b", *trades(5, provider="b"), at=5))
    out, _ = route.place(batch("c", *trades(6, provider="c"), at=6))
    assert gaps(out) == [(5, 5, "rejected")]
    assert gaps(route.place(batch("c", *trades(7, provider="c"), at=7))[0]) == []


def test_what_could_still_have_come_is_told_at_the_end() -> None:
    """Nobody will bring it."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    route.place(batch("a", *trades(1), at=1, rejected=refused(2)))
    assert not route.suppressed(batch("b", *trades(2, provider="b"), at=2))
    assert gaps(route.finish()) == [(2, 2, "rejected")]
    assert gaps(route.finish()) == []


def test_a_leg_that_is_never_delivered_contradicts_nobody() -> None:
    """What a candidate brought in the shadow is no loss, and what it rejected no trade that was seen."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED}, mute=frozenset({ProviderId("b")}))
    route.place(batch("a", *trades(1, 3), at=1, rejected=refused(2)))
    assert not route.suppressed(batch("b", *trades(2, provider="b"), at=2, rejected=refused(4, provider="b")))
    assert gaps(route.place(batch("a", *trades(5), at=3))[0]) == [(4, 4, "missing")]


def test_what_a_standby_rejected_is_no_hole_where_it_takes_its_turn() -> None:
    """Its record went with what was suppressed; while the other leg speaks it says nothing of what that one missed."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    route.place(batch("a", *trades(1), at=1))
    route.suppressed(batch("b", at=2, rejected=refused(2, 4, provider="b")))
    assert gaps(route.place(batch("a", *trades(3), at=3))[0]) == [(2, 2, "missing")]
    assert gaps(route.place(batch("b", *trades(5, provider="b"), at=4))[0]) == []
    assert gaps(route.place(batch("b", *trades(7, provider="b"), at=5))[0]) == [(6, 6, "missing")]


def test_what_the_speaker_rejected_is_no_hole_whatever_its_record_went_with() -> None:
    """A part of its batch was suppressed, as a later copy for one, and the record went with that part."""
    route = Continuity({"a": NUMBERED})
    route.place(batch("a", *trades(1), at=1))
    route.suppressed(batch("a", *trades(1), at=2, rejected=refused(2)))
    assert gaps(route.place(batch("a", *trades(3), at=3))[0]) == []


def test_what_was_set_aside_goes_once_the_output_is_past_it() -> None:
    """A standby may reject everything for days."""
    route = Continuity({"a": NUMBERED, "b": NUMBERED})
    for number in range(1, 500):
        route.place(batch("a", *trades(number), at=number))
        route.suppressed(batch("b", at=number, rejected=refused(number + 1, provider="b")))
    (place,) = route._places[ProviderId("a")].values()
    (count,) = place.counts.values()
    assert count.aside == {"b": [500]}


def test_of_names_that_nobody_asked_for_nothing_is_remembered() -> None:
    """A broken venue may name any, and memory stays as it was."""
    route = Continuity({"a": NUMBERED})
    route.heed([BTC])
    strange = tuple(
        Rejected(tick=make_trade(id=number, instrument=f"X{number}/USDT"), violations=())
        for number in range(99)
    )
    before = len(route._places[ProviderId("a")])
    route.place(batch("a", at=1, rejected=strange))
    assert len(route._places[ProviderId("a")]) == before
    route.place(batch("a", *trades(1, 3), at=2, rejected=refused(2)))
    counts = [count for place in route._all_places() for count in place.counts.values()]
    assert [count.id for count in counts].count(3) >= 1


def test_another_venues_trade_of_the_same_number_is_another_trade() -> None:
    """Nothing is told of it."""
    route = Continuity({"a": NUMBERED, "b": OTHER})
    route.place(batch("a", *trades(1), at=1, rejected=(Rejected(tick=trades(2)[0], violations=()),)))
    standby = batch("b", *trades(2, provider="b"), at=2)
    assert not route.suppressed(standby)


def test_what_is_lost_is_told_before_the_next_of_its_channel() -> None:
    """Once, from the last that was delivered; where ids decide, they do."""
    channels: tuple[Channel, ...] = ("quotes", "trades")
    route = Continuity({"a": NUMBERED})
    for channel in channels:
        route.lose(ProviderId("a"), BTC, channel)  # nothing was delivered yet: there is no hole
    out, _ = route.place(batch("a", *trades(1), make_quote(update_id=7, provider="a"), at=5))
    assert not any(isinstance(t, Gap) for t in out)
    for channel in channels:
        route.lose(ProviderId("a"), BTC, channel)
    out, _ = route.place(batch("a", *trades(2), make_quote(update_id=9, provider="a"), at=8))
    (gap,) = [t for t in out if isinstance(t, Gap)]
    assert out.index(gap) == 1
    assert (gap.channel, gap.from_ns, gap.to_ns, gap.cause) == ("quotes", 5, 8, "suppressed")
    out, _ = route.place(batch("a", *trades(3), make_quote(update_id=10, provider="a"), at=9))
    assert not any(isinstance(t, Gap) for t in out)


def test_a_leg_that_was_opened_anew_heals_nothing() -> None:
    """Its provider knows nothing of what it brought before: the hole is marked, once."""
    healing = Capabilities(channels=frozenset({"trades"}), heals=frozenset({"trades"}))
    for is_anew, gaps in ((False, 0), (True, 1)):
        route = Continuity({"a": healing})
        route.place(batch("a", make_trade(id="x", event_ns=1), at=1))
        if is_anew:
            route.renewed(ProviderId("a"))
        out, _ = route.place(batch("a", make_trade(id="y", event_ns=5), at=5, session=4))
        assert sum(isinstance(tick, Gap) for tick in out) == gaps
        out, _ = route.place(batch("a", make_trade(id="z", event_ns=9), at=9, session=8))
        assert not any(isinstance(tick, Gap) for tick in out)


def test_what_is_forgotten_begins_anew() -> None:
    """Neither a repeat nor a hole is looked for behind it."""
    route = Continuity({"a": NUMBERED})
    route.place(batch("a", *trades(1, 2), at=1))
    route.forget({BTC})
    out, repeats = route.place(batch("a", *trades(2, 3), at=9, session=8))
    assert ([tick.id for tick in out if isinstance(tick, Trade)], repeats) == ([2, 3], [])
    assert len(out) == 2


def test_a_leg_is_known_by_its_name_whichever_copy_of_it() -> None:
    """Changes of a book with one time of the venue's, behind a name that is equal and another object."""
    twin = ProviderId(str(b"two", "ascii"))
    route = Continuity({ProviderId("two"): OTHER})
    change = msgspec.structs.replace(make_book_delta(), provider=twin, event_ns=5)
    route.place(batch(twin, change, at=1))
    out, repeats = route.place(batch("two", change, at=1))
    assert len(out) == 1
    assert not repeats


def test_bars_that_follow_on_one_another_leave_no_hole() -> None:
    """Whatever was suppressed between them is in them; where one is left out the suppressed one is missing."""
    minute = 60_000_000_000

    def bar(number: int) -> Tick:
        made: Tick = msgspec.structs.replace(
            make_bar(provider="a", instrument=BTC), start_ns=number * minute, end_ns=(number + 1) * minute
        )
        return made

    continuity = Continuity({"a": Capabilities(channels=frozenset({"bars"}))})
    found = []
    for at_ns, number in enumerate((1, 2, 4), 1):
        continuity.lose(ProviderId("a"), BTC, "bars")
        out, _ = continuity.place(batch("a", bar(number), at=at_ns))
        found.append([tick.counted_as for tick in out])
    assert found == [["bars"], ["bars"], ["gaps", "bars"]]
