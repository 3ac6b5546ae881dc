"""A made-up market is repeatable and marked; a recording plays on its own clock."""

import gzip
import json
from pathlib import Path

import anyio
import pytest

from recordings import SPOT, recording
from ticktrail._host import Host
from ticktrail.errors import ConfigError
from ticktrail.model import Trade
from ticktrail.pace import Pace
from ticktrail.plugin import Finite, ProviderContext
from ticktrail.testing import ManualClock
from ticktrail_mock.recording import read_recording
from ticktrail_mock.replay import ReplayProvider, ReplaySettings
from ticktrail_mock.synthetic import SyntheticProvider, SyntheticSettings

pytestmark = pytest.mark.anyio
HOST = Host.load()
TARDIS = "binance_spot/tardis_mapper_inputs.jsonl.gz"


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


def context(base_dir=Path(), instruments=("BTC/USDT",), channels=("trades", "quotes"), clock=None):
    return ProviderContext(
        name="leg",
        instruments=instruments,
        channels=frozenset(channels),
        clock=clock or ManualClock(),
        base_dir=base_dir,
        registry=HOST,
    )


class Intake:
    def __init__(self):
        self.batches = []
        self.told = []

    async def frames(self, payloads, *, recv_ns, mono_ns):
        await anyio.lowlevel.checkpoint()
        self.batches.append((recv_ns, list(payloads)))

    async def ticks(self, ticks, *, recv_ns, mono_ns):
        await anyio.lowlevel.checkpoint()
        self.batches.append((recv_ns, list(ticks)))

    def tell(self, event):
        self.told.append(event)


async def run(provider):
    intake = Intake()
    with anyio.fail_after(20):
        await provider.run(intake, task_status=anyio.TASK_STATUS_IGNORED)
    return intake.batches


async def made(**settings):
    provider = SyntheticProvider(SyntheticSettings(**settings), context(instruments=("BTC/USDT", "ETH/USDT")))
    return [tick for _, ticks in await run(provider) for tick in ticks]


async def test_the_same_seed_gives_the_same_market():
    """Prices, sizes and ids are the seed's, at any rate; another seed gives another market."""
    one = await made(seed=5, rate=50_000, ticks=500)
    two = await made(seed=5, rate=200_000, ticks=500)
    other = await made(seed=6, rate=200_000, ticks=500)
    assert [(t.instrument, getattr(t, "price", None)) for t in one] == [
        (t.instrument, getattr(t, "price", None)) for t in two
    ]
    assert one != other
    assert len(one) == 500


async def test_every_tick_is_marked_and_of_a_channel_that_was_asked_for():
    """Synthetic for ever; trade ids of an instrument grow by one."""
    ticks = await made(rate=200_000, ticks=2_000)
    assert all(tick.synthetic for tick in ticks)
    assert {tick.counted_as for tick in ticks} == {"trades", "quotes"}
    for instrument in ("BTC/USDT", "ETH/USDT"):
        ids = [tick.id for tick in ticks if isinstance(tick, Trade) and tick.instrument == instrument]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_a_replay_has_the_recording_s_own_times(tmp_path):
    """Each batch is what was received at one moment, at that moment."""
    times = [10, 10, 30, 30, 30, 40]
    lines = [
        {"recv_ns": ns, "kind": "ws", "raw": message} for ns, message in zip(times, _messages(6), strict=True)
    ]
    lines.insert(3, {"recv_ns": 30, "kind": "http", "url": "https://x", "raw": "{}"})
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
    provider = ReplayProvider(ReplaySettings(path="r.jsonl", speed="max"), context(tmp_path))
    batches = await run(provider)
    assert [(ns, len(payloads)) for ns, payloads in batches] == [(10, 2), (30, 3), (40, 1)]
    assert [tick.recv_ns for tick in provider.decode(batches[0][1], 10)] == [10, 10]


def _messages(count):
    return [
        json.dumps(
            {
                "stream": "btcusdt@trade",
                "data": {"s": "BTCUSDT", "t": n, "p": "1", "q": "1", "T": 1, "m": True},
            },
            separators=(",", ":"),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("url", "raw", "found"),
    [
        ("depth?symbol=BTCUSDT&limit=5", '{"lastUpdateId":7,"bids":[["1","2"]],"asks":[]}', "BookSnapshot"),
        ("depth?symbol=BTCUSDT&limit=5", '{"lastUpdateId":', "Undecodable"),
        ("depth?symbol=BTCUSDT&limit=5", '{"code":-1003}', "Undecodable"),
        ("depth?symbol=ETHUSDT&limit=5", "{}", None),
        ("depth?symbol=BTCUSDT", "{}", None),
        ("depth?symbol=BTCUSDT&limit=" + "9" * 5_000, "{}", None),
        ("exchangeInfo", "{}", None),
        ("depth?symbol=BTCUSDT&limit=0", "{}", None),
    ],
)
async def test_a_recorded_answer_begins_a_book(tmp_path, url, raw, found):
    """One that cannot be read is told as such; answers about anything else are passed over."""
    delta = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 7, "u": 8, "b": [], "a": [["3", "1"]]}
    message = json.dumps({"stream": "btcusdt@depth@100ms", "data": delta}, separators=(",", ":"))
    lines = [
        {"recv_ns": 1, "kind": "ws", "raw": message},
        {"recv_ns": 2, "kind": "http", "url": f"https://x/api/v3/{url}", "raw": raw},
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
    settings = ReplaySettings(path="r.jsonl", speed="max", venue_settings={"book_interval_ms": 100})
    provider = ReplayProvider(settings, context(tmp_path, channels=("book",)))
    ticks = [
        type(tick).__name__ for ns, payloads in await run(provider) for tick in provider.decode(payloads, ns)
    ]
    assert ticks[:1] == ([found] if found else [])


@pytest.mark.parametrize("url", ["https://[bad/depth?symbol=BTCUSDT&limit=5", "", "://"])
async def test_an_answer_to_nothing_known_is_passed_over(tmp_path, url):
    """The recording goes on."""
    lines = [
        {"recv_ns": 1, "kind": "http", "url": url, "raw": "{}"},
        {"recv_ns": 2, "kind": "ws", "raw": _messages(1)[0]},
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
    provider = ReplayProvider(
        ReplaySettings(path="r.jsonl", speed="max"), context(tmp_path, channels=("book", "trades"))
    )
    assert [len(payloads) for _, payloads in await run(provider)] == [1]


async def test_a_recording_without_receive_times_needs_the_system_s_clock(tmp_path):
    """By its own clock everything would be from the future; a line without one has that of the line before."""
    lines = [{"recv_ns": None, "kind": "ws", "raw": message} for message in _messages(3)]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(ConfigError, match='begins without receive times; set clock = "system"'):
        await run(ReplayProvider(ReplaySettings(path="r.jsonl", speed="max"), context(tmp_path)))
    by_ours = ReplayProvider(ReplaySettings(path="r.jsonl", speed="max", clock="system"), context(tmp_path))
    assert sum(len(payloads) for _, payloads in await run(by_ours)) == 3


async def test_by_the_system_s_clock_it_is_received_now(tmp_path):
    """clock = "system" stamps each batch when it is handed over."""
    (tmp_path / "r.jsonl").write_text(json.dumps({"recv_ns": 10, "kind": "ws", "raw": _messages(1)[0]}))
    clock = ManualClock()
    settings = ReplaySettings(path="r.jsonl", speed="max", clock="system")
    ((recv_ns, _),) = await run(ReplayProvider(settings, context(tmp_path, clock=clock)))
    assert recv_ns == clock.now_ns()


def test_a_replay_can_do_what_its_venue_can():
    """Channels and ids are the recorded venue's; the clock is the recording's own unless told otherwise."""
    describe = HOST.providers()["replay"].describe
    recorded = describe(ReplaySettings(path="x"), HOST)
    assert (recorded.own_clock, recorded.id_space, recorded.synthetic) == (True, "binance:spot", False)
    assert not describe(ReplaySettings(path="x", clock="system"), HOST).own_clock
    with pytest.raises(ConfigError, match="no decoder"):
        describe(ReplaySettings(path="x", venue="synthetic"), HOST)


def test_a_recording_is_read_under_the_venue_s_own_settings(tmp_path):
    """Of futures a replay brings what the venue's leg would; a fault in them is told with its remedy."""
    describe = HOST.providers()["replay"].describe
    of_futures = ReplaySettings(path="x", venue_settings={"market": "usdm"})
    assert describe(of_futures, HOST).id_space == "binance:usdm"
    with pytest.raises(
        ConfigError, match=r"^venue_settings\.market: Invalid enum value .*, as binance reads it"
    ):
        describe(ReplaySettings(path="x", venue_settings={"market": "moon"}), HOST)


def test_every_unknown_key_of_the_venue_s_settings_is_told_with_the_known_ones():
    """And with the nearest, whatever its case."""
    describe = HOST.providers()["replay"].describe
    with pytest.raises(ConfigError) as caught:
        describe(ReplaySettings(path="x", venue_settings={"Market": "usdm", "x": 1}), HOST)
    near, far = caught.value.problems
    assert near.startswith("venue_settings.Market: unknown key; did you mean market? binance has answer_s, ")
    assert far.startswith("venue_settings.x: unknown key; binance has answer_s, ")


def test_what_is_known_of_the_recorder_s_clock_is_told():
    """In nanoseconds, and only of the recording's own clock."""
    describe = HOST.providers()["replay"].describe
    assert describe(ReplaySettings(path="x", recorder_offset_ms=1.5), HOST).own_offset_ns == 1_500_000
    assert describe(ReplaySettings(path="x"), HOST).own_offset_ns is None
    with pytest.raises(ValueError, match="recorder_offset_ms is of the recording's clock"):
        ReplaySettings(path="x", recorder_offset_ms=1.5, clock="system")


def test_a_missing_recording_is_told_before_the_feed_runs(tmp_path):
    """Path and key are named; the leg's place in the file stands before it."""
    with pytest.raises(ConfigError, match=r"no recording .*none\.jsonl; mend path"):
        ReplayProvider(ReplaySettings(path="none.jsonl"), context(tmp_path))


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b'{"kind":"ws","raw":"x","recv_ns":36893488147419103232}\n', "a.jsonl", "line 1"),
        (b'{"kind":"ws","raw":"x"}\nnot json\n', "a.jsonl", "line 2"),
        (b'{"kind":"ws"}\n', "a.jsonl", "line 1"),
        (b"not gzip", "a.jsonl.gz", "cannot be read"),
        (gzip.compress(b'{"kind":"ws","raw":"x"}\n' * 1_000)[:-10], "a.jsonl.gz", "cannot be read"),
    ],
)
def test_a_broken_recording_is_told(tmp_path, content, name, says):
    """File and line are named."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        list(read_recording(tmp_path / name))


@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.gz"])
async def test_a_replay_knows_how_much_of_it_was_played(tmp_path, name):
    """From nothing to all of it, never back."""
    path = tmp_path / name
    lines = "".join(json.dumps({"kind": "note", "raw": str(number) * 50}) + "\n" for number in range(3_000))
    path.write_bytes(gzip.compress(lines.encode()) if name.endswith("gz") else lines.encode())
    shares = []
    assert sum(1 for _ in read_recording(path, shares.append)) == 3_000
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1
    provider = ReplayProvider(ReplaySettings(path=name, clock="system"), context(tmp_path))
    assert isinstance(provider, Finite)
    assert provider.done_share() == 0
    await run(provider)
    assert provider.done_share() == 1


def test_a_recording_reads_whole():
    """The count is the recordings' own (EXPECTED.json, README)."""
    kinds = [line.kind for line in read_recording(recording(SPOT))]
    assert (len(kinds), kinds.count("http")) == (99_574, 1)


async def test_pace_counts_from_the_first_wait():
    """Twice as fast: a recorded second takes half of one; what is late does not wait."""
    pace = Pace(2.0)
    await pace.wait_until(0)
    began = anyio.current_time()
    await pace.wait_until(100_000_000)
    assert anyio.current_time() - began >= 0.049
    assert not pace.is_due(60_000_000_000)
    assert Pace("max").is_due(60_000_000_000)
