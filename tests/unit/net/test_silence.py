"""When a stream is quieter than its own past: neither a sleepy pair nor a busy hour raises a false alarm."""

import pytest

from ticktrail.net import Silence

S = 1_000_000_000
LIMITS = {"trades": 10.0, "quotes": 5.0}


class Stream:
    def __init__(self, name, channel):
        self.name = name
        self.channel = channel
        self.heard = 0


def stream(symbol="BTCUSDT", channel="trades"):
    return Stream(f"{symbol.lower()}@{channel}", channel)


def looks(silence, seconds, heard=None):
    """Look each second; `heard` says in which of them the streams bring something. Gives what was silent when."""
    out = []
    for second in seconds:
        for one, at in (heard or {}).items():
            one.heard += second in at
        out += [(second, channel) for channel in silence.look(second * S)]
    return out


def stream_pair():
    return stream(), stream("ETHUSDT")


def test_a_channel_is_silent_after_its_limit():
    """All of its streams, for longer than the limit; again each second until somebody sees to it."""
    one, other = stream_pair()
    silence = Silence([one, other], LIMITS, 0)
    assert looks(silence, range(1, 11), {one: {1}}) == []
    assert looks(silence, range(11, 15)) == [(12, "trades"), (13, "trades"), (14, "trades")]


def test_one_lively_stream_vouches_for_the_others():
    """A pair that sleeps beside one that trades is no sign of anything."""
    one, other = stream_pair()
    silence = Silence([one, other], LIMITS, 0)
    assert looks(silence, range(1, 60), {one: set(range(0, 60, 3))}) == []


def test_channels_are_watched_for_themselves():
    """Trades that flow say nothing about quotes; a channel without a limit is not watched."""
    trades, quotes, bars = stream(), stream(channel="quotes"), stream(channel="bars")
    silence = Silence([trades, quotes, bars], LIMITS, 0)
    found = looks(silence, range(1, 20), {trades: set(range(20))})
    assert found[0] == (6, "quotes")
    assert {channel for _, channel in found} == {"quotes"}


def test_a_pair_that_is_often_quiet_is_given_its_time():
    """It has paused for 30 s before: it is missed after eight times as long, not after the channel's limit."""
    one = stream()
    silence = Silence([one], LIMITS, 0)
    looks(silence, range(1, 32), {one: {1, 31}})
    found = looks(silence, range(32, 400))
    assert 31 + 8 * 30 * 0.9 <= found[0][0] <= 31 + 8 * 30 + 2


def test_a_busy_hour_makes_the_watch_sharper_again():
    """A long pause is forgotten by and by; the limit is never gone below."""
    one = stream()
    silence = Silence([one], LIMITS, 0)
    looks(silence, range(1, 32), {one: {1, 31}})
    looks(silence, range(32, 200), {one: set(range(200))})
    found = looks(silence, range(200, 300))
    assert 209 <= found[0][0] <= 212


def test_the_venue_s_word_is_taken_for_as_long_again():
    """Asked after 10 s, then after 20, 40 and 80: a market that sleeps all night costs few questions."""
    one = stream()
    silence = Silence([one], LIMITS, 0)
    asked = []
    for second in range(1, 200):
        for channel in silence.look(second * S):
            asked.append(second)
            silence.excuse(channel, second * S)
    assert asked == [11, 22, 44, 88, 176]


def test_nothing_is_judged_while_the_leg_is_behind():
    """What was received and not yet read may be what is missed."""
    one = stream()
    silence = Silence([one], LIMITS, 0)
    for second in range(1, 30):
        silence.pause(second * S)
    assert looks(silence, range(30, 40)) == []
    assert looks(silence, range(40, 41)) == [(40, "trades")]


@pytest.mark.parametrize("heard", [(5, 1), (1, 5)])
def test_the_busiest_stream_is_the_one_to_ask_about(heard):
    """It is the one of which the venue most likely knows more."""
    one, other = stream_pair()
    silence = Silence([one, other], LIMITS, 0)
    one.heard, other.heard = heard
    assert silence.busiest("trades") is (one if heard[0] > heard[1] else other)
    assert silence.quiet_s("trades", 7 * S) == 7.0


def test_a_regular_stream_is_missed_beside_one_that_speaks():
    """After its own limit; told once, and again after as long as it has been quiet."""
    one, other = stream_pair()
    silence = Silence([one, other], LIMITS, 0)
    assert looks(silence, range(1, 41), {one: set(range(41)), other: set(range(41))}) == []
    found = []
    for second in range(41, 100):
        one.heard += 1
        assert silence.look(second * S) == []
        found += [(second, lonely.name) for lonely in silence.look_at_each(second * S)]
    assert found == [(51, other.name), (62, other.name), (84, other.name)]


def test_a_stream_that_was_never_regular_is_not_missed():
    """Nor is one of a channel that is silent as a whole, which `look` has told."""
    one, other = stream_pair()
    silence = Silence([one, other], LIMITS, 0)
    looks(silence, range(1, 60), {one: set(range(60)), other: {5, 9}})
    assert silence.look_at_each(59 * S) == []
    assert looks(silence, range(60, 90))
    assert silence.look_at_each(90 * S) == []
