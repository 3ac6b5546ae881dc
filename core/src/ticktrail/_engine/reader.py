"""Read what a leg's sessions brought into its intake queue: decode, count and judge it, in order.

Owns: the decoder and the rules that are in force behind the queue, and what is on the way from it to the route.
Never: opens a session (the leg does), or delivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ticktrail._clock.peer import PeerDelay
from ticktrail._contracts.clock import Clock
from ticktrail._contracts.provider import Provider
from ticktrail._contracts.route import Batch
from ticktrail._engine.bus import Bus
from ticktrail._engine.decoding import decode, left_of, without_strangers
from ticktrail._engine.equivalents import Equivalents
from ticktrail._engine.fitting import misfit_of_ticks
from ticktrail._engine.judge import Judge
from ticktrail._engine.mark import Mark
from ticktrail._engine.panel import Panel
from ticktrail._engine.session import Down, Frames, Item, LegChange, LegNews, Renewed, Up
from ticktrail._engine.tally import Tally
from ticktrail._tracing.batches import BatchTraces
from ticktrail.events import VenueTrouble
from ticktrail.model import ProviderId, Tick, Undecodable

__all__ = ["Reader"]


class Reader:
    """What stands between one leg's intake queue and the route.

    Args:
        number: The leg's.
        name: The leg's.
        provider: Decodes.
        equivalents: What its instruments are called here.
        judge: The leg's rules.
        clock: The feed's.
        bus: Takes what is told of a defect.
        tally: The feed's counts.
        peer: Hears the delays, where they say something of this machine's clock.

    Attributes:
        left: What did not get to the route before the leg was cancelled, judged.
        follow: Follows some batches, where the feed is traced.
    """

    def __init__(
        self,
        number: int,
        name: ProviderId,
        provider: Provider,
        equivalents: Equivalents,
        judge: Judge,
        *,
        clock: Clock,
        bus: Bus,
        tally: Tally,
        peer: PeerDelay | None,
    ) -> None:
        self.left: Sequence[Batch] = ()
        self.follow: BatchTraces | None = None
        self._number = number
        self._name = name
        self._decoder = provider
        self._equivalents = equivalents
        self._judge = judge
        self._clock = clock
        self._bus = bus
        self._tally = tally
        self._peer = peer
        self._session_ns = 0
        self._in_hand: Batch | None = None
        self._on_the_way = 0  # changes in the intake queue, behind what the session before them brought
        self._after_them: Panel | None = None

    def expect(self) -> None:
        """Note that a change goes into the queue."""
        self._on_the_way += 1

    def keep(self, panel: Panel) -> None:
        """Judge by these rules from now on; where changes are in the queue, from the last of them on."""
        if self._on_the_way:
            self._after_them = panel
        else:
            self._judge.keep(panel)

    def supersede(self) -> None:
        """Forget the rules that were to follow: a change that will go into the queue has its own."""
        self._after_them = None

    def judged(self, ticks: Sequence[Tick]) -> Batch:
        """Return ticks of now, counted as received and judged as what came through the queue is."""
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        return self._judged(ticks, now_ns, mono_ns, mono_ns)

    async def run(
        self, receiver: MemoryObjectReceiveStream[Item], route: MemoryObjectSendStream[LegNews]
    ) -> None:
        """Decode, count and judge what came in, in order."""
        async with receiver:
            async for item in receiver:
                await self._send(route, self._read(item))
                if isinstance(item, LegChange):
                    await route.send((self._number, Renewed(item.number)))
                elif isinstance(item, (Up, Down, Mark)):
                    await route.send((self._number, item))
            await self._send(route, self._held_back())

    async def _send(self, route: MemoryObjectSendStream[LegNews], batch: Batch | None) -> None:
        if batch is not None:
            self._in_hand = batch
            await route.send((self._number, batch))
            self._in_hand = None

    def _read(self, item: Item) -> Batch | None:
        """Return what an item of the intake queue brings; a change is taken over with it."""
        if isinstance(item, (Up, Down, Mark)):
            return None
        if isinstance(item, LegChange):
            left = self._held_back()
            self._take_over(item)
            return left
        if item.session_ns != self._session_ns:
            self._session_ns = item.session_ns
            self._judge.begin_session()
        follow = self.follow
        followed = None if follow is None else follow.sample(self._name, item.mono_ns)
        if isinstance(item, Frames):
            ticks = decode(self._decoder, item.payloads, item.recv_ns, self._name)
        else:
            ticks = item.ticks
        if followed is not None and follow is not None:
            follow.decoded(followed, len(ticks))
        batch = self._judged(ticks, item.recv_ns, item.mono_ns, item.session_ns) if ticks else None
        if followed is not None and follow is not None and batch is not None:
            follow.validated(followed, len(batch.rejected))
        return batch

    def _held_back(self) -> Batch | None:
        """Return what the decoder holds back: it gets nothing more."""
        left = left_of(self._decoder, self._lost_at_its_end)
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        return self._judged(left, now_ns, mono_ns, self._session_ns) if left else None

    def read_left(self, items: Iterable[Item]) -> None:
        """Read what is still on the way once this leg was cancelled: it was taken in, and nothing vanishes."""
        read = [self._in_hand, *(self._read(item) for item in items), self._held_back()]
        self.left = [batch for batch in read if batch is not None]

    def _take_over(self, change: LegChange) -> None:
        """Read and judge by the change from here on."""
        if change.provider is not None and change.equivalents is not None:
            self._decoder, self._equivalents = change.provider, change.equivalents
        self._on_the_way -= 1
        self._judge.keep(change.panel)
        if self._after_them is not None and not self._on_the_way:
            self._judge.keep(self._after_them)
            self._after_them = None

    def _lost_at_its_end(self, error: str) -> None:
        detail = f"what it held back at its end is lost, since its drain failed: {error}"
        self._bus.publish(
            VenueTrouble(at_ns=self._clock.now_ns(), provider=self._name, detail=detail, retry_in_s=None)
        )

    def _judged(
        self, ticks: Sequence[Tick | Undecodable], recv_ns: int, mono_ns: int, session_ns: int
    ) -> Batch:
        if misfit_of_ticks(ticks) or self._tally.take(self._name, ticks):
            ticks = without_strangers(ticks, recv_ns, self._name)
            self._tally.take(self._name, ticks)
        if self._equivalents:
            ticks = self._equivalents.rename(ticks)
        if self._peer is not None:
            self._peer.see(ticks, recv_ns)
        verdict = self._judge.judge(ticks, recv_ns, recv_ns)
        return Batch(
            provider=self._name,
            recv_ns=recv_ns,
            mono_ns=mono_ns,
            session_ns=session_ns,
            ticks=verdict.good,
            rejected=verdict.rejected,
            flagged=verdict.flagged,
        )
