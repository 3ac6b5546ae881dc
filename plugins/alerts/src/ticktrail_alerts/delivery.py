"""Get messages through one channel: in order, again until it works, and never in anybody's way.

Owns: a channel's queue, its pauses, and what is said of a channel that fails.
Never: waits for another channel, or lets its queue grow beyond its bound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Literal

import anyio
import msgspec

from ticktrail.events import Notice
from ticktrail.plugin import Clock
from ticktrail.text import one_line
from ticktrail_alerts.channels import Channel, ChannelError
from ticktrail_alerts.finding import RANK
from ticktrail_alerts.message import Alert, Message, compose
from ticktrail_alerts.settings import AlertSettings, Target

__all__ = ["FAILING", "Delivery"]

FAILING: Final = "channel_failing"
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0
TOLD_AFTER: Final = 3
"""Failures in a row after which a channel counts as failing: one lost connection is no news."""
_MOST_DOUBLINGS: Final = 16


class Delivery:
    """One channel, with what waits for it.

    Args:
        target: Its settings.
        settings: The bounds of all channels.
        channel: It.
        clock: For the age of messages.
        tell: Takes the notice that it fails, and that it does no more.
        random: For the jitter of pauses.

    Attributes:
        sent: Messages that were taken.
        lost: Messages that were given up.
        failing: Why it fails; empty where it does not.
        changed: Set to true where the queue is not what it was; whoever keeps it sets it back.
    """

    def __init__(
        self,
        target: Target,
        settings: AlertSettings,
        channel: Channel,
        *,
        clock: Clock,
        tell: Callable[[Notice], None],
        random: Random,
    ) -> None:
        self.target = target
        self.sent = 0
        self.lost = 0
        self.failing = ""
        self.changed = False
        self._settings = settings
        self._channel = channel
        self._clock = clock
        self._tell = tell
        self._random = random
        self._lost_before = 0
        self._failures = 0
        self._queue: deque[Message] = deque()
        self._filled = anyio.Event()
        self._ending = anyio.Event()
        self._one_at_a_time = anyio.Lock()

    @property
    def unsent(self) -> Sequence[Message]:
        """What waits, in order."""
        return tuple(self._queue)

    @property
    def lost_before(self) -> int:
        """Messages that were lost and of which the receiver does not know."""
        return self._lost_before

    def restore(self, messages: Sequence[Message], lost: int) -> None:
        """Take what the last run left."""
        self._lost_before += lost
        for message in messages:
            self._put(message)

    def offer(self, alerts: Sequence[Alert], *, message_id: str, feed: str, at_ns: int) -> None:
        """Queue a message of those alerts that are for this channel; never waits."""
        target = self.target
        wanted = [
            alert
            for alert in alerts
            if RANK[alert.severity] >= RANK[target.from_severity]
            and (not target.rules or alert.rule in target.rules)
        ]
        if wanted:
            self._put(compose(wanted, message_id=message_id, feed=feed, at_ns=at_ns))

    async def run(self) -> None:
        """Send what comes until `end`."""
        while not self._ending.is_set():
            if not self._queue:
                self._filled = anyio.Event()
                await self._filled.wait()
                continue
            pause_s = await self._send_first()
            if pause_s > 0:
                with anyio.move_on_after(pause_s):
                    await self._ending.wait()

    async def end(self) -> None:
        """Try what waits once more, in order, until one fails; the caller sets the deadline."""
        self._ending.set()
        self._filled.set()
        while self._queue:
            if await self._send_first() > 0:
                return

    def _put(self, message: Message) -> None:
        if len(self._queue) >= self._settings.queue:
            self._queue.popleft()
            self._give_up()
        self._queue.append(message)
        self.changed = True
        self._filled.set()

    def _give_up(self) -> None:
        self.lost += 1
        self._lost_before += 1
        self.changed = True

    async def _send_first(self) -> float:
        """Try the first message; returns how long to rest before the next try."""
        async with self._one_at_a_time:
            if not self._queue:
                return 0.0
            message = self._queue[0]
            told = self._lost_before
            try:
                with anyio.fail_after(self.target.timeout_s):
                    note = await self._channel.send(msgspec.structs.replace(message, lost_before=told))
            except ChannelError as exc:
                return self._failed(message, exc)
            except TimeoutError:
                within = f"{self.target.timeout_s:g} s"
                return self._failed(message, ChannelError(f"no answer within {within}"))
            except Exception as exc:  # noqa: BLE001 - a defect of a channel: it is told, and no other one hears of it
                said = one_line(f"a message cannot be sent, by a defect: {type(exc).__name__}: {exc}")
                is_of_message = isinstance(
                    exc, ValueError | TypeError
                )  # it would stay so, and hold up the next one
                return self._failed(message, ChannelError(said, is_refused=is_of_message))
            # no checkpoint until it is known that it was sent
            self._take_out(message)
            self._lost_before -= told
            self.sent += 1
            self._failures = 0
            self._say(note)
            return 0.0

    def _failed(self, message: Message, error: ChannelError) -> float:
        self._failures += 1
        age_s = (self._clock.now_ns() - message.at_ns) / 1e9
        is_given_up = error.is_refused or age_s > self._settings.give_up_s
        if is_given_up:
            self._take_out(message)
            self._give_up()
        if self._failures >= TOLD_AFTER or is_given_up:
            self._say(str(error))
        if error.is_refused:
            return 0.0
        if error.retry_after_s is not None:
            return error.retry_after_s
        doubled = FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, _MOST_DOUBLINGS)
        return self._random.uniform(FIRST_PAUSE_S / 10, min(doubled, LONGEST_PAUSE_S))

    def _take_out(self, message: Message) -> None:
        """Take a message out of the queue, unless a newer one has pushed it out meanwhile."""
        if self._queue and self._queue[0] is message:
            self._queue.popleft()
        self.changed = True

    def _say(self, trouble: str) -> None:
        """Tell once that the channel fails, and once that it does no more."""
        before, self.failing = self.failing, trouble
        if bool(before) == bool(trouble):
            return
        text = (
            f"alerts cannot be sent to {self.target.label}: {trouble}; mend it, and try it with "
            f"`ticktrail alerts test FEED.toml`"
            if trouble
            else f"alerts are sent to {self.target.label} again"
        )
        self._notice("warning" if trouble else "information", text, is_over=not trouble)

    def _notice(self, severity: Literal["information", "warning"], text: str, *, is_over: bool) -> None:
        self._tell(
            Notice(
                at_ns=self._clock.now_ns(),
                source="alerts",
                name=FAILING,
                about=self.target.label,
                severity=severity,
                text=text,
                is_over=is_over,
            )
        )
