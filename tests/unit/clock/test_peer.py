"""What event times say of a clock: made-up delays, and recordings of a machine whose clock was wrong."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import recording
from ticktrail._clock.peer import PeerDelay, PeerReading, excess_ns
from ticktrail._clock.witness import Witnesses, is_witness
from ticktrail._plan.clock import ClockSettings
from ticktrail.events import PeerOffsetDisagrees, PeerOffsetMeasured
from ticktrail.model import ProviderId, Tick, Undecodable
from ticktrail.plugin import Capabilities, SystemClock
from ticktrail.testing import make_bar, make_quote, make_trade
from ticktrail_binance.live.provider import BinanceProvider
from ticktrail_binance.settings import BinanceSettings
from ticktrail_mock.venue.binance.tape import RecordingTape
from unit.binance.stage import context, instruments_of, market_of

MS = 1_000_000
S = 1_000_000_000
NOW_NS = 1_790_000_000 * S
LEG = ProviderId("leg")


def see(peer: PeerDelay, recv_ns: int, delay_ns: int) -> None:
    peer.see([make_trade(event_ns=recv_ns - delay_ns, recv_ns=recv_ns)], recv_ns)


def minute(delays_ms: Sequence[float], *, absurd: int = 0) -> PeerReading | None:
    """A minute with ten ticks a second, each second's least delay as given; `absurd` seconds hold a tick from 2100."""
    peer = PeerDelay(window_s=60)
    for second, delay_ms in enumerate(delays_ms):
        for part in range(10):
            recv_ns = NOW_NS + second * S + part * S // 10
            see(peer, recv_ns, round((delay_ms + part * 7 % 10) * MS))
            if second < absurd and part == 5:
                see(peer, recv_ns, recv_ns - 4_102_444_800 * S)
    return peer.take()


def test_the_quickest_of_each_second_counts() -> None:
    """The lower quartile of the seconds' leasts; the last second, which is not whole, is left out."""
    found = minute([20, 21, 22, 23, 24, 25, 26, 27, -5000])
    assert found == PeerReading(least_delay_ns=22 * MS, ticks=90)


@given(st.lists(st.floats(15, 45), min_size=60, max_size=60), st.integers(0, 14))
def test_a_few_absurd_times_change_nothing(delays_ms: list[float], absurd: int) -> None:
    """Ticks that claim to be of another century, in fewer than a quarter of the seconds."""
    found = minute(delays_ms, absurd=absurd)
    assert found is not None
    assert 15 * MS <= found.least_delay_ns <= 45 * MS


def test_bursts_of_late_messages_change_nothing() -> None:
    """Half of the seconds are disturbed by seconds of lateness."""
    found = minute([20 if second % 2 else 5000 for second in range(60)])
    assert found is not None
    assert found.least_delay_ns == 20 * MS


def test_too_little_says_nothing() -> None:
    """Fewer than five whole seconds; and a window begins anew."""
    assert minute([20] * 5) is None
    peer = PeerDelay(window_s=60)
    for second in range(10):
        see(peer, NOW_NS + second * S, 20 * MS)
    assert peer.take() is not None
    assert peer.take() is None


def test_what_is_kept_is_bounded() -> None:
    """One number a second, for one window."""
    peer = PeerDelay(window_s=60)
    for second in range(10_000):
        see(peer, NOW_NS + second * S, 20 * MS)
    assert len(peer._leasts) == 60


@pytest.mark.parametrize(
    "tick",
    [
        make_trade(event_ns=NOW_NS - S, backfilled=True),
        make_quote("1", "2", event_ns=None),
        make_bar(event_ns=NOW_NS - S),
        Undecodable(provider=LEG, recv_ns=NOW_NS, raw=b"?", reason="?"),
    ],
)
def test_only_live_ticks_with_a_time_count(tick: Tick | Undecodable) -> None:
    """The past, what has no time, and what tells of times long gone; the tick before it in the batch does."""
    peer = PeerDelay(window_s=60)
    for second in range(8):
        recv_ns = NOW_NS + second * S
        peer.see([tick], recv_ns)
        peer.see([make_trade(event_ns=recv_ns - 30 * MS), tick], recv_ns)
    assert peer.take() == PeerReading(30 * MS, 8)


@pytest.mark.parametrize(
    ("least_ms", "offset_ms", "bound_ms", "excess_ms"),
    [
        (-50, None, None, 0),
        (-51, None, None, -1),
        (1000, None, None, 0),
        (1001, None, None, 1),
        (-1270, 1270, 10, 0),  # behind, and known to be: the corrected delay is 0
        (-1270, 0, 10, -1210),  # a time server says that all is well: one of the two is wrong
        (30, -1270, 10, -1180),
        (1500, -1270, 10, 0),
    ],
)
def test_what_cannot_be(least_ms: int, offset_ms: int | None, bound_ms: int | None, excess_ms: int) -> None:
    """Data from the future by more than the limit, or later than the way can take; a known offset is allowed for."""
    excess = excess_ns(
        least_ms * MS,
        offset_ns=None if offset_ms is None else offset_ms * MS,
        bound_ns=None if bound_ms is None else bound_ms * MS,
        limit_ns=50 * MS,
        most_ns=1000 * MS,
    )
    assert excess == excess_ms * MS


def test_who_disagrees_is_told_once_until_it_agrees_again() -> None:
    """Each window is an event; the disagreement only when it begins."""
    peer = PeerDelay(window_s=60)
    witnesses = Witnesses(ClockSettings(), {LEG: peer})
    told = []
    for window, delay_ms in enumerate([-1270, -1270, 20, -1270]):
        for second in range(60):
            see(peer, NOW_NS + (window * 60 + second) * S, delay_ms * MS)
        told.append([type(event) for event in witnesses.hear(SystemClock())])
    alarm = [PeerOffsetMeasured, PeerOffsetDisagrees]
    assert told == [alarm, [PeerOffsetMeasured], [PeerOffsetMeasured], alarm]


@pytest.mark.parametrize(
    ("peers", "capabilities", "speaks"),
    [
        ("live", {}, True),
        ("live", {"own_clock": True}, False),
        ("live", {"synthetic": True}, False),
        ("all", {"own_clock": True}, True),
        ("off", {}, False),
    ],
)
def test_who_is_a_witness(peers: str, capabilities: dict[str, bool], speaks: bool) -> None:
    """Legs that receive here and now; replays only where asked for."""
    settings = ClockSettings(peers=peers)  # type: ignore[arg-type]
    assert is_witness(settings, Capabilities(channels=frozenset(), **capabilities)) is speaks  # type: ignore[arg-type]


def readings(name: str, *windows_s: float) -> list[list[PeerReading]]:
    """Read a recording through Binance's decoder, frame by frame as the leg does: what windows of each length say."""
    tape = RecordingTape(recording(name))
    market = market_of(name, tape)
    symbols = sorted({message.stream.partition("@")[0].upper() for message in tape.messages()})
    channels = ("quotes", "trades", "agg_trades") if market == "spot" else ("quotes", "trades")
    instruments = instruments_of(tape, market, symbols).values()
    provider = BinanceProvider(BinanceSettings(market=market), context(*instruments, channels=channels))
    peers = [PeerDelay(window_s=window_s) for window_s in windows_s]
    found: list[list[PeerReading | None]] = [[] for _ in windows_s]
    begun_ns = [next(iter(tape.messages())).due_ns] * len(windows_s)
    for message in tape.messages():
        ticks = provider.decode([message.raw], message.due_ns)
        for number, (peer, window_s) in enumerate(zip(peers, windows_s, strict=True)):
            if message.due_ns - begun_ns[number] >= window_s * S:
                found[number].append(peer.take())
                begun_ns[number] = message.due_ns
            peer.see(ticks, message.due_ns)
    for number, peer in enumerate(peers):
        found[number].append(peer.take())
    return [[reading for reading in each if reading is not None] for each in found]


@pytest.mark.parametrize(
    ("name", "least_ms"),
    [
        ("binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz", -1270),
        ("binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz", -1520),
        ("binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz", -1270),
        ("binance_spot/hft_btcusdt_20240808-09.jsonl.gz", -1270),
    ],
)
def test_a_clock_that_was_slow_is_named(name: str, least_ms: int) -> None:
    """Recorders that ran 1.27 s and 1.52 s behind: within 5 ms over the whole, within 7 ms in each minute of it.

    Their clocks drifted by 3 ms in those ten minutes, and a perpetual's quotes carry the time of the match, which lies
    some 4 ms before that of sending.
    """
    (whole,), minutes = readings(name, 3600, 60)
    assert abs(whole.least_delay_ns / MS - least_ms) < 5
    assert len(minutes) >= 5
    for found in minutes:
        assert abs(found.least_delay_ns / MS - least_ms) < 7
        assert excess(found) < -1000 * MS


def excess(found: PeerReading) -> int:
    """How far a reading lies outside of what can be, by the defaults, where no time server was reached."""
    return excess_ns(found.least_delay_ns, offset_ns=None, bound_ns=None, limit_ns=50 * MS, most_ns=1000 * MS)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("binance_futures/cf_binance_delivery_20210722.jsonl.gz", 3),
        ("binance_futures/cf_binance_futures_20210722.jsonl.gz", 3),
        ("binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz", 9),
        ("binance_spot/cf_binance_20211012.jsonl.gz", 0),
        ("binance_spot/cf_binance_tr_20230410.jsonl.gz", 0),
    ],
)
def test_a_healthy_clock_raises_no_alarm(name: str, count: int) -> None:
    """Recorders within 50 ms of their venue, in windows of ten seconds: nothing is amiss, or too little to tell."""
    (found,) = readings(name, 10)
    assert len(found) == count
    assert [excess(one) for one in found] == [0] * count


def test_a_market_that_is_too_quiet_says_nothing() -> None:
    """Eleven trades in half a minute, by a recorder 76 ms behind: four whole seconds are too few to accuse a clock."""
    assert readings("binance_spot/cf_binance_us_20211011.jsonl.gz", 3600) == [[]]
