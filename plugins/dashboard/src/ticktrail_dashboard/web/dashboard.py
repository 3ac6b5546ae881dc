"""Watch one feed: what is known of it, and the server that tells.

Owns: the life of both, and that a server that fails never ends the feed.
Never: makes the feed wait.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Literal, cast

import sniffio
import trio
from hypercorn.typing import ASGIFramework

from ticktrail.errors import ConfigError
from ticktrail.events import FeedStarted, Notice
from ticktrail.plugin import ObserverContext, Record
from ticktrail.text import one_line
from ticktrail_dashboard.health import Health
from ticktrail_dashboard.metrics import Metrics
from ticktrail_dashboard.settings import DashboardSettings, Part
from ticktrail_dashboard.state.board import Board
from ticktrail_dashboard.state.frames import FrameBuilder
from ticktrail_dashboard.state.panels import Panels
from ticktrail_dashboard.view import Chart
from ticktrail_dashboard.web.address import Place, bind, open_certificate, parse_place
from ticktrail_dashboard.web.app import App, Machine
from ticktrail_dashboard.web.connection import MOST_CONNECTIONS_BESIDE_PAGES, Connections, Limits
from ticktrail_dashboard.web.door import Door
from ticktrail_dashboard.web.files import load_files
from ticktrail_dashboard.web.hub import Hub
from ticktrail_dashboard.web.server import serve

__all__ = ["Dashboard", "open_dashboard"]

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
LAST_FRAME_WITHIN_S: Final = 0.9
LEAST_TOKEN: Final = 16
GATHER_S: Final = 0.05
FEW_RECORDS: Final = 200
"""So many in each `GATHER_S` are 4,000 batches a second; beyond, nothing is gathered."""


class Dashboard:
    """The observer; implements `ticktrail.plugin.Observer`."""

    def __init__(
        self,
        settings: DashboardSettings,
        context: ObserverContext,
        *,
        listener: socket.socket,
        place: Place,
        token: str | None,
        certificate: ssl.SSLContext | None,
        limits: Limits,
    ) -> None:
        self._context = context
        self.listener = listener
        self._certificate = certificate
        self._place = place
        self._trouble = ""
        self._defect = ""
        self._restarts = 0
        self._stop = trio.Event()
        self.board = Board()
        clock = context.clock
        self.panels = Panels(context.pages, clock, self._await_someone)
        frames = FrameBuilder(
            self.board, clock, status=context.status, panels=self.panels.seen, fresh_s=settings.fresh_s
        )
        self.hub = Hub(frames, settings.most_pages, time.thread_time)
        self.connections = Connections(settings.most_pages + MOST_CONNECTIONS_BESIDE_PAGES, limits)
        self._door = Door(
            place, token, settings.hosts, is_secure=certificate is not None, tell=self._tell_of_wrong_tokens
        )
        self._serves_pages = "pages" in settings.parts
        self._metrics = Metrics(context, settings)
        self._health = Health(context, settings)
        self._app = App(
            door=self._door,
            hub=self.hub if self._serves_pages else None,
            files=load_files() if self._serves_pages else {},
            chart=self._chart,
            connections=self.connections,
            machines=self._machines(settings.parts),
        )

    @property
    def url(self) -> str:
        """Where it is served."""
        return f"{'http' if self._certificate is None else 'https'}://{self._place.authority}/"

    @property
    def port(self) -> int:
        """The port that is listened at."""
        return self._place.port

    async def observe(self, records: Sequence[Record]) -> None:
        """Take the records; never waits for a page."""
        for take in (self.board.see, self._metrics.observe, self._health.observe):
            try:
                take(records)
            except Exception as exc:  # noqa: BLE001 - what is shown may be wrong from here on; the feed is not
                self._tell_of_defect(exc)
        if any(type(record) is FeedStarted for record in records):
            self._tell("served", "information", f"dashboard: {self.url}")
        # Few at once are not worth a task's turn each: they gather for a moment. Many are taken as they come.
        await trio.sleep(GATHER_S if len(records) < FEW_RECORDS else 0)

    def summary(self) -> Mapping[str, int]:
        """Return what the server did: pages served, connections refused, pages dropped since they did not read."""
        return {
            "pages": self.hub.watching,
            "pages_served": self.hub.served,
            "refused": self.connections.refused + self.hub.refused,
            "dropped": self.connections.dropped,
            "wrong_tokens": self._door.refused,
            "restarts": self._restarts,
        }

    def trouble(self) -> str:
        """Return why the dashboard is not served, or what went wrong in it."""
        return self._trouble or self._defect or self.connections.trouble

    async def run(self) -> None:
        """Serve, build frames, look at pages, and keep the past, until cancelled or `stop` was called."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_doing, self._keep_past)
            if self._serves_pages:
                nursery.start_soon(self._keep_doing, self.hub.keep_telling)
                nursery.start_soon(self._keep_doing, self.panels.keep_looking)
            await self._keep_serving()
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Tell pages the last frame, and end the server once they have taken it, a moment later at most."""
        self.board.state = "ended"
        try:
            self.hub.end()
        except Exception as exc:  # noqa: BLE001 - the last frame cannot be built: the feed ends all the same
            self._tell_of_defect(exc)
        self._stop.set()

    def _machines(self, parts: Sequence[Part]) -> Mapping[str, Machine]:
        """Return what programs may ask for, by its path."""
        health, metrics = self._health, self._metrics
        machines: dict[str, Machine] = {}
        if "metrics" in parts:
            machines["/metrics"] = lambda accept: (200, *metrics.exposition(accept))
        if "health" in parts:
            machines["/healthz"] = lambda _: health.healthz().as_http()
            machines["/readyz"] = lambda _: health.readyz().as_http()
        return machines

    async def _keep_serving(self) -> None:
        """Serve until the feed ends; a server that fails is told once, and started again after a pause."""
        pause_s = FIRST_PAUSE_S
        is_open = True
        while True:
            began = trio.current_time()
            try:
                if not is_open:
                    self.listener = bind(self._place)
                self._recover()
                await serve(
                    cast("ASGIFramework", self._app),
                    self.listener,
                    self.connections,
                    certificate=self._certificate,
                    stop=self._stop,
                )
            except Exception as exc:  # noqa: BLE001 - whatever it is: the feed goes on
                is_open = False
                self.listener.close()
                if trio.current_time() - began > LONGEST_PAUSE_S:
                    pause_s = FIRST_PAUSE_S
                self._fail(exc)
            else:
                return
            with trio.move_on_after(pause_s):
                await self._stop.wait()
                return
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _keep_doing(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it for as long as the feed runs; after a defect again, a moment later."""
        while True:
            try:
                await work()
            except Exception as exc:  # noqa: BLE001 - pages may be wrong or late; the feed goes on
                self._tell_of_defect(exc)
            await trio.sleep(FIRST_PAUSE_S)

    def _tell_of_defect(self, exc: BaseException) -> None:
        """Tell once of what went wrong beside the server; the first one stands in `trouble`."""
        while isinstance(exc, BaseExceptionGroup):
            exc = exc.exceptions[0]
        if not self._defect:
            self._defect = one_line(
                f"what the dashboard shows is not whole, by a defect: {type(exc).__name__}: {exc}"
            )
            self._tell("defect", "warning", self._defect)

    def _fail(self, exc: BaseException) -> None:
        while isinstance(exc, BaseExceptionGroup):
            exc = exc.exceptions[0]
        self._restarts += 1
        is_news = not self._trouble
        self._trouble = f"the dashboard is not served: {type(exc).__name__}: {exc}"
        if is_news:
            self._tell("not_served", "warning", f"{self._trouble}; it is tried again")

    def _recover(self) -> None:
        if self._trouble:
            self._trouble = ""
            self._tell("not_served", "warning", f"dashboard: {self.url} is served again", is_over=True)

    async def _keep_past(self) -> None:
        """Make a point of what moved each second."""
        while True:
            await trio.sleep(1)
            self.board.ticks.sample(self._context.clock.now_ns() // 1_000_000_000)

    async def _await_someone(self) -> None:
        await self.hub.someone.wait()

    def _chart(self, name: str) -> Chart | None:
        instrument = self.board.ticks.instruments.get(name)
        return None if instrument is None else instrument.chart(self._context.clock.now_ns())

    def _tell_of_wrong_tokens(self) -> None:
        self._tell(
            "wrong_tokens",
            "warning",
            f"the dashboard at {self.url} was asked with a wrong token {self._door.refused} times: somebody guesses, "
            f"or goes by an old one; [dashboard] token says where the right one is kept",
        )

    def _tell(
        self, name: str, severity: Literal["information", "warning"], text: str, *, is_over: bool = False
    ) -> None:
        self._context.tell(
            Notice(
                at_ns=self._context.clock.now_ns(),
                source="dashboard",
                name=name,
                severity=severity,
                text=text,
                is_over=is_over,
            )
        )


@asynccontextmanager
async def open_dashboard(
    settings: DashboardSettings, context: ObserverContext, *, limits: Limits | None = None
) -> AsyncIterator[Dashboard]:
    """Serve a dashboard of the feed for as long as the context is open.

    Args:
        settings: The table.
        context: What the feed offers to an observer.
        limits: How long connections may take; by default those that fit people and their networks.

    Raises:
        ConfigError: Nothing can be served at the address, the certificate or the token cannot be used, or the feed
            does not run on trio.
    """
    if sniffio.current_async_library() != "trio":
        raise ConfigError(
            "[dashboard]: pages are served on trio alone; run the feed with anyio.run(…, backend='trio'), or leave "
            "[dashboard] out"
        )
    certificate = open_certificate(settings, context.base_dir)
    token = None
    if settings.token is not None:
        token = settings.token.resolve(context.base_dir, "[dashboard] token")
    if token is not None and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable()):
        raise ConfigError(
            f"[dashboard] token: what it refers to is not fit for one; at least {LEAST_TOKEN} printable ASCII "
            f"characters are needed, such as openssl rand -hex 32 gives"
        )
    wanted = parse_place(settings.address)
    listener = bind(wanted)
    dashboard = Dashboard(
        settings,
        context,
        listener=listener,
        place=Place(host=wanted.host, port=listener.getsockname()[1]),
        token=token,
        certificate=certificate,
        limits=limits or Limits(),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dashboard.run)
        try:
            yield dashboard
        except BaseException:
            nursery.cancel_scope.cancel()
            dashboard.connections.close_all()
            raise
        dashboard.stop()
        nursery.cancel_scope.deadline = trio.current_time() + LAST_FRAME_WITHIN_S
