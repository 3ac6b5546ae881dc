"""Keep one of a leg's connections alive: open it, subscribe, hand on what it brings, replace it before it ends.

Owns: the sockets of one share of the streams, one after the other, and which of two speaks while one takes over.
Never: retries for ever: a connection that is lost alone is opened anew once, and if that fails the session ends; what
comes after that is the leg's business.

Sources: as in `ticktrail_binance.markets`: 24 h a connection, ``serverShutdown``, 300 connections in 5 minutes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import anyio
import anyio.abc

from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.events import ConnectionReplaced, ConnectionRotated, VenueTrouble
from ticktrail.net import HandshakeRefused, Received, TlsFailed, WebSocketError, open_websocket
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_binance.decoder import is_control
from ticktrail_binance.live.attempts import ATTEMPTS_PERIOD_S, attempts_of
from ticktrail_binance.live.handover import Handover
from ticktrail_binance.live.link import Link
from ticktrail_binance.notes import ConnectedNote, write_note
from ticktrail_binance.rest.client import DEFAULT_BAN_S, LIMITED
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import ConnectionPlan, Stream

__all__ = ["Shard"]

AGE, SHUTDOWN = "age", "serverShutdown"
"""Why a connection is renewed."""
AGAIN_S = 30.0
"""Pause before another attempt at a rotation that failed while the old connection lives."""
MOST_KEPT = 20_000
"""Messages of a new connection that are kept until the old one has handed on its own: a busy market's of seconds."""
LEAST_OVERLAP = 0.1
"""Part of `overlap_s` that a rotation takes at least: streams on which nothing happened have no event to meet on."""


class Shard:
    """One share of a leg's streams.

    Args:
        plan: Which streams, and over which path.
        streams: All of the leg's, by name.
        settings: Of the leg.
        context: Of the leg.
        intake: Where to hand on what comes.
        alone: Whether it is the leg's only connection: its loss is the session's end.

    Attributes:
        handed: Payloads handed on so far.
    """

    def __init__(
        self,
        plan: ConnectionPlan,
        streams: Mapping[str, Stream],
        settings: BinanceSettings,
        context: ProviderContext,
        intake: Intake,
        *,
        alone: bool,
    ) -> None:
        self.handed = 0
        self.streams = {name: streams[name] for name in plan.streams}
        self._wanted: Sequence[str] = plan.streams
        self._path = plan.path
        self._settings = settings
        self._context = context
        self._clock = context.clock
        self._intake = intake
        self._alone = alone
        self._attempts = attempts_of(urlsplit(settings.ws_base).netloc)
        self._due = anyio.Event()
        self._why_due = ""
        self._failure: ProviderError | None = None
        self._speaker: Link | None = None
        self._successor: Link | None = None
        self._handover: Handover | None = None
        self._passing: Handover | None = None
        self._passing_until_ns = 0
        self._kept: deque[Received] = deque()
        self._kept_payloads = 0
        self._kept_gone = anyio.Event()
        self._given_up: dict[str, int] = {}
        self._to_note: list[bytes] = []
        self._progress = anyio.Event()

    async def run(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live until cancelled.

        Raises:
            TransientError: The connection was lost, refused for now, not answered in time, or is mute.
            PermanentError: The venue refuses a request as wrong, or its certificate is not to be trusted.
        """
        async with anyio.create_task_group() as tasks:
            await self._connect(tasks, lost_ns=None)
            task_status.started()
            while True:
                await self._wait_until_due()
                why, failure = self._why_due, self._failure
                self._due, self._why_due, self._failure = anyio.Event(), "", None
                if failure is not None:
                    await self._replace(tasks, failure)
                else:
                    await self._rotate(tasks, why)

    def want(self, streams: Sequence[str]) -> None:
        """Carry these of the shard's streams from now on.

        What one that was given up would have brought meanwhile is a hole, which a note tells when it is taken back.
        """
        now_ns = self._clock.now_ns()
        back = [name for name in streams if name in self._given_up]
        for name in set(self._wanted) - set(streams):
            self._given_up[name] = now_ns
        for name in back:
            note = ConnectedNote(streams=(name,), lost_ns=self._given_up.pop(name))
            self._to_note.append(write_note(note))
        self._wanted = tuple(streams)
        for link in (self._speaker, self._successor):
            if link is not None:
                link.want(streams)

    async def probe(self) -> None:
        """Return if the connection answers, and carries what is wanted (again, if it had lost something).

        Raises:
            TransientError: It does not answer in time.
        """
        if self._speaker is not None and self._handover is None:
            await self._speaker.probe()

    def fail(self, failure: ProviderError) -> None:
        """Give the connection up for lost."""
        if self._failure is None:
            self._failure = failure
        self._due.set()

    async def _wait_until_due(self) -> None:
        with anyio.move_on_after(self._settings.rotate_after_s):
            await self._due.wait()
            return
        self._why_due = AGE

    async def _connect(self, tasks: anyio.abc.TaskGroup, *, lost_ns: int | None) -> None:
        """Open a connection that speaks at once."""
        link = self._speaker = self._new_link(lost_ns=lost_ns, announces=True)
        tasks.start_soon(self._live, link)
        await link.settled.wait()
        if link.failure is not None:
            raise link.failure

    async def _replace(self, tasks: anyio.abc.TaskGroup, failure: ProviderError) -> None:
        """Open a lost connection anew, once, while the leg's others go on."""
        if self._alone or isinstance(failure, PermanentError):
            raise failure
        lost = self._speaker
        if lost is not None:
            lost.retire()
            await lost.ended.wait()
        self._tell_replaced(failure.cause)
        await self._connect(tasks, lost_ns=lost.last_recv_ns if lost is not None else None)

    async def _rotate(self, tasks: anyio.abc.TaskGroup, why: str) -> None:
        """Open a second connection, run both until the new one has all that the old one has, close the old one."""
        old = self._speaker
        assert old is not None  # noqa: S101 - a connection speaks from `_connect` on
        handover = self._handover = Handover(self.streams)
        new = self._successor = self._new_link(lost_ns=None, announces=False)
        tasks.start_soon(self._live, new)
        await new.settled.wait()
        has_hole = old.ended.is_set()  # it was gone before the new one carried anything
        began_ns = self._clock.mono_ns()
        if new.failure is None:
            await self._until_joined(handover, old, new)
        if new.failure is not None:
            await self._stay_with(old, new.failure, why)
            return
        old.retire()
        await old.ended.wait()  # what it had received is handed on by now
        if has_hole:
            note = write_note(ConnectedNote(streams=tuple(self._wanted), lost_ns=old.last_recv_ns))
            await self._hand_on(Received((note,), self._clock.now_ns(), self._clock.mono_ns()))
        while self._kept:
            received = self._kept.popleft()
            await self._hand_on(received._replace(payloads=handover.fresh(received.payloads)))
        # No checkpoint from here: the new connection hands on by itself from its next message on.
        self._speaker, self._successor = new, None
        self._handover, self._passing = None, handover
        self._passing_until_ns = self._clock.mono_ns() + round(self._settings.overlap_s * 1e9)
        self._let_go()
        self._failure = None  # the old one's end, if it came by itself, is made good
        if not self._why_due:
            self._due = anyio.Event()
        self._mind(new)
        if has_hole:
            self._tell_replaced("lost")
            return
        self._intake.tell(
            ConnectionRotated(
                at_ns=self._clock.now_ns(),
                provider=self._context.name,
                cause=why,
                overlap_ms=(self._clock.mono_ns() - began_ns) / 1e6,
                repeated=handover.repeated,
            )
        )

    def _tell_replaced(self, cause: str) -> None:
        self._intake.tell(
            ConnectionReplaced(
                at_ns=self._clock.now_ns(),
                provider=self._context.name,
                cause=cause,
                streams=len(self._wanted),
            )
        )

    def _let_go(self) -> None:
        """Let the new connection receive again where it has waited for what was kept of it."""
        self._kept.clear()
        self._kept_payloads = 0
        self._kept_gone.set()

    async def _stay_with(self, old: Link, failure: ProviderError, why: str) -> None:
        """Let the old connection go on, since its successor was lost, and be due again after a pause."""
        self._handover = self._successor = None
        self._let_go()
        if isinstance(failure, PermanentError) or old.ended.is_set():
            raise failure
        again_s = min(AGAIN_S, self._settings.rotate_after_s)
        self._tell(f"a connection could not be renewed, and the old one goes on: {failure}", again_s)
        with anyio.move_on_after(again_s):
            await self._due.wait()  # nothing but the old connection's end comes before the next attempt
        self._why_due = why
        self._due.set()

    async def _until_joined(self, handover: Handover, old: Link, new: Link) -> None:
        least_s = self._settings.overlap_s * LEAST_OVERLAP
        with anyio.move_on_after(least_s):
            await self._until(lambda: old.ended.is_set() or new.ended.is_set())
        with anyio.move_on_after(self._settings.overlap_s - least_s):
            await self._until(lambda: old.ended.is_set() or new.ended.is_set() or handover.is_joined)

    async def _until(self, reached: Callable[[], bool]) -> None:
        """Wait until the two connections have come so far."""
        while not reached():
            self._progress = anyio.Event()
            await self._progress.wait()

    def _tell(self, detail: str, retry_in_s: float) -> None:
        self._intake.tell(
            VenueTrouble(
                at_ns=self._clock.now_ns(),
                provider=self._context.name,
                detail=detail,
                retry_in_s=retry_in_s,
            )
        )

    def _new_link(self, *, lost_ns: int | None, announces: bool) -> Link:
        note = write_note(ConnectedNote(streams=tuple(self._wanted), lost_ns=lost_ns)) if announces else None
        return Link(self._wanted, self._settings, self._context, note=note)

    async def _live(self, link: Link) -> None:
        """Run one socket to its end; what ended it is the shard's to weigh."""
        try:
            await self._await_attempt()
            async with open_websocket(
                self._url(),
                clock=self._clock,
                connect_s=self._settings.connect_s,
                silent_s=self._settings.dead_after_s,
                max_message_bytes=self._settings.max_message_bytes,
            ) as socket:
                self._intake.tell(
                    socket.carrier.opened(self._context.name, "websocket", at_ns=self._clock.now_ns())
                )
                await link.converse(socket, self._take)
        except ProviderError as exc:
            link.failure = exc
        except WebSocketError as exc:
            link.failure = self._translated(exc)
        finally:
            link.ended.set()
            link.settled.set()
            self._progress.set()
        self._mind(link)

    def _mind(self, link: Link) -> None:
        """Give the connection up if it is the one that speaks, and has ended by itself."""
        if link.failure is not None and link is self._speaker and not link.retired:
            self.fail(link.failure)

    async def _await_attempt(self) -> None:
        """Wait until the venue takes one more connection from this process."""
        wait_s = self._attempts.wait_s(1, self._clock.mono_ns())
        if wait_s > 0:
            limit = f"{self._attempts.limit:g} connections in {ATTEMPTS_PERIOD_S / 60:g} minutes"
            self._tell(f"this process has opened {limit}, the most that the venue takes", wait_s)
        await self._attempts.turn(self._clock)

    def _url(self) -> str:
        settings = self._settings
        asks = settings.time_unit == "microsecond" and settings.venue_market.times_in_us
        return f"{settings.ws_base}{self._path}/stream{'?timeUnit=MICROSECOND' if asks else ''}"

    def _translated(self, exc: WebSocketError) -> ProviderError:
        name = self._context.name
        if isinstance(exc, HandshakeRefused):
            wait_s = exc.retry_after_s
            if wait_s is None and exc.status in LIMITED:
                wait_s = DEFAULT_BAN_S
            return TransientError(
                f"leg {name!r}: {exc}",
                provider=name,
                cause="refused" if wait_s is None else "limited",
                retry_after_s=wait_s,
            )
        if isinstance(exc, TlsFailed) and exc.untrusted:
            return PermanentError(f"leg {name!r}: {exc}", provider=name)
        return TransientError(f"leg {name!r}: {exc}", provider=name)

    async def _take(self, link: Link, received: Received) -> None:
        """Take what a socket brought: hand it on, or keep it back while another speaks."""
        for payload in received.payloads:
            if is_control(payload) and link.control(payload) and link is (self._successor or self._speaker):
                self._why_due = SHUTDOWN  # of a connection that is being left already, it is no news
                self._due.set()
        handover = self._handover
        if link is self._successor and handover is not None:
            handover.new(received.payloads)
            self._kept.append(received)
            self._kept_payloads += len(received.payloads)
            if (
                self._kept_payloads > MOST_KEPT
            ):  # the old one is held up: so is this one, and the venue behind it
                self._kept_gone = anyio.Event()
                await self._kept_gone.wait()
            return
        if self._passing is not None:  # this one took over a while ago, from one that was ahead of it
            received = received._replace(payloads=self._passing.fresh(received.payloads))
            is_over = self._passing.is_passed or received.mono_ns > self._passing_until_ns
            self._passing = None if is_over else self._passing
        if handover is not None:
            handover.old(received.payloads)
            if handover.is_joined:
                self._progress.set()
        await self._hand_on(received)

    async def _hand_on(self, received: Received) -> None:
        if self._to_note:
            notes, self._to_note = self._to_note, []
            received = received._replace(payloads=(*notes, *received.payloads))
        if received.payloads:
            self.handed += len(received.payloads)
            await self._intake.frames(received.payloads, recv_ns=received.recv_ns, mono_ns=received.mono_ns)
