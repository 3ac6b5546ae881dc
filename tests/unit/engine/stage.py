"""A plugin whose provider, sink and observer do what a test tells them: the rest of the feed is real."""

import sys
from collections import Counter
from contextlib import asynccontextmanager

import anyio

from ticktrail._engine.runner import Runner
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.errors import AuditError
from ticktrail.plugin import Capabilities, Settings, hookimpl, observer_spec, provider_spec, sink_spec
from ticktrail.testing import make_trade

TICKTRAIL_API = 1
CHANNELS = frozenset({"trades", "quotes", "ticker"})


class ScriptSettings(Settings, frozen=True):
    script: str


class Stage:
    """What the test says happens, by name; and what was seen."""

    def __init__(self):
        self.scripts = {}
        self.sinks = {}
        self.observers = {}
        self.sessions = Counter()
        self.records = []


STAGE = Stage()


class Scripted:
    def __init__(self, settings, context):
        self.context = context
        self._script = STAGE.scripts[settings.script]

    def decode(self, payloads, recv_ns):
        ticks = []
        for payload in payloads:
            if payload == b"defect":
                raise LookupError("the decoder's own")
            ticks.append(make_trade(id=int(payload), provider=self.context.name, recv_ns=recv_ns))
        return ticks

    def wants(self, payload):
        return True

    async def run(self, intake, *, task_status):
        STAGE.sessions[self.context.name] += 1
        await self._script(Session(self.context, intake, task_status, STAGE.sessions[self.context.name]))


class Session:
    """One session of a scripted provider; `number` counts from 1."""

    def __init__(self, context, intake, task_status, number):
        self.name = context.name
        self.instruments = context.instruments
        self.number = number
        self.up = task_status.started
        self._intake = intake
        self._clock = context.clock

    async def trades(self, *ids):
        stamps = {"recv_ns": self._clock.now_ns(), "mono_ns": self._clock.mono_ns()}
        await self._intake.ticks([make_trade(id=number, provider=self.name) for number in ids], **stamps)

    async def ticks(self, *ticks):
        await self._intake.ticks(list(ticks), recv_ns=self._clock.now_ns(), mono_ns=self._clock.mono_ns())

    async def received(self, recv_ns, *ticks):
        """Hand over ticks as if they had been received at that time."""
        await self._intake.ticks(list(ticks), recv_ns=recv_ns, mono_ns=self._clock.mono_ns())

    async def frames(self, *payloads):
        await self._intake.frames(list(payloads), recv_ns=self._clock.now_ns(), mono_ns=self._clock.mono_ns())


class Collecting:
    """A sink that keeps everything; `gate` holds its writes back, `fails_at` breaks it."""

    def __init__(self, *, open_gate=True, fails_at=None):
        self.ticks = []
        self.writes = []
        self.closed = False
        self.gate = anyio.Event()
        self.waiting = anyio.Event()
        if open_gate:
            self.gate.set()
        self._fails_at = fails_at

    async def write(self, ticks):
        self.waiting.set()
        await self.gate.wait()
        await anyio.lowlevel.checkpoint()
        if self._fails_at is not None and len(self.ticks) + len(ticks) >= self._fails_at:
            raise OSError(28, "No space left on device")
        self.ticks += ticks
        self.writes.append(len(ticks))

    @property
    def ids(self):
        return [tick.id for tick in self.ticks if tick.counted_as == "trades"]


class Watching:
    def __init__(self, *, fails_at=None, gate=None):
        self.records = []
        self._gate = gate
        self._fails_at = fails_at

    async def observe(self, records):
        await anyio.lowlevel.checkpoint()
        if self._gate is not None:
            await self._gate.wait()
        if self._fails_at is not None and len(self.records) >= self._fails_at:
            raise AuditError("the observer cannot record")
        self.records += records

    def summary(self):
        return {"records": len(self.records)}


class NameSettings(Settings, frozen=True):
    key: str = "main"
    first: bool = False


@asynccontextmanager
async def _open_sink(settings, context):
    sink = STAGE.sinks.setdefault(settings.key, Collecting())
    try:
        yield sink
    finally:
        sink.closed = True


@asynccontextmanager
async def _open_observer(settings, context):
    yield STAGE.observers.setdefault(settings.key, Watching())


def _describe(settings, registry):
    return Capabilities(channels=CHANNELS, id_space="stage", consecutive_trade_ids=True)


@hookimpl
def ticktrail_providers():
    return [
        provider_spec(
            name="scripted", summary="x", settings=ScriptSettings, open=Scripted, describe=_describe
        )
    ]


@hookimpl
def ticktrail_sinks():
    return [sink_spec(name="collecting", summary="x", settings=NameSettings, open=_open_sink)]


@hookimpl
def ticktrail_observers():
    return [
        observer_spec(
            name="watching",
            summary="x",
            settings=NameSettings,
            open=_open_observer,
            report_key="audit",
            before_delivery=lambda settings: settings.first,
        )
    ]


HEAD = """\
[feed]
name = "stage"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes", "ticker"]
[clock]
servers = []
[validation]
max_age_s = false
max_clock_offset_ms = false
[backoff]
rest_s = 0.002
first_s = 0.001
cap_s = 0.002
"""


def feed(tmp_path, text, head=HEAD, beside=None, **scripts):
    """Compose a feed out of the text and the scripts, with the plugins `beside` this one; gives the plan."""
    STAGE.scripts.clear()
    STAGE.scripts.update(scripts)
    STAGE.sessions.clear()
    path = tmp_path / "feed.toml"
    path.write_text(head + text)
    return compose(path, Host.load(plugins={"stage": sys.modules[__name__], **(beside or {})}))


async def run(plan, **more):
    """Run a plan to its end, with a limit that no run comes near."""
    with anyio.fail_after(30):
        return await Runner(plan, **more).run()
