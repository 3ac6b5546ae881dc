"""A dashboard without a feed, one of a feed, and a page as a browser keeps it: all over real sockets."""

import json
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import trio

from ticktrail._engine.runner import Runner
from ticktrail._plan.compose import compose
from ticktrail.events import Notice
from ticktrail.plugin import ObserverContext, SystemClock
from ticktrail_dashboard.settings import DashboardSettings
from ticktrail_dashboard.web.connection import Limits
from ticktrail_dashboard.web.dashboard import open_dashboard

PATIENCE_S = 30
TOKEN = "correct-horse-battery-staple"


@asynccontextmanager
async def served(tmp_path, *, status=lambda: None, pages=(), limits=None, **settings):
    """Serve a dashboard that no feed stands behind; yields it, and the notices that it tells."""
    told = []
    context = ObserverContext(
        feed="none",
        clock=SystemClock(),
        base_dir=Path(tmp_path),
        warn=told.append,
        tell=told.append,
        status=status,
        pages=pages,
    )
    settings = DashboardSettings(**({"address": "127.0.0.1:0"} | settings))
    async with open_dashboard(settings, context, limits=limits or Limits()) as dashboard:
        yield dashboard, told


def client(dashboard, **options):
    """Return a client of the dashboard."""
    return httpx.AsyncClient(base_url=dashboard.url, timeout=PATIENCE_S, trust_env=False, **options)


async def raw(port, *payload, reads=True):
    """Send bytes over a socket of its own; return all that comes until the other side closes."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        for part in payload:
            await stream.send_all(part)
        got = b""
        with trio.fail_after(PATIENCE_S):
            while reads and (part := await stream.receive_some()):
                got += part
        return got


async def until(holds):
    """Wait until something holds."""
    with anyio.fail_after(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - it watches from outside, as a person does
            await anyio.sleep(0.02)


class Page:
    """What a browser knows: it keeps the parts of frames, and lays later ones over them."""

    def __init__(self):
        self.frames = []
        self.ids = []
        self.parts = {}
        self.rows = {}
        self.timeline = []

    def take(self, name, data, number):
        assert name == "frame"
        frame = json.loads(data)
        self.frames.append(frame)
        self.ids.append(number)
        if frame.get("whole"):
            self.parts, self.rows, self.timeline = {}, {}, []
        self.rows |= {row[0]: row for row in frame.pop("rows", ())}
        for gone in frame.pop("gone", ()):
            del self.rows[gone]
        self.timeline += frame.pop("timeline", ())
        self.parts |= {name: value for name, value in frame.items() if value is not None}

    async def follow(self, client, *, task_status=trio.TASK_STATUS_IGNORED):
        """Read the stream until it ends."""
        async with client.stream("GET", "/api/events") as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"] == "text/event-stream"
            task_status.started()
            event = {}
            async for line in response.aiter_lines():
                if not line and event:
                    self.take(event["event"], event["data"], int(event["id"]))
                    event = {}
                elif line and not line.startswith(":"):
                    key, _, value = line.partition(": ")
                    event[key] = value


FEED = """
[feed]
name = "watched"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
{route}
{providers}
[clock]
servers = []
chrony = "off"
[backoff]
first_s = 0.05
[[sinks]]
plugin = "memory"
[dashboard]
address = "127.0.0.1:0"
{rest}
"""


@asynccontextmanager
async def watched_feed(tmp_path, *, providers, route="", rest=""):
    """Run a feed with a dashboard; yields the runner and a client of the dashboard. Leaving stops the feed."""
    path = tmp_path / "feed.toml"
    path.write_text(FEED.format(route=route, providers=providers, rest=rest))
    urls = []

    def listen(record):
        if isinstance(record, Notice) and record.name == "served":
            urls.append(record.text.removeprefix("dashboard: "))

    runner = Runner(compose(path), listener=listen)
    async with (
        httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as browser,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(runner.run)
        await until(lambda: urls)
        browser.base_url = urls[0]
        try:
            yield runner, browser
        finally:
            runner.stop()
