"""Play frames to the page: states that a real feed is in too seldom, or too long, for a test to wait for them.

Run as a program: ``staged.py SCENE [ROWS]`` serves the page's files and the frames of a scene on a free port of
loopback, prints the address, and takes orders at ``POST /stage/ORDER`` (what a feed does not have).
"""

import math
import random
import sys
import time
from pathlib import Path

import hypercorn.trio
import msgspec
import trio
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import ticktrail_dashboard
from ticktrail.plugin import Figure, Panel
from ticktrail_dashboard import view as v

STATIC = Path(ticktrail_dashboard.__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
KNOWN = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT", "ADA/USDT", "DOGE/USDT", "AVAX/USDT"]
HOSTILE = "<img src=x onerror=alert(1)>"


def now_ms():
    """Return the time of the feed that is played."""
    return time.time_ns() // 1_000_000


class Scene:
    """A feed that is played: `rows` instruments, all of which move."""

    def __init__(self, kind, rows):
        self.kind = kind
        self.random = random.Random(7)
        self.started = now_ms() - 8_123_000
        self.names = [KNOWN[i] if i < len(KNOWN) else f"T{i:04d}/USD" for i in range(rows)]
        self.price = {name: self.random.choice([0.25, 3.1, 148.0, 2_600.0, 64_000.0]) for name in self.names}
        self.delivered = dict.fromkeys(self.names, 1_000)
        self.rejected = dict.fromkeys(self.names, 0)
        self.number = 0
        self.total = 1_204_332
        self.state = "running"
        self.is_failed_over = kind == "rare"
        self.switched = self.started
        self.timeline = self._past()

    def _past(self):
        said = [
            ("feed", "feed_started", "plain", "", "started with 2 legs and 1 sink"),
            ("leg", "leg_live", "good", "primary", "is live"),
            ("leg", "leg_live", "good", "fallback", "is live"),
            ("clock", "clock_measured", "plain", "", "offset +0.412 ms, known to 1.100 ms"),
            ("rule", "ticks_rejected", "warning", "ETH/USDT", "3 ticks rejected by price_band"),
            ("person", "leg_pinned", "plain", "SOL/USDT", "pinned to primary by kim: “compare books”"),
            ("leg", "leg_down", "bad", "primary", "is down: nothing received for 3.0 s"),
            ("route", "leg_switched", "warning", "BTC/USDT, ETH/USDT and 6 more", "primary to fallback"),
            ("sink", "lane_slow", "warning", "postgres", "queue 912 of 1,000"),
            ("notice", "notice", "plain", "audit", "checkpoint 41 anchored"),
        ]
        items = []
        for i, (kind, event, tone, about, text) in enumerate(said * 3):
            self.number += 1
            at = now_ms() - (len(said) * 3 - i) * 41_000
            items.append(self.item(kind, event, tone, about, text, at=at))
        return items

    def item(self, kind, event, tone, about, text, *, at=None):
        """Return an item of the timeline with the next number."""
        self.number += 1
        return v.TimelineItem(
            number=self.number,
            at_ms=at or now_ms(),
            kind=kind,
            event=event,
            tone=tone,
            about=about,
            text=text,
        )

    def row(self, name):
        """Return the row of an instrument as it is now."""
        i = self.names.index(name)
        state = "live"
        if self.kind == "rare":
            state = ("live", "quiet", "waiting", "out", "quarantined")[i % 5]
        price = self.price[name]
        digits = 2 if price > 100 else 4
        half = price * 0.0001
        shown = state != "waiting"
        return v.Row(
            instrument=HOSTILE if self.kind == "rare" and i == 3 else name,
            last=f"{price:.{digits}f}" if shown else "",
            bid=f"{price - half:.{digits}f}" if shown else "",
            ask=f"{price + half:.{digits}f}" if shown else "",
            spread=f"{2 * half:.{digits}f}" if shown else "",
            at_ms=now_ms() - (45_000 if state == "quiet" else 0) if shown else 0,
            source=("fallback" if self.is_failed_over else "primary") if shown else "",
            since_ms=self.switched,
            state=state,
            delivered=self.delivered[name],
            rejected=self.rejected[name],
        )

    def legs(self):
        """Return the legs."""
        down = self.is_failed_over
        legs = {
            "primary": v.LegView(
                state="down" if down else "live",
                since_ms=self.switched,
                why="nothing received for 3.0 s" if down else "",
                breaker="open" if down else "closed",
                retry_in_s=4.0 if down else None,
                uptime_pct=98.71 if down else 100.0,
                reject_pct=0.004,
                latency_ms=None if down else 1.82,
                received=1_000_000,
                per_s=0.0 if down else 1_204.0,
            ),
            "fallback": v.LegView(
                state="live",
                since_ms=self.started,
                uptime_pct=99.98,
                reject_pct=0.0,
                latency_ms=14.2,
                per_s=1_180.0,
            ),
        }
        if self.kind == "rare":
            legs["candidate"] = v.LegView(
                state="degraded", since_ms=self.switched, why="rejects 4.20 % of what it sends", uptime_pct=91.2,
                reject_pct=4.2, latency_ms=240.0, per_s=911.0,
            )  # fmt: skip
            legs["archive"] = v.LegView(
                state="connecting", since_ms=now_ms() - 2_000, why="attempt 3", uptime_pct=0.0
            )
            legs["night"] = v.LegView(state="resting", since_ms=self.started, why="rests until 22:00 UTC")
        return legs

    def route(self):
        """Return the route."""
        n = len(self.names)
        speaks = {"primary": 0, "fallback": n} if self.is_failed_over else {"primary": n, "fallback": 0}
        since = {"primary": self.switched, "fallback": self.switched}
        if self.kind != "rare":
            children = {"primary": "primary", "fallback": "fallback"}
            return [
                v.NodeView(name="main", kind="hybrid", children=children, speaks_for=speaks, since_ms=since)
            ]
        return [
            v.NodeView(
                name="main", kind="hybrid", children={"primary": "spot", "fallback": "backup"},
                speaks_for={"primary": 2, "fallback": n - 2}, since_ms=since, pinned={"primary": 1},
            ),
            v.NodeView(
                name="spot", kind="canary", children={"stable": "primary", "candidate": "candidate"},
                speaks_for={"stable": 0, "candidate": 2}, since_ms={"candidate": self.switched},
                notes={"share": "10 %", "stage": "2 of 4"},
            ),
            v.NodeView(
                name="backup", kind="chain", children={"1": "fallback", "2": "archive", "3": "night"},
                speaks_for={"1": n - 2}, since_ms={"1": self.switched},
            ),
        ]  # fmt: skip

    def move(self, names):
        """Let time pass for some instruments."""
        for name in names:
            self.price[name] *= 1 + self.random.gauss(0, 0.00006)
            self.delivered[name] += self.random.randrange(1, 5)
            self.total += 3

    def parts(self):
        """Return what is told in every frame."""
        now = now_ms()
        rare = self.kind == "rare"
        example = v.Example(
            at_ms=now - 12_000,
            provider="primary",
            instrument="ETH/USDT",
            said="price 2,912.40 is 12.3 % off 2,593.11; limit 5 %",
        )
        bounds = [50.0 * 1.4142**i for i in range(24)]
        counts = [
            round(9_000 * math.exp(-((i - 7) ** 2) / 9)) + (40 if 14 < i < 17 else 0) for i in range(25)
        ]
        return {
            "counts": v.Counts(
                received=self.total * 2, delivered=self.total, rejected=211, suppressed=self.total - 990, switches=3,
                received_per_s=2_411.0, delivered_per_s=1_204.0,
            ),
            "route": self.route(),
            "legs": self.legs(),
            "rules": {
                "price_band": v.RuleView(rejected=180, flagged=3, examples=[example] * 3),
                "max_age": v.RuleView(rejected=22, examples=[example]),
                "crossed_book": v.RuleView(rejected=9),
                "sequence": v.RuleView(rejected=0, flagged=14),
                "duplicate": v.RuleView(rejected=0),
            },
            "suppressed_by": {"not_speaking": self.total - 1_200, "duplicate": 180, "older": 30},
            "latency": v.LatencyView(p50_us=520.0, p90_us=1_240.0, p99_us=9_800.0, bounds_us=bounds, counts=counts),
            "clock": v.ClockView(
                is_measured=True, offset_ms=0.412, bound_ms=1.1, limit_ms=5.0, at_ms=now - 20_000,
                breach="offset 7.1 ms is beyond the limit of 5 ms" if rare else "",
                past=[(now - (60 - i) * 64_000, 0.6 * math.sin(i / 6), 1.0 + (i % 7) / 10) for i in range(60)],
            ),
            "lanes": {
                "jsonl": v.LaneView(queued=12, bound=1_000, written=self.total, dropped=0),
                "postgres": v.LaneView(
                    queued=912 if rare else 4, bound=1_000, written=self.total - 900, dropped=14 if rare else 0,
                    failed="connection refused by 127.0.0.1:5432 after 5 attempts" if rare else "",
                ),
            },
            "observers": {
                "audit": v.ObserverView(waiting=3, bound=4_096, counts={"entries": 91_422, "checkpoints": 41}),
                "dashboard": v.ObserverView(
                    waiting=0, bound=4_096, counts={"pages": 1}, trouble="a page is slow and was left" if rare else ""
                ),
            },
            "panels": self.panels(),
        }  # fmt: skip

    def panels(self):
        """Return the panels of plugins."""
        figures = [
            Figure(label="Entries", value="91,422", mood="good", note="chain unbroken"),
            Figure(label="Last checkpoint", value="41", note="12 s ago"),
            Figure(label="Key", value="audit.key", note="expires in 212 days"),
        ]
        incidents = Panel(
            figures=[
                Figure(label="Open", value="1", mood="warning"),
                Figure(label="Due today", value="0", mood="good"),
            ],
            columns=["Number", "Opened", "What", "Owner", "Notices due"],
            rows=[
                ["INC-3", "2026-11-29 21:14", "primary down for longer than 60 s", "kim", "2026-11-30 21:14"],
                ["INC-2", "2026-11-12 08:02", "clock beyond its limit", "lee", "closed"],
            ],
        )
        panels = {
            "audit": v.PanelView(title="Audit log", panel=Panel(figures=figures), at_ms=now_ms() - 2_000),
            "incidents": v.PanelView(title="Incidents", panel=incidents, at_ms=now_ms() - 4_000),
        }
        if self.kind == "rare":
            trouble = Panel(trouble="the database does not answer within 3 s")
            panels["retention"] = v.PanelView(title="Retention", panel=trouble, at_ms=now_ms() - 60_000)
        return panels

    def whole(self):
        """Return the first frame of a connection."""
        head = {"at_ms": now_ms(), "whole": True, "state": self.state, "feed": "spot-eu", "version": "0.1.0"}
        head |= {"profile": "production", "started_ms": self.started, "channels": ["trades", "quotes"]}
        if self.kind == "empty":
            return v.Frame(**head)
        rows = [self.row(name) for name in self.names]
        return v.Frame(**head, **self.parts(), rows=rows, timeline=self.timeline)

    def step(self, events):
        """Return what a quarter of a second changes."""
        names = self.names if len(self.names) <= 200 else self.random.sample(self.names, 500)
        self.move(names)
        self.timeline.extend(events)
        if self.kind == "empty":
            return v.Frame(at_ms=now_ms(), state=self.state)
        return v.Frame(
            at_ms=now_ms(),
            state=self.state,
            **self.parts(),
            rows=[self.row(name) for name in names],
            timeline=events,
        )

    def chart(self, name):
        """Return five minutes of an instrument."""
        end = now_ms() // 1_000
        price = self.price[self.names[3] if name == HOSTILE else name]
        walk = [price]
        for _ in range(299):
            walk.append(walk[-1] * (1 + self.random.gauss(0, 0.00012)))
        walk.reverse()
        last = [None if 120 <= i < 135 else round(p, 4) for i, p in enumerate(walk)]
        marks = [
            v.ChartMark(at_ms=(end - 240) * 1_000, kind="reject", text="price_band: 12.3 % off; limit 5 %"),
            v.ChartMark(at_ms=(end - 180) * 1_000, kind="switch", text="primary to fallback: stale"),
            v.ChartMark(at_ms=(end - 176) * 1_000, kind="gap", text="15 s without a tick"),
            v.ChartMark(at_ms=(end - 60) * 1_000, kind="switch", text="fallback to primary: healthy again"),
        ] + [
            v.ChartMark(at_ms=(end - 100 + i) * 1_000, kind="reject", text=f"max_age: {i} s old")
            for i in range(5)
        ]
        return v.Chart(
            instrument=name,
            at_ms=[(end - 299 + i) * 1_000 for i in range(300)],
            last=last,
            bid=[None if p is None else round(p * 0.9999, 4) for p in last],
            ask=[
                None if p is None else round(p * (1.0001 + 0.00005 * math.sin(i / 9)), 4)
                for i, p in enumerate(last)
            ],
            marks=marks,
        )


class Stage:
    """Serves a scene, and changes it as it is told."""

    def __init__(self, scene):
        self.scene = scene
        self.is_shut = False
        self.cut = trio.Event()
        self.orders = {"drop": self.drop, "serve": self.serve, "end": self.end, "failover": self.fail_over}
        self.unsaid = []

    def drop(self):
        """End all streams and refuse new ones."""
        self.is_shut = True
        self.cut.set()

    def serve(self):
        """Take pages again."""
        self.is_shut = False
        self.cut = trio.Event()

    def end(self):
        """End the feed: one last frame, and no more."""
        self.scene.state = "ended"

    def fail_over(self):
        """Let the first leg fail."""
        self.scene.is_failed_over = True
        self.scene.switched = now_ms()
        self.unsaid.append(self.scene.item("leg", "leg_down", "bad", "primary", "is down: hung up"))

    async def events(self, _request):
        """Tell frames."""
        if self.is_shut:
            return PlainTextResponse("full", 503, {"Retry-After": "2"})
        return StreamingResponse(self._frames(), media_type="text/event-stream")

    async def _frames(self):
        yield _event(self.scene.whole())
        while not self.cut.is_set():
            with trio.move_on_after(0.25):
                await self.cut.wait()
            if self.scene.kind == "silent":
                continue
            events, self.unsaid = self.unsaid, []
            yield _event(self.scene.step(events))
            if self.scene.state == "ended":
                self.is_shut = True
                return

    async def chart(self, request):
        """Tell a chart, as of an instrument that the feed has."""
        name = request.query_params["instrument"]
        if name not in {*self.scene.names, HOSTILE}:
            return JSONResponse({"error": "no such instrument"}, 404)
        return Response(msgspec.json.encode(self.scene.chart(name)), media_type="application/json")

    async def order(self, request):
        """Do as told."""
        self.orders[request.path_params["order"]]()
        return Response(status_code=204)

    async def log_in(self, request):
        """Take one token."""
        form = await request.body()
        return Response(status_code=204 if b"right" in form else 401)


def _event(frame):
    return b"event: frame\ndata: " + msgspec.json.encode(frame) + b"\n\n"


async def _file(request: Request):
    path = request.path_params.get("path") or "index.html"
    name = STATIC / ("login.html" if path == "login" else path)
    if not name.is_file():
        return PlainTextResponse("nothing here", 404)
    return FileResponse(name, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


async def play(kind, rows):
    """Serve a scene until interrupted."""
    stage = Stage(Scene(kind, rows))
    app = Starlette(
        routes=[
            Route("/api/events", stage.events),
            Route("/api/chart", stage.chart),
            Route("/stage/{order}", stage.order, methods=["POST"]),
            Route("/login", stage.log_in, methods=["POST"]),
            Route("/{path:path}", _file),
        ]
    )
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.graceful_timeout = 0.2
    async with trio.open_nursery() as nursery:
        (address,) = await nursery.start(hypercorn.trio.serve, app, config)
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    trio.run(play, sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 24)
