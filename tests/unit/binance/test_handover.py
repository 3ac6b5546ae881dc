"""One connection takes over from another: by each stream's own ids, nothing missed and nothing twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_binance.live.handover import Handover
from ticktrail_binance.streams import Stream

CHANNELS = {
    "btcusdt@trade": ("trades", "t"),
    "btcusdt@aggTrade": ("agg_trades", "a"),
    "btcusdt@bookTicker": ("quotes", "u"),
    "btcusdt@depth@100ms": ("book", "u"),
    "btcusdt@depth20@100ms": ("book", "lastUpdateId"),
    "btcusdt@kline_1m": ("bars", "E"),
    "btcusdt@ticker": ("ticker", "E"),
    "btcusdt@markPrice@1s": ("mark_price", "E"),
    "btcusdt@forceOrder": ("liquidations", "E"),
}
STREAMS = {name: Stream(name, "BTC/USDT", "BTCUSDT", channel) for name, (channel, _) in CHANNELS.items()}


def payload(stream, number):
    return json.dumps(
        {"stream": stream, "data": {CHANNELS[stream][1]: number}}, separators=(",", ":")
    ).encode()


@st.composite
def handovers(draw):
    """What happens on some streams, where the new connection begins, and how far each has come at each step."""
    names = draw(st.lists(st.sampled_from(sorted(CHANNELS)), min_size=1, max_size=4, unique=True))
    events = draw(st.lists(st.sampled_from(names), max_size=40))
    counts = dict.fromkeys(names, 0)
    sent = []
    for name in events:
        counts[name] += draw(st.integers(1, 3))  # ids grow, by one or more
        sent.append(payload(name, counts[name]))
    begins = draw(st.integers(0, len(sent)))
    steps = draw(st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=60))
    return sent, begins, steps


@given(handovers())
def test_what_both_bring_is_the_whole_once_and_in_order(case):
    """Wherever the new one begins and whichever of the two is ahead, until they are joined and a moment beyond."""
    sent, begins, steps = case
    handover = Handover(STREAMS)
    handed, kept = [], []
    old_at, new_at = 0, begins
    for is_new, count in steps:
        if is_new:
            pieces, new_at = sent[new_at : new_at + count], min(new_at + count, len(sent))
            handover.new(pieces)
            kept += pieces
        else:
            pieces, old_at = sent[old_at : old_at + count], min(old_at + count, len(sent))
            handover.old(pieces)
            handed += pieces
    rest = sent[new_at:]
    # The old one brings at least what lies before the new one's beginning; then it ends.
    old_ends_at = max(old_at, begins)
    handover.old(sent[old_at:old_ends_at])
    handed += sent[old_at:old_ends_at]
    handed += handover.fresh(kept)
    handed += handover.fresh(rest)
    for name in CHANNELS:
        mine = [one for one in sent if f'"{name}"'.encode() in one]
        assert [one for one in handed if f'"{name}"'.encode() in one] == mine
    assert len(handed) == len(sent)


@pytest.mark.parametrize("stream", sorted(CHANNELS))
def test_they_are_joined_by_the_new_one_s_first_event(stream):
    """Not by an earlier one; and what the old one has brought by then is not brought again."""
    handover = Handover(STREAMS)
    assert handover.is_joined  # nothing has happened that could be missed
    handover.new([payload(stream, 7), payload(stream, 8)])
    assert not handover.is_joined
    handover.old([payload(stream, 6)])
    assert not handover.is_joined
    handover.old([payload(stream, 7)])
    assert handover.is_joined
    assert handover.fresh([payload(stream, 7), payload(stream, 8)]) == [payload(stream, 8)]
    assert handover.repeated == 1
    assert handover.is_passed


def test_a_new_one_that_is_behind_repeats_nothing():
    """The old one is closed while the new one still brings what the old one has brought, each stream for itself."""
    trades, quotes = "btcusdt@trade", "btcusdt@bookTicker"
    handover = Handover(STREAMS)
    handover.new([payload(trades, 5), payload(quotes, 50)])
    handover.old([payload(trades, 9), payload(quotes, 70)])
    assert handover.fresh([payload(trades, 5), payload(quotes, 50)]) == []
    assert handover.fresh([payload(trades, 9), payload(trades, 10), payload(quotes, 60)]) == [
        payload(trades, 10)
    ]
    assert not handover.is_passed
    assert handover.fresh([payload(quotes, 71)]) == [payload(quotes, 71)]
    assert handover.is_passed


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"[",
        b'{"result":null,"id":3}',
        b'{"stream":"btcusdt@trade"',
        b'{"stream":"btcusdt@trade","data":{}}',
        b'{"stream":"btcusdt@trade","data":{"t":null}}',
        b'{"stream":"btcusdt@trade","data":{"t":"x"}}',
        b'{"stream":"btcusdt@trade","data":{"t":1e400}}',
        b'{"stream":"somethingelse@trade","data":{"t":1}}',
        b'{"stream":"btcusdt@trade","data":' + b"[" * 5_000,
    ],
)
def test_what_cannot_be_read_is_handed_on(odd):
    """It is the decoder's to say what is wrong with it; no handover waits for it."""
    handover = Handover(STREAMS)
    handover.new([odd])
    handover.old([odd])
    assert handover.is_joined
    assert handover.fresh([odd]) == [odd]
