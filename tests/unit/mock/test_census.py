"""What a recording lacks of what is asked of it, and what it holds beside, is told before a run and after it."""

import json

import anyio
import pytest

from recordings import SPOT, recording
from ticktrail._engine.runner import Runner
from ticktrail._host import Host
from ticktrail._plan import compose, render
from ticktrail.events import RecordingDiffers
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_mock.census import LOOKED_AT, MOST_NAMED, Census, foresee
from ticktrail_mock.recording import read_recording
from ticktrail_mock.venue.binance.tape import RecordingTape
from unit.binance.stage import expected, instruments_of, market_of
from unit.binance.test_recorded_books import LARGE, SMALL
from unit.mock.test_providers import context

pytestmark = pytest.mark.anyio
USDM = "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz"
HOST = Host.load()


def line(stream, n=1, recv_ns=10):
    data = {"s": stream.partition("@")[0].upper(), "t": n, "p": "1", "q": "1", "T": 1, "m": True}
    raw = json.dumps({"stream": stream, "data": data}, separators=(",", ":"))
    return json.dumps({"recv_ns": recv_ns, "kind": "ws", "raw": raw})


def feed(folder, lines, *, instruments=("BTC/USDT",), channels=("trades",), more=""):
    (folder / "r.jsonl").write_text("\n".join(lines), encoding="utf-8")
    path = folder / "feed.toml"
    path.write_text(
        f'[feed]\nname = "f"\nprofile = "development"\n'
        f"instruments = {json.dumps(instruments)}\nchannels = {json.dumps(channels)}\n"
        f'[providers.replay]\npath = "r.jsonl"\nspeed = "max"\n{more}[clock]\nservers = []\n',
        encoding="utf-8",
    )
    return path


async def told(path):
    found = []
    with anyio.fail_after(120):
        await Runner(compose(path), listener=found.append).run()
    return [record for record in found if isinstance(record, RecordingDiffers)]


async def test_the_end_of_a_replay_tells_what_never_came_and_what_nobody_asked_for(tmp_path):
    """With the recording's name, the instruments, and a count for each stream that was left aside."""
    lines = [
        line("btcusdt@trade"),
        *(line("ethusdt@aggTrade", n) for n in range(3)),
        line("btcusdt@depth@0ms"),
    ]
    (event,) = await told(feed(tmp_path, lines, instruments=("BTC/USDT", "ETH/USDT", "DOT/USDT")))
    assert event.provider == "replay"
    assert event.recording == "r.jsonl"
    assert event.missing == ("ETH/USDT", "DOT/USDT")
    assert (event.silent, event.silent_streams) == (("ethusdt@trade", "dotusdt@trade"), 2)
    assert event.unasked == {"ethusdt@aggTrade": 3, "btcusdt@depth@0ms": 1}
    assert event.unasked_streams == 2


async def test_nothing_is_told_where_the_recording_is_what_was_asked_for(tmp_path):
    """Neither before the run nor after it."""
    path = feed(tmp_path, [line("btcusdt@trade")])
    assert compose(path).warnings == ()
    assert await told(path) == []


async def test_what_is_named_is_bounded_and_the_rest_is_counted(tmp_path):
    """Ten streams, those with the most messages first."""
    lines = [line("btcusdt@trade"), *(line(f"s{n}usdt@trade") for n in range(30)), line("s29usdt@trade")]
    (event,) = await told(feed(tmp_path, lines))
    assert (len(event.unasked), event.unasked_streams) == (MOST_NAMED, 30)
    assert next(iter(event.unasked.items())) == ("s29usdt@trade", 2)
    assert event.missing == event.silent == ()


async def test_a_recording_of_futures_names_the_streams_that_are_left_aside(tmp_path):
    """A real one: its trades and its book come under other names than a futures leg asks for."""
    path = feed(
        tmp_path,
        [],
        instruments=("BTC/USDT:USDT",),
        channels=("trades", "quotes", "book"),
        more='venue_settings = { market = "usdm" }\n',
    )
    path.write_text(path.read_text().replace('"r.jsonl"', json.dumps(str(recording(USDM)))), encoding="utf-8")
    (warning,) = compose(path).warnings
    assert "[providers.replay]" in warning
    assert f"in its first {LOOKED_AT:,} lines" in warning
    for stream in ("btcusdt@aggTrade", "btcusdt@depth@100ms", "btcusdt@trade (", "btcusdt@depth@0ms ("):
        assert stream in warning
    (event,) = await told(path)
    assert event.missing == ()
    assert set(event.silent) == {"btcusdt@aggTrade", "btcusdt@depth@100ms"}
    assert event.unasked == {"btcusdt@trade": 10_701, "btcusdt@depth@0ms": 9_022}  # README of the recordings


@pytest.mark.parametrize(
    ("name", "instrument", "of"),
    [(USDM, "BTC/USDT", "futures"), (SPOT, "BTC/USDT:USDT", "spot")],
)
def test_check_warns_of_a_recording_of_the_other_kind_of_market(tmp_path, name, instrument, of):
    """Though spot and futures call a stream the same."""
    market = "" if of == "futures" else 'venue_settings = { market = "usdm" }\n'
    path = feed(tmp_path, [], instruments=(instrument,), channels=("quotes",), more=market)
    path.write_text(path.read_text().replace('"r.jsonl"', json.dumps(str(recording(name)))), encoding="utf-8")
    (warning,) = compose(path).warnings
    assert f"nothing on btcusdt@bookTicker (quotes of {instrument})" in warning
    assert f"btcusdt@bookTicker of {of} (" in warning


@pytest.mark.parametrize("name", LARGE + SMALL)
def test_no_recording_is_taken_for_one_of_the_other_kind(name):
    """Every message of the real ones, under the market that they are of."""
    tape = RecordingTape(recording(name))
    market = market_of(name, tape)
    wanted = instruments_of(tape, market, expected(name))
    spec = HOST.providers()["binance"]
    settings = spec.settings(market=market)
    decoder = spec.decoder(settings, context(instruments=tuple(dict.fromkeys(wanted.values()))))
    names = {
        stream
        for line in read_recording(recording(name))
        if line.kind == "ws"
        for stream in decoder.streams_of(line.raw.encode())
    }
    assert names
    assert not [stream for stream in names if " of " in stream]


def test_check_warns_of_another_instrument_at_the_leg_s_place(tmp_path):
    """With the remedy; the page for people has it too."""
    plan = compose(feed(tmp_path, [line("btcusdt@trade")], instruments=("ETH/USDT",)))
    (warning,) = plan.warnings
    assert warning.partition("feed.toml:")[2] == (
        "6: [providers.replay]: the recording r.jsonl brings nothing on ethusdt@trade (trades of ETH/USDT), and what "
        "nobody asks for on btcusdt@trade (1); mend instruments and channels in [feed], or venue_settings"
    )
    assert warning in render(plan)


def test_check_tells_a_recording_that_cannot_be_read(tmp_path):
    """As a fault of the leg's table."""
    with pytest.raises(Exception, match=r"\[providers\.replay\]: .*line 2: no line of a recording"):
        compose(feed(tmp_path, [line("btcusdt@trade"), "nonsense"]))


def test_streams_beyond_the_lines_that_are_looked_at_may_still_come(tmp_path):
    """The warning says how far it looked."""
    lines = [line("ethusdt@trade")] * LOOKED_AT + [line("btcusdt@trade")]
    (warning,) = compose(feed(tmp_path, lines)).warnings
    assert f"brings in its first {LOOKED_AT:,} lines nothing on btcusdt@trade" in warning


def test_a_frame_of_alpaca_s_names_each_stream_in_it():
    """Symbol and channel, whoever asks for them; what cannot be read is of no stream."""
    decoder = AlpacaDecoder({"AAPL": "AAPL"}, frozenset({"trades", "quotes"}), "leg")
    trade = {"i": 1, "x": "V", "p": 1, "s": 1, "t": "2026-01-02T15:00:00Z", "c": ["@"], "z": "C"}
    frame = json.dumps([{"T": "t", "S": name, **trade} for name in ("AAPL", "MSFT")]).encode()
    assert decoder.streams_of(frame) == ["AAPL@trades", "MSFT@trades"]
    assert decoder.streams_of(b"{") == decoder.streams_of(b'[{"T":"success","msg":"connected"}]') == []
    census = Census(decoder)
    census.take(frame, wanted=True)
    found = census.outcome("r", "leg", 1)
    assert (found.silent, found.missing, found.unasked) == (("AAPL@quotes",), (), {"MSFT@trades": 1})


def test_a_decoder_that_names_no_streams_is_left_alone(tmp_path):
    """A venue's plugin need not: nothing is then told."""

    class Nameless:
        def wants(self, payload):
            return bool(payload)

        def decode(self, payloads, recv_ns):
            return []

    (tmp_path / "r.jsonl").write_text(line("btcusdt@trade"), encoding="utf-8")
    assert foresee(tmp_path / "r.jsonl", Nameless()) is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 5_000, b"null", b'{"result":null,"id":1}', b"\xff"])
def test_what_is_no_market_data_is_of_no_stream(raw):
    """Never an exception: a recording holds whatever came."""
    spec = HOST.providers()["binance"]
    decoder = spec.decoder(spec.settings(), context())
    assert list(decoder.streams_of(raw)) == []


async def test_a_person_who_runs_the_feed_is_warned(tmp_path):
    """What was missing, what was silent, what was left aside, and how many more there are: in the report too."""
    names = [f"A{number:02}/USDT" for number in range(12)]
    lines = [line("btcusdt@trade"), line("btcusdt@trade"), *(line(f"s{n}usdt@trade") for n in range(11))]
    path = feed(tmp_path, lines, instruments=names)
    warned = []
    with anyio.fail_after(120):
        report = await Runner(compose(path), warn=warned.append).run()
    ahead, after = warned
    assert tuple(warned) == tuple(report.warnings)
    assert (
        "[providers.replay]: the recording r.jsonl brings nothing on a00usdt@trade (trades of A00/USDT), "
        in ahead
    )
    assert after.startswith(
        f"leg replay: the recording r.jsonl held nothing of {', '.join(names[:10])} and 2 more; "
    )
    assert "; brought nothing on a00usdt@trade, a01usdt@trade, " in after
    assert (
        ", a09usdt@trade and 2 more; held what nobody asked for: btcusdt@trade (2), s0usdt@trade (1), "
        in after
    )
    assert after.endswith(", s8usdt@trade (1) and 2 more")


async def test_replays_that_a_rule_would_compare_are_warned_of(tmp_path):
    """Each plays at a pace of its own; without the rule there is nothing to tell."""
    path = feed(tmp_path, [line("btcusdt@trade")])
    text = path.read_text()
    _, _, leg = text.partition("[providers.replay]")
    two = text.replace(
        "[providers.replay]",
        '[route]\nkind = "hybrid"\nprimary = "replay"\nfallback = "other"\n'
        f'[providers.other]\nplugin = "replay"{leg.partition("[")[0]}\n[providers.replay]',
    )
    path.write_text(two)
    (warning,) = compose(path).warnings
    assert "plays at a pace of its own (replay, other do so)" in warning
    assert "cross_venue compares legs" in warning
    path.write_text(two + "[validation]\nmax_cross_venue_deviation = false\n")
    assert compose(path).warnings == ()
