"""`ticktrail report shadow`: a feed with a candidate in its shadow, out of its log, for people and programs."""

import json

import anyio
import pytest
from click.testing import CliRunner

from ticktrail._engine.runner import Runner
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.cli.program import program
from ticktrail.errors import TransientError
from ticktrail.events import LegUp, ShadowCompared, ShadowHealth
from ticktrail.shadow import Latencies, PriceDifference, ShadowFirst, ShadowRow, ShadowSide
from ticktrail.testing import make_quote, make_trade
from unit.compliance.logs import NOW_NS, write
from unit.engine import stage

FEED = """\
[feed]
name = "shadowed"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
[clock]
servers = []
[validation]
max_age_s = false
max_backwards_ms = false
[providers.a]
plugin = "scripted"
script = "a"
[providers.b]
plugin = "scripted"
script = "b"
[route]
kind = "shadow"
speaker = "a"
candidate = "b"
window_s = 1
report_every_s = 0.5
[compliance]
key = { file = "audit.key" }
"""


def told(*arguments, status=0):
    done = CliRunner().invoke(program, ["report", "shadow", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done.output


class Market:
    """Two legs that wait for each other: the candidate misses trade 3 and has one more, and its quotes stand higher."""

    def __init__(self):
        self.up = [anyio.Event(), anyio.Event()]
        self.spoken = anyio.Event()

    async def speaker(self, session):
        await self.meet(session, 0)
        for number in range(1, 6):
            await session.ticks(self.trade(session, number))
        await session.ticks(make_quote("99", "101", provider=session.name))
        await anyio.sleep(0.01)
        self.spoken.set()
        await anyio.sleep(1.3)

    async def candidate(self, session):
        await self.meet(session, 1)
        await self.spoken.wait()
        for number in (1, 2, 4, 5, 99):
            await session.ticks(self.trade(session, number))
        await session.ticks(make_quote("100", "102", provider=session.name))
        await anyio.sleep(1.3)

    async def meet(self, session, number):
        session.up()
        self.up[number].set()
        await self.up[1 - number].wait()
        await anyio.sleep(1.3)  # the window before which nothing is held against anybody

    def trade(self, session, number):
        return make_trade(id=number, provider=session.name)


@pytest.fixture
def log(tmp_path):
    """Run the feed to its end; gives the path of its file."""
    path = tmp_path / "feed.toml"
    path.write_text(FEED, encoding="utf-8")
    plan = compose(path, Host.load(plugins={"stage": stage}))

    async def play():
        market = Market()
        stage.STAGE.scripts.update(a=market.speaker, b=market.candidate)
        return await stage.run(plan)

    report = anyio.run(play, backend="trio")
    assert report.suppressed == {"shadow": 6}
    return path


def test_machines_get_all_of_it(log):
    """All summaries of the run added up: totals by channel, rows by instrument, counts and what follows from them."""
    found = json.loads(told(log, "--json"))
    (pair,) = found["pairs"]
    assert (pair["speaker"]["child"], pair["candidate"]["child"]) == ("a", "b")
    assert pair["summaries"] > 1
    assert pair["rows_left_out"] == 0
    totals = {line["counts"]["channel"]: line for line in pair["totals"]}
    trades, quotes = totals["trades"], totals["quotes"]
    counts = trades["counts"]
    assert (counts["matched"], counts["missing"], counts["extra"]) == (4, 1, 1)
    assert (counts["speaker"]["ticks"], counts["candidate"]["ticks"]) == (5, 5)
    assert trades["figures"]["coverage"] == 0.8
    assert quotes["figures"]["price_max_abs_bp"] == 100
    assert [line["counts"]["instrument"] for line in pair["rows"]] == ["BTC/USDT", "BTC/USDT"]


def test_people_get_lines_and_a_table(log):
    """What to decide from in one line a channel; below it a table whose columns stand in line."""
    lines = told(log).splitlines()
    assert lines[0].startswith("b in the shadow of a: ")
    assert any(
        line.startswith("  trades: coverage 80.00 %, 1 trades missing, 1 extra, price within 0 bp")
        for line in lines
    )
    assert "  quotes: 1 of the speaker, 1 of the candidate, mid price within 100 bp" in lines
    (head,) = (line for line in lines if "instrument" in line)
    (row,) = (line for line in lines if line.lstrip().startswith("BTC/USDT") and " trades " in line)
    for column in ("speaker ", "missing", "extra"):
        end = head.index(column.strip()) + len(column.strip())
        assert row[end - 1].isdigit()


def test_a_period_without_summaries_says_so(log):
    """A period before the log is empty, and no error; `--to` and `--from` bound the others."""
    assert told(log, "--to", "2020-01-01").startswith("the log has no summary of a shadow in this period: ")
    assert json.loads(told(log, "--to", "2020-01-01", "--json"))["pairs"] == []


def compared(number, **more):
    rows = [ShadowRow(instrument=None, channel="trades", matched_by="ids", **more)]
    return ShadowCompared(
        at_ns=NOW_NS + number,
        speaker=ShadowHealth(child="a", failures=0, down_s=0.0, rejected=0),
        candidate=ShadowHealth(child="b\n  trades: all well", failures=1, down_s=2.5, rejected=3),
        over_s=60.0,
        totals=rows,
        rows=[],
        rows_left_out=7,
    )


def test_sums_of_a_month(tmp_path):
    """Shares, means and quantiles of all of it; 100 % is said of all alone; no line is forged by a name."""
    (tmp_path / "feed.toml").write_text(FEED, encoding="utf-8")
    good = compared(
        1,
        matched=9_999_999,
        speaker=ShadowSide(ticks=9_999_999, latency=Latencies(count=99, sum_ms=99.0, buckets={1_000: 99})),
        first=ShadowFirst(speaker=2, speaker_ms=9.3),
        price=PriceDifference(count=1, sum_bp=0.4, sum_abs_bp=0.4, max_abs_bp=0.4),
    )
    bad = compared(
        2,
        missing=1,
        extra=3,
        speaker=ShadowSide(ticks=1, latency=Latencies(count=1, sum_ms=101.0, buckets={101_000: 1})),
        first=ShadowFirst(candidate=1),
    )
    anyio.run(write, tmp_path, [good, bad])
    text = told(tmp_path / "feed.toml")
    assert (
        "  trades: coverage 99.99 %, 1 trades missing, 3 extra, price within 0.4 bp, 3.100 ms later" in text
    )
    assert r"b\n  trades: all well: down for 5.0 s, 2 failures, 6 ticks rejected" in text
    assert "14 rows of instruments were left out" in text
    (pair,) = json.loads(told(tmp_path / "feed.toml", "--json"))["pairs"]
    figures = pair["totals"][0]["figures"]
    assert (figures["speaker_mean_ms"], figures["speaker_p99_ms"]) == (2, 1)
    one = json.loads(told(tmp_path / "feed.toml", "--from", NOW_NS + 2, "--json"))["pairs"][0]
    assert (one["summaries"], one["totals"][0]["counts"]["matched"]) == (1, 0)


async def refused(session):
    raise TransientError("no route to host", provider=session.name, cause="unreachable")


@pytest.mark.parametrize("lost", ["a", "b"])
def test_one_that_never_came_is_a_finding(tmp_path, lost):
    """Nothing was compared: people are told, programs by a field, and scripts by the exit status."""
    path = tmp_path / "feed.toml"
    path.write_text(FEED.replace("[route]", "[backoff]\nretry_at_start = true\n[route]"), encoding="utf-8")
    plan = compose(path, Host.load(plugins={"stage": stage}))

    kinds, compared = [], anyio.Event()

    async def source(session):
        session.up()
        await session.ticks(make_trade(id=1, provider=session.name))
        await anyio.sleep_forever()

    def hear(record):
        """Wait for a leg that was up, and for a summary after that."""
        kinds.append(type(record))
        if LegUp in kinds and ShadowCompared in kinds[kinds.index(LegUp) :]:
            compared.set()

    async def play():
        stage.STAGE.scripts.update({"a": source, "b": source, lost: refused})
        runner = Runner(plan, listener=hear)
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(runner.run)
                await compared.wait()
                runner.stop()

    anyio.run(play, backend="trio")
    text = told(path, status=1)
    assert f"NOTHING IS PROVEN: {lost} was never up in this time" in text
    (pair,) = json.loads(told(path, "--json", status=1))["pairs"]
    assert pair["never_up"] == [lost]
    assert told(path, "--to", "2020-01-01").startswith("the log has no summary")
