"""What an observer may ask of a feed and tell it, and the pages that it is offered."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

import anyio
import msgspec
import pytest

from ticktrail._contracts.known_secrets import remember
from ticktrail._engine.runner import Runner
from ticktrail._host import Host
from ticktrail._plan.compose import compose
from ticktrail.errors import ConfigError, PluginError
from ticktrail.events import Notice
from ticktrail.plugin import Figure, Panel, Routed, Settings, hookimpl, observer_spec, page_spec
from ticktrail.readiness import readiness

FEED = """
[feed]
name = "watched"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]

[route]
kind = "hybrid"
primary = "one"
fallback = { kind = "hybrid", primary = "two", fallback = "three" }

[providers.one]
plugin = "synthetic"
[providers.two]
plugin = "synthetic"
[providers.three]
plugin = "synthetic"

[clock]
servers = []
chrony = "off"

[[sinks]]
plugin = "memory"
queue_ticks = 77
"""


class WatchSettings(Settings, frozen=True):
    greeting: str = "hello"


class Watcher:
    """Tells a notice at the first tick, and keeps all notices that come by."""

    def __init__(self, context):
        self.context = context
        self.notices = []
        self.statuses = []

    async def observe(self, records):
        self.notices += [record for record in records if isinstance(record, Notice)]
        if (status := self.context.status()) is not None:
            if not self.statuses:
                self.context.tell(
                    Notice(
                        at_ns=self.context.clock.now_ns(),
                        source="watch",
                        name="greeting",
                        severity="warning",
                        text="somebody watches of-the-watch",
                    )
                )
            self.statuses.append(status)

    def summary(self):
        return {"notices": len(self.notices)}

    def trouble(self):
        return "it is tired"


class Greeting:
    def __init__(self, settings, context):
        self._text = f"{settings.greeting}, {context.feed}"

    async def look(self):
        return Panel(figures=[Figure(label="greeting", value=self._text, mood="good")])


def plugin(seen):
    """A plugin with an observer and two pages, of which one belongs to an observer that the feed does not have."""

    @asynccontextmanager
    async def open_watch(settings, context):
        seen.append(Watcher(context))
        yield seen[-1]

    @asynccontextmanager
    async def open_page(settings, context):
        yield Greeting(settings, context)

    @hookimpl
    def ticktrail_observers():
        return [
            observer_spec(name=name, summary="x", settings=WatchSettings, open=open_watch, report_key=name)
            for name in ("watch", "other")
        ]

    @hookimpl
    def ticktrail_pages():
        return [
            page_spec(name=f"of-{name}", title="Greeting", table=name, settings=WatchSettings, open=open_page)
            for name in ("watch", "other")
        ]

    return SimpleNamespace(
        TICKTRAIL_API=1, ticktrail_observers=ticktrail_observers, ticktrail_pages=ticktrail_pages
    )


@pytest.fixture
def seen():
    return []


@pytest.fixture
def host(seen):
    return Host.load(plugins={"watching": plugin(seen)})


@pytest.fixture
def feed_file(tmp_path):
    path = tmp_path / "feed.toml"
    path.write_text(FEED + "[watch]\n")
    return path


@pytest.fixture
def anyio_backend():
    return "trio"


@pytest.mark.anyio
async def test_what_an_observer_counted_stands_in_the_report(feed_file, host, seen):
    """Under its report key; the one that keeps the record has a field of its own, which is empty without it."""
    with anyio.fail_after(30):
        runner = Runner(compose(feed_file, host), max_ticks=500)
        await runner.run()
    report = runner.report()
    assert report.observers == {"watch": {"notices": len(seen[0].notices)}}
    assert seen[0].notices
    assert report.audit == {}


@pytest.mark.anyio
async def test_an_observer_asks_how_the_feed_stands(feed_file, host, seen):
    """The status has the route as a tree, who speaks, the bounds of lanes, and the observers themselves."""
    with anyio.fail_after(30):
        await Runner(compose(feed_file, host), max_ticks=500).run()
    status = seen[0].statuses[-1]
    assert [(node.name, node.kind, dict(node.children)) for node in status.route] == [
        ("/", "hybrid", {"one": "one", "hybrid(two, three)": "/hybrid(two, three)"}),
        ("/hybrid(two, three)", "hybrid", {"two": "two", "three": "three"}),
    ]
    assert status.speaking == {"BTC/USDT": ["one"], "ETH/USDT": ["one"]}
    assert {name: sink.bound for name, sink in status.sinks.items()} == {"memory": 77}
    assert status.channels == ["quotes", "trades"]
    assert status.profile == "development"
    assert status.started_ns <= status.at_ns
    assert not status.clock.is_measured
    assert status.clock.measured_at_ns is None
    assert status.observers["watch"].trouble == "it is tired"
    assert status.observers["watch"].bound == 100_000
    assert status.rejected == 0
    assert status.rejected_by == {}


@pytest.mark.anyio
async def test_a_notice_reaches_every_observer_and_the_person(feed_file, host, seen):
    """What an observer tells goes over the bus, without a secret; a warning is told to whoever runs the feed too."""
    warned = []
    remember("of-the-watch")
    runner = Runner(compose(feed_file, host), max_ticks=500, warn=warned.append)
    assert runner.status() is None
    with anyio.fail_after(30):
        report = await runner.run()
    assert [(notice.source, notice.text) for notice in seen[0].notices] == [
        ("watch", "somebody watches [secret]")
    ]
    assert "watch: somebody watches [secret]" in warned
    assert "watch: somebody watches [secret]" in report.warnings


@pytest.mark.anyio
async def test_a_feed_offers_the_pages_of_its_own_observers(feed_file, host, seen):
    """A page is offered where its observer's table stands in the file, opened with that table's settings."""
    feed_file.write_text(FEED + '[watch]\ngreeting = "good day"\n')
    with anyio.fail_after(30):
        await Runner(compose(feed_file, host), max_ticks=10).run()
    (offer,) = seen[0].context.pages
    async with offer.open() as page:
        assert (await page.look()).figures[0].value == "good day, watched"
    assert offer.name == "of-watch"


def test_keys_are_laid_over_a_table(feed_file, host):
    """What the command line says goes before the file, makes the table where there is none, and is checked as it."""
    plan = compose(feed_file, host, added={"watch": {"greeting": "from outside"}, "other": {}})
    assert {one.spec.name: one.settings.greeting for one in plan.observers} == {
        "watch": "from outside",
        "other": "hello",
    }
    with pytest.raises(ConfigError, match=r"feed\.toml:\d+: \[watch\] greetings: "):
        compose(feed_file, host, added={"watch": {"greetings": "?"}})
    with pytest.raises(ConfigError, match='there is no table "nobody"'):
        compose(feed_file, host, added={"nobody": {}})


CROSS = """
[feed]
name = "crossed"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[route]
kind = "hybrid"
primary = "one"
fallback = "two"
[providers.one]
plugin = "synthetic"
seed = 1
[providers.two]
plugin = "synthetic"
seed = 2
[clock]
servers = []
chrony = "off"
[validation]
max_price = "{most}"
[[sinks]]
plugin = "memory"
[watch]
"""


@pytest.mark.anyio
@pytest.mark.parametrize(("most", "delivers"), [("1000000", True), ("0.0002", False)])
async def test_the_status_tells_what_was_delivered_and_not_what_was_heard(
    tmp_path, host, seen, most, delivers
):
    """Legs that bring something do not make a feed fresh whose rules let nothing through."""
    path = tmp_path / "feed.toml"
    path.write_text(CROSS.format(most=most))
    enough, seen_so_far = anyio.Event(), []

    def hear(record):
        if isinstance(record, Routed):
            seen_so_far.append(record)
            if len(seen_so_far) > 20:
                enough.set()

    runner = Runner(compose(path, host), listener=hear)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(60):
            await enough.wait()
        status = runner.status()
        runner.stop()
    assert status is not None
    assert bool(status.delivered_s) == delivers
    codes = {reason.code for reason in readiness(status, fresh_s=30).reasons}
    assert bool(codes & {"not_fresh", "outage"}) != delivers


@pytest.mark.anyio
async def test_a_notice_that_could_not_be_read_again_is_refused(feed_file, host, seen):
    """Its teller learns it: a log that held it could be read by nobody."""
    with anyio.fail_after(30):
        await Runner(compose(feed_file, host), max_ticks=10).run()
    sound = Notice(at_ns=1, source="watch", name="greeting", severity="warning", text="hello")
    for changes in ({"severity": "bad"}, {"text": 42}, {"name": None}):
        with pytest.raises(TypeError, match="a notice cannot be told: "):
            seen[0].context.tell(msgspec.structs.replace(sound, **changes))
    with pytest.raises(TypeError, match="a str is none"):
        seen[0].context.tell("hello")


@pytest.mark.anyio
@pytest.mark.parametrize("summary", [None, {"ticks": "many"}, {1: 1}, 7])
async def test_a_summary_that_is_none_names_the_observer(feed_file, host, seen, monkeypatch, summary):
    """It is the plugin's fault, not ticktrail's."""
    monkeypatch.setattr(Watcher, "summary", lambda self: summary)
    with (
        anyio.fail_after(30),
        pytest.raises(PluginError, match=r"observer watch: its summary\(\) is no mapping"),
    ):
        await Runner(compose(feed_file, host), max_ticks=10).run()


def test_two_observers_that_report_under_one_key_are_refused(feed_file, seen):
    """One would hide the other in the report."""

    @asynccontextmanager
    async def never(settings, context):
        raise AssertionError
        yield

    @hookimpl
    def ticktrail_observers():
        return [
            observer_spec(name="ledger", summary="x", settings=WatchSettings, open=never, report_key="watch")
        ]

    ledgers = SimpleNamespace(TICKTRAIL_API=1, ticktrail_observers=ticktrail_observers)
    both = Host.load(plugins={"watching": plugin(seen), "ledgers": ledgers})
    feed_file.write_text(FEED + "[watch]\n[ledger]\n")
    with pytest.raises(
        ConfigError, match=r'\[(ledger|watch)\]: \[(ledger|watch)\] reports its counts as "watch" too'
    ):
        compose(feed_file, both)
