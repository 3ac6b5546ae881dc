"""Alerts over a whole feed: its stop, its restart, and its own engine."""

import json
import stat
from contextlib import asynccontextmanager
from types import SimpleNamespace

import anyio
import msgspec
import pytest

from ticktrail._engine.runner import Runner
from ticktrail._host import Host
from ticktrail._plan.compose import compose
from ticktrail.errors import AuditError, ConfigError
from ticktrail.events import FeedStopped, FeedStopping, Notice
from ticktrail.plugin import Routed, Settings, hookimpl, observer_spec
from ticktrail_alerts import delivery
from unit.alerts.conftest import PASSWORD, SECRET, TOKEN
from unit.alerts.servers import serving
from unit.alerts.stage import START_NS, StageClock, but, leg, until, watching
from unit.alerts.test_delivery import DOWN, FAILED, QUICK, bodies, hook, told

pytestmark = pytest.mark.anyio
FILE = {"to": [{"file": {"path": "alerts.jsonl"}}], "rules": QUICK}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.05)


def lines(folder):
    path = folder / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def states(folder):
    return [(one["rule"], one["state"], one["id"]) for line in lines(folder) for one in line["alerts"]]


async def test_what_holds_at_a_stop_is_over_after_a_restart(tmp_path):
    """The same alert, with the time that the feed was away; it is not told to begin twice."""
    clock = StageClock()
    async with watching(tmp_path, FILE, clock=clock) as watched:
        watched.status = DOWN
        await until(lambda: lines(tmp_path))
    clock.advance(600)
    async with watching(tmp_path, FILE, clock=clock) as watched:
        watched.status = DOWN
        await until(lambda: watched.observer.summary()["holding"] == 1)
        watched.status = None  # as before the legs begin
        clock.advance(300)
        watched.status = but()
        await until(lambda: len(lines(tmp_path)) == 2)
    (_, _, first), (rule, state, second) = states(tmp_path)
    assert (rule, state, second) == ("leg_down", "resolved", first)
    over = lines(tmp_path)[1]["alerts"][0]
    assert over["lasted_s"] == pytest.approx(900, abs=1)
    assert over["first_message"] == lines(tmp_path)[0]["id"]
    path = tmp_path / "alerts-btc.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["holding"] == []


async def test_what_could_not_be_sent_is_sent_after_a_restart(tmp_path):
    """In order, with the ids of the first tries; the person who stops the feed is told where it is."""
    with serving() as hooks:
        hooks.always = 500
        table = {"to": [hook(hooks.url)], "rules": QUICK}
        async with watching(tmp_path, table) as watched:
            watched.status = DOWN
            await until(lambda: hooks.came)
            watched.status = but()
            await until(lambda: watched.observer.summary()["waiting"] == 2)
        (warned,) = watched.warned
        assert "2 messages could not be sent to hook" in warned
        assert "alerts-btc.json" in warned
        tried = {headers["webhook-id"] for _, headers, _ in hooks.came}
        hooks.always = 204
        hooks.came.clear()
        async with watching(tmp_path, table) as watched:
            await until(lambda: len(hooks.came) == 2)
        assert watched.warned == []
    assert told(hooks) == [("leg_down", "one", "begun"), ("leg_down", "one", "resolved")]
    assert hooks.came[0][1]["webhook-id"] in tried


async def test_what_is_in_no_message_yet_survives_a_crash(tmp_path):
    """A feed that is killed while it gathers what comes together tells of it in its next run."""
    table = {**FILE, "group_s": 3_000}
    async with watching(tmp_path, table) as watched:
        watched.status = DOWN
        await until(lambda: lines(tmp_path))
        watched.status = but()
        await until(lambda: watched.observer.summary()["resolved"] == 1)
        await until(lambda: json.loads((tmp_path / "alerts-btc.json").read_text())["waiting"])
        kept = (tmp_path / "alerts-btc.json").read_bytes()
        (tmp_path / "alerts.jsonl").rename(tmp_path / "before")
    (tmp_path / "alerts.jsonl").unlink()
    (tmp_path / "alerts-btc.json").write_bytes(kept)
    async with watching(tmp_path, table):
        await until(lambda: lines(tmp_path))
    ((_, state, ident),) = states(tmp_path)
    assert state == "resolved"
    assert ident in (tmp_path / "before").read_text()


async def test_a_feed_that_fails_again_and_again_gets_quiet(tmp_path):
    """Whatever starts it anew each time: it is not told twice each time."""
    clock = StageClock()
    for _ in range(30):
        with anyio.CancelScope() as feed:
            async with watching(tmp_path, FILE, torn=True, clock=clock) as watched:
                clock.advance(6)
                await until(lambda watched=watched: watched.observer.summary())
                for _ in range(5):
                    await anyio.sleep(0.02)
                    clock.advance(1)
                feed.cancel()
                await anyio.sleep(30)
    assert len(states(tmp_path)) <= 6


async def test_a_channel_that_failed_in_the_last_run_is_judged_anew(tmp_path):
    """That it fails no more, nobody else could tell."""
    with serving() as hooks:
        hooks.always = 500
        table = {"to": [*FILE["to"], hook(hooks.url)], "rules": QUICK}
        async with watching(tmp_path, table) as watched:
            watched.status = DOWN
            await until(lambda: watched.notices)
            await watched.hear(*watched.notices)
            await until(lambda: "notice" in {state[0] for state in states(tmp_path)})
        hooks.always = 204
        async with watching(tmp_path, table) as watched:
            watched.status = DOWN
            await until(lambda: states(tmp_path)[-1][:2] == ("notice", "resolved"))


async def test_a_crash_between_sending_and_noting_sends_twice_with_one_id(tmp_path):
    """At least once: the state of before the answer is all that a crash leaves."""
    with serving() as hooks:
        hooks.always = 500
        table = {"to": [hook(hooks.url)], "rules": QUICK}
        async with watching(tmp_path, table) as watched:
            watched.status = DOWN
            await until(lambda: hooks.came)
        kept = (tmp_path / "alerts-btc.json").read_bytes()
        hooks.always = 204
        hooks.came.clear()
        for _ in range(2):
            (tmp_path / "alerts-btc.json").write_bytes(kept)
            async with watching(tmp_path, table) as watched:
                watched.status = DOWN
                await until(lambda: watched.observer.summary()["sent"] == 1)
    first, second = (headers["webhook-id"] for _, headers, _ in hooks.came)
    assert first == second


async def test_the_end_waits_for_nobody_longer_than_it_was_told(tmp_path):
    """A receiver that hangs keeps no feed from ending; what it did not get is kept."""
    with serving() as hooks:
        hooks.hold.clear()
        table = {"to": [hook(hooks.url)], "rules": QUICK, "stop_s": 0.1}
        with anyio.fail_after(20):
            async with watching(tmp_path, table) as watched:
                watched.status = DOWN
                await until(lambda: watched.observer.summary()["waiting"] == 1)
        hooks.hold.set()
    assert json.loads((tmp_path / "alerts-btc.json").read_text())["unsent"]["hook"]
    assert len(watched.warned) == 1


async def test_a_feed_that_is_torn_down_says_so(tmp_path):
    """Cancelled without having stopped: told all the same, and over when it runs again."""
    with anyio.CancelScope() as feed:
        async with watching(tmp_path, FILE, torn=True):
            await anyio.sleep(0.1)
            feed.cancel()
            await anyio.sleep(30)
    async with watching(tmp_path, FILE):
        await until(lambda: len(lines(tmp_path)) == 2)
    assert [state[:2] for state in states(tmp_path)] == [("stopped", "begun"), ("stopped", "resolved")]


async def test_a_feed_that_stops_by_an_error_says_by_which(tmp_path):
    """The cause is in the message."""
    async with watching(tmp_path, FILE, torn=True) as watched:
        end = {"received": {}, "delivered": {}, "rejected": {}, "suppressed": {}, "undecodable": 0}
        await watched.hear(
            FeedStopping(at_ns=START_NS, cause="the clock is unproven"),
            FeedStopped(at_ns=START_NS, cause="the clock is unproven", **end),
        )
    (line,) = lines(tmp_path)
    assert (line["severity"], line["title"]) == ("critical", "the feed stopped: the clock is unproven")


async def test_what_legs_do_while_the_feed_stops_is_no_news(tmp_path):
    """They were told to go; a sink that fails at the end is told, and a leg that was down before stays so."""
    stopping = FeedStopping(at_ns=START_NS, cause="requested")
    async with watching(tmp_path, FILE) as watched:
        await watched.hear(stopping)
        watched.status = DOWN
        await anyio.sleep(0.3)
        assert lines(tmp_path) == []
        watched.status = msgspec.structs.replace(DOWN, sinks=FAILED.sinks)
    assert states(tmp_path)[0][:2] == ("sink_failed", "begun")
    (tmp_path / "alerts.jsonl").unlink()
    async with watching(tmp_path, FILE) as watched:
        watched.status = msgspec.structs.replace(DOWN, sinks=FAILED.sinks)
        await until(lambda: lines(tmp_path))
        await watched.hear(stopping)
        watched.status = but()
        await until(lambda: len(lines(tmp_path)) == 2)
    assert [state[:2] for state in states(tmp_path)] == [("leg_down", "begun"), ("sink_failed", "resolved")]


async def test_a_notice_is_not_over_because_the_feed_was_started_again(tmp_path):
    """Only who told it knows; a rule that looks for itself does."""
    notice = Notice(
        at_ns=START_NS, source="compliance", name="due", about="7", severity="critical", text="7 is due"
    )
    async with watching(tmp_path, FILE) as watched:
        await watched.hear(notice)
        await until(lambda: lines(tmp_path))
    async with watching(tmp_path, FILE) as watched:
        watched.status = DOWN
        await until(lambda: len(lines(tmp_path)) == 2)
        await watched.hear(notice)
        watched.status = but()
        await until(lambda: len(lines(tmp_path)) == 3)
    async with watching(tmp_path, FILE) as watched:
        await watched.hear(
            Notice(
                at_ns=1,
                source="compliance",
                name="due",
                about="7",
                severity="information",
                text="",
                is_over=True,
            )
        )
        await until(lambda: len(lines(tmp_path)) == 4)
    assert [(rule, state) for rule, state, _ in states(tmp_path)] == [
        ("notice", "begun"),
        ("leg_down", "begun"),
        ("leg_down", "resolved"),
        ("notice", "resolved"),
    ]


async def test_a_state_that_cannot_be_written_stops_no_alert(tmp_path):
    """The person is told once; alerts go out as before, and the trouble is over when it can."""
    (tmp_path / "alerts-btc.json.new").mkdir()
    async with watching(tmp_path, FILE) as watched:
        watched.status = DOWN
        await until(lambda: lines(tmp_path) and watched.warned)
        watched.status = but()
        await until(lambda: len(lines(tmp_path)) == 2)
        assert len(watched.warned) == 1
        assert "cannot be written" in watched.observer.trouble()
        (tmp_path / "alerts-btc.json.new").rmdir()
        await until(lambda: watched.observer.trouble() == "")


@pytest.mark.parametrize(
    ("content", "said"),
    [("hello", "is no state of alerts"), ('{"feed":"eth"}', "is the state of the alerts of feed 'eth'")],
)
async def test_a_state_that_is_none_is_refused(tmp_path, content, said):
    """Nothing that somebody may want is overwritten."""
    (tmp_path / "alerts-btc.json").write_text(content)
    with pytest.raises(ConfigError, match=said):
        async with watching(tmp_path, FILE):
            pass
    assert (tmp_path / "alerts-btc.json").read_text() == content


async def test_two_processes_do_not_share_a_state(tmp_path):
    """The second is told what to do."""
    async with watching(tmp_path, FILE):
        with pytest.raises(ConfigError, match="another process keeps its alerts"):
            async with watching(tmp_path, FILE):
                pass


async def test_a_channel_that_is_taken_out_leaves_nothing_in_the_dark(tmp_path):
    """What waited for it is given up, and said to be."""
    with serving() as hooks:
        hooks.always = 500
        async with watching(tmp_path, {"to": [hook(hooks.url)], "rules": QUICK}) as watched:
            watched.status = DOWN
            await until(lambda: hooks.came)
    async with watching(tmp_path, FILE) as watched:
        (warned,) = watched.warned
    assert "has no channel hook any more; 1 message for it" in warned


FEED = """
[feed]
name = "btc"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.one]
plugin = "synthetic"

[clock]
servers = []
chrony = "off"

[[sinks]]
plugin = "memory"

[alerts]
look_s = 0.05
group_s = 0

[alerts.rules]
latency = { above_ms = 0.000001, after_s = 0 }
disk = { min_free_pct = 0, min_free_bytes = 1_000_000_000_000_000_000 }

[[alerts.to]]
file = { path = "alerts.jsonl" }

[[alerts.to]]
name = "hook"
webhook = { url = "URL", secret = { env = "HOOK_SECRET" }, token = { env = "HOOK_TOKEN" } }
"""


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_real_feed_is_watched(tmp_path, anyio_backend):
    """Through the engine: rules find what is there, and a channel that fails is told as a notice on the other."""
    path = tmp_path / "feed.toml"
    with serving() as hooks:
        hooks.always = 500
        path.write_text(FEED.replace("URL", hooks.url))
        warned = []
        runner = Runner(compose(path), warn=warned.append)
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(runner.run)
                await until(lambda: {state[0] for state in states(tmp_path)} >= {"latency", "disk", "notice"})
                status = runner.status()
                assert status is not None
                assert "127.0.0.1 answers 500" in status.observers["alerts"].trouble
                assert status.observers["alerts"].counts["begun"] >= 3
                runner.stop()
        assert bodies(hooks)[0]["feed"] == "btc"
    assert any("alerts cannot be sent to hook" in text for text in warned)
    assert any("could not be sent to hook" in text for text in warned)
    everything = "\n".join([*warned, *(file.read_text() for file in tmp_path.iterdir() if file != path)])
    for secret in (SECRET, SECRET.removeprefix("whsec_"), TOKEN, PASSWORD):
        assert secret not in everything


class NoRoom:
    """An audit log that can record nothing any more."""

    async def observe(self, records):
        if any(isinstance(record, Routed) for record in records):
            raise AuditError("the log cannot be written: no room")

    def summary(self):
        return {}


@asynccontextmanager
async def open_no_room(settings, context):
    yield NoRoom()


@hookimpl
def ticktrail_observers():
    spec = observer_spec(
        name="journal", summary="x", settings=Settings, open=open_no_room, report_key="journal"
    )
    return [spec]


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_feed_that_its_audit_halts_is_told(tmp_path, anyio_backend):
    """Its observers are torn down at once, and people know all the same."""
    path = tmp_path / "feed.toml"
    text = FEED.partition("[[alerts.to]]\nname")[0].replace("[alerts.rules]", "[journal]\n[alerts.rules]")
    path.write_text(text)
    halting = SimpleNamespace(TICKTRAIL_API=1, ticktrail_observers=ticktrail_observers)
    with anyio.fail_after(60), pytest.raises(AuditError, match="no room"):
        await Runner(compose(path, Host.load(plugins={"halting": halting}))).run()
    told = {(rule, state) for rule, state, _ in states(tmp_path)}
    assert ("stopped", "begun") in told
    title = lines(tmp_path)[-1]["alerts"]
    assert any("torn down before it had stopped" in one["text"] for one in title)


async def test_nothing_is_told_before_the_feed_has_begun(tmp_path):
    """A feed without a status has no legs that could be down."""
    async with watching(tmp_path, FILE) as watched:
        watched.status = None
        await anyio.sleep(0.2)
        assert lines(tmp_path) == []
        watched.status = but(legs={"one": leg("connecting")})
        await until(lambda: lines(tmp_path))
