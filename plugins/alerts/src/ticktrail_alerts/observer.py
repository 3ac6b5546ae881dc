"""Watch one feed: hear its records, look at it, and have people told.

Owns: the life of the alerts beside the feed's.
Never: keeps the feed waiting: what is slow is done in other tasks and threads, each with a deadline.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import anyio
import anyio.to_thread

from ticktrail.events import FeedStopping
from ticktrail.plugin import Observer, ObserverContext, Record
from ticktrail_alerts.board import Board
from ticktrail_alerts.channels import open_channel
from ticktrail_alerts.conditions import conditions_of
from ticktrail_alerts.conditions.machine import Disk, look_at_disks
from ticktrail_alerts.conditions.observers import Notices, is_our_own
from ticktrail_alerts.conditions.stopping import Stopped
from ticktrail_alerts.delivery import Delivery
from ticktrail_alerts.finding import Look
from ticktrail_alerts.keeper import Keeper, open_keeper
from ticktrail_alerts.message import Alert, messages
from ticktrail_alerts.rule_settings import rules_in_force
from ticktrail_alerts.settings import AlertSettings
from ticktrail_alerts.state import KeptState

__all__ = ["open_alerts"]

DISK_LOOK_S = 30.0
"""How long a look at the disks may take: a file system that hangs is told of as one that cannot be looked at."""


@asynccontextmanager
async def open_alerts(settings: AlertSettings, context: ObserverContext) -> AsyncIterator[Observer]:
    """Watch a feed, and try at its end what is still to be sent.

    Raises:
        ConfigError: A secret or file of a channel cannot be used, or the state of the last run cannot be read or is
            in use by another process.
    """
    async with AsyncExitStack() as stack:
        keeper = stack.enter_context(open_keeper(settings, context))
        deliveries = []
        random = Random()  # noqa: S311 - jitter, not a secret
        for target in settings.to:
            channel = await stack.enter_async_context(open_channel(target, context.base_dir, context.clock))
            deliveries.append(
                Delivery(target, settings, channel, clock=context.clock, tell=context.tell, random=random)
            )
        watch = _Watch(settings, context, deliveries, keeper)
        watch.restore(keeper.kept)
        async with anyio.create_task_group() as tasks:
            for delivery in deliveries:
                tasks.start_soon(delivery.run)
            tasks.start_soon(watch.keep_looking)
            tasks.start_soon(watch.keep_looking_at_disks)
            try:
                yield watch
            finally:
                with anyio.move_on_after(settings.stop_s, shield=True):
                    await watch.end()
                tasks.cancel_scope.cancel()
                await watch.leave()


class _Watch:
    """The observer of one feed."""

    def __init__(
        self,
        settings: AlertSettings,
        context: ObserverContext,
        deliveries: Sequence[Delivery],
        keeper: Keeper,
    ) -> None:
        self._settings = settings
        self._context = context
        self._clock = context.clock
        self._deliveries = deliveries
        self._keeper = keeper
        self._board = Board(repeat_s=settings.repeat_s)
        self._conditions = conditions_of(rules_in_force(settings.rules))
        self._hearers: dict[type, list[Callable[[Record, int], None]]] = {}
        for condition in self._conditions:
            for kind in condition.hears:
                self._hearers.setdefault(kind, []).append(condition.hear)
        self._waiting: list[Alert] = []
        self._last_message_ns: int | None = None
        self._begun = 0
        self._resolved = 0
        self._changed = False
        self._is_stopping = False
        self._is_over = False

    async def observe(self, records: Sequence[Record]) -> None:
        """Let each rule hear what it wants to hear."""
        mono_ns = self._clock.mono_ns()
        for record in records:
            for hear in self._hearers.get(type(record), ()):
                hear(record, mono_ns)
            if type(record) is FeedStopping:
                self._is_stopping = True

    def summary(self) -> Mapping[str, int]:
        """Return how many alerts began, are over, and hold; and what became of the messages."""
        return {
            "begun": self._begun,
            "resolved": self._resolved,
            "holding": self._board.holding,
            "sent": sum(one.sent for one in self._deliveries),
            "waiting": sum(len(one.unsent) for one in self._deliveries),
            "lost": sum(one.lost for one in self._deliveries),
        }

    def trouble(self) -> str:
        """Return which channels fail, and whether the state cannot be kept."""
        failing = [f"{one.target.label}: {one.failing}" for one in self._deliveries if one.failing]
        if self._board.ignored:
            failing.append(f"{self._board.ignored:,} findings were not followed, for there were too many")
        return "; ".join([*failing, *([self._keeper.trouble] if self._keeper.trouble else [])])

    def restore(self, kept: KeptState) -> None:
        """Go on where the last run of the feed ended."""
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        self._board.restore(kept.holding, kept.ended, now_ns=now_ns, mono_ns=mono_ns)
        self._waiting += kept.waiting
        by_name = {one.target.label: one for one in self._deliveries}
        for name, unsent in kept.unsent.items():
            if name in by_name:
                by_name[name].restore(unsent, kept.lost.get(name, 0))
            elif unsent:
                self._context.warn(
                    f"alerts: the feed file has no channel {name} any more; {messages(len(unsent))} for it, not sent "
                    f"so far, are given up"
                )
        for condition in self._conditions:
            if isinstance(condition, Notices):
                condition.keep(
                    [
                        condition.find(one.text, about=one.about, severity=one.severity)
                        for one in kept.holding
                        if one.rule == condition.name and not is_our_own(one.about)
                    ]
                )

    async def keep_looking(self) -> None:
        """Look at the feed, have told what is new, and keep the state, every `look_s`."""
        while not self._is_over:
            self._look()
            self._tell(at_once=False)
            await self._keep()
            await anyio.sleep(self._settings.look_s)

    async def keep_looking_at_disks(self) -> None:
        """Look at the disks in a thread, where the rule is on."""
        for condition in self._conditions:
            if isinstance(condition, Disk):
                await self._watch_disks(condition)

    async def end(self) -> None:
        """Look for the last time, tell of the end, and try what waits."""
        self._is_stopping = self._is_over = True
        self._look()
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        for condition in self._conditions:
            if isinstance(condition, Stopped):
                finding = condition.conclude()
                begun = (
                    None if finding is None else self._board.begin(finding, now_ns=now_ns, mono_ns=mono_ns)
                )
                if begun is not None:
                    self._take([begun])
        self._tell(at_once=True)
        async with anyio.create_task_group() as tasks:
            for delivery in self._deliveries:
                tasks.start_soon(delivery.end)

    async def leave(self) -> None:
        """Keep what is left for the next run, and say so."""
        self._tell(at_once=True)  # where the time was up before
        self._changed = True
        await self._keep()
        for one in self._deliveries:
            if one.unsent:
                failing = f" ({one.failing})" if one.failing else ""
                kept = (
                    f"lost, for {self._keeper.trouble}"
                    if self._keeper.trouble
                    else f"kept in {self._keeper.path}, and tried again when the feed starts"
                )
                self._context.warn(
                    f"alerts: {messages(len(one.unsent))} could not be sent to {one.target.label}{failing}; {kept}"
                )

    def _look(self) -> None:
        status = self._context.status()
        if status is None:
            return
        look = Look(status, self._clock.mono_ns(), self._board.holds)
        unseen = {one.name for one in self._conditions if one.is_of_legs} if self._is_stopping else set()
        seeing = [one for one in self._conditions if one.name not in unseen]
        findings = [finding for one in seeing for finding in one.look(look)]
        told = self._board.look(findings, now_ns=self._clock.now_ns(), mono_ns=look.mono_ns, unseen=unseen)
        self._take(told)

    def _take(self, alerts: Sequence[Alert]) -> None:
        if alerts:
            self._waiting += alerts
            self._changed = True
            self._begun += sum(alert.state == "begun" for alert in alerts)
            self._resolved += sum(alert.state == "resolved" for alert in alerts)

    def _tell(self, *, at_once: bool) -> None:
        """Offer what is new to every channel: the first at once, what follows soon after it together."""
        if not self._waiting:
            return
        mono_ns = self._clock.mono_ns()
        last_ns = self._last_message_ns
        if not at_once and last_ns is not None and mono_ns - last_ns < self._settings.group_s * 1e9:
            return
        message_id = f"msg_{secrets.token_hex(12)}"
        alerts = self._board.name_message(self._waiting, message_id)
        self._waiting = []
        self._last_message_ns = mono_ns
        for delivery in self._deliveries:
            delivery.offer(alerts, message_id=message_id, feed=self._context.feed, at_ns=self._clock.now_ns())

    async def _keep(self) -> None:
        """Write the state where it is another than the one on the disk."""
        if not self._changed and not any(one.changed for one in self._deliveries):
            return
        self._changed = False
        for one in self._deliveries:
            one.changed = False
        state = KeptState(
            feed=self._context.feed,
            holding=self._board.kept(),
            ended=self._board.kept_ends(now_ns=self._clock.now_ns(), mono_ns=self._clock.mono_ns()),
            waiting=self._waiting,
            unsent={one.target.label: one.unsent for one in self._deliveries if one.unsent},
            lost={one.target.label: one.lost_before for one in self._deliveries if one.lost_before},
        )
        if not await self._keeper.write(state):
            self._changed = True

    async def _watch_disks(self, disk: Disk) -> None:
        paths = self._paths(disk.settings.paths)
        limiter = anyio.CapacityLimiter(1)
        while True:
            hung = True
            with anyio.move_on_after(DISK_LOOK_S):
                disk.take(
                    await anyio.to_thread.run_sync(
                        look_at_disks, paths, abandon_on_cancel=True, limiter=limiter
                    )
                )
                hung = False
            if hung:
                disk.take_hung(paths, DISK_LOOK_S)
            await anyio.sleep(disk.settings.every_s)

    def _paths(self, more: Sequence[str]) -> Sequence[Path]:
        base = self._context.base_dir
        return list(dict.fromkeys([base, self._keeper.path.parent, *(base / path for path in more)]))
