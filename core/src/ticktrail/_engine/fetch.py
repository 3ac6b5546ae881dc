"""Ask a leg's archive for the latest value of an instrument, where none fresh was delivered.

Owns: which leg is asked, how far back, and how long an answer is good for.
Never: retries, delivers what it fetched, or lets a rule judge it: a question is answered, the feed is not touched.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeAlias

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.history import History
from ticktrail._contracts.provider import Tell
from ticktrail._engine.archive import archive_of, has_archive, served_by
from ticktrail._engine.cache import LatestCache
from ticktrail._engine.equivalents import Equivalents
from ticktrail._engine.single_flight import SingleFlight
from ticktrail._plan.model import LegPlan, Plan
from ticktrail._plan.route import mute_legs_of
from ticktrail.errors import ConfigError, ProviderError
from ticktrail.latest import Latest
from ticktrail.model import CHANNEL_OF, Bar, Channel, InstrumentId, Tick, Undecodable

__all__ = ["Fetcher"]

BACK_S = (2, 30, 3_600)
"""How far back is looked, one after the other until something is there: a busy market's last seconds are few pages."""
MOST_PAGES = 10
"""Pages of one period that are asked for; of a busier market the last tick of them is the answer, and its age tells."""

_Key: TypeAlias = tuple[InstrumentId, Channel]


class Fetcher:
    """The questions of one feed.

    Args:
        plan: The feed's.
        cache: What was delivered last.
        clock: The feed's.
        tell: Takes what a venue has to say meanwhile, such as that it asks to wait.
    """

    def __init__(self, plan: Plan, cache: LatestCache, *, clock: Clock, tell: Tell) -> None:
        self.plan = plan
        self._mute = mute_legs_of(plan.route)
        self._cache = cache
        self._clock = clock
        self._tell = tell
        self._answers: OrderedDict[_Key, tuple[Tick, int, int]] = OrderedDict()
        self._flights: SingleFlight[_Key, None] = SingleFlight()

    async def fetch(self, instrument: InstrumentId, channel: Channel) -> Latest | None:
        """Return the latest value: what was delivered while it is fresh, what the venue's archive says otherwise.

        Raises:
            ConfigError: No leg has a history of it.
            TransientError: The archive could not be asked now.
            PermanentError: It will not answer.
        """
        legs = self._legs(instrument, channel)
        if not self._knows(instrument, channel):
            await self._flights.ask((instrument, channel), lambda: self._ask_legs(legs, instrument, channel))
        return self._known(instrument, channel)

    def _legs(self, instrument: InstrumentId, channel: Channel) -> Sequence[LegPlan]:
        able = [
            leg
            for leg in self.plan.legs
            if has_archive(leg, instrument, channel) and leg.name not in self._mute
        ]
        if not able:
            raise ConfigError(
                f"no leg of the feed has a history of {instrument} {channel}; `ticktrail check` tells what each has"
            )
        return able

    def _knows(self, instrument: InstrumentId, channel: Channel) -> bool:
        """Tell whether nobody need be asked: a fresh value was delivered, or the same was asked a moment ago."""
        delivered = self._cache.get(instrument, channel, self._clock.mono_ns())
        if delivered is not None and not delivered.is_stale:
            return True
        answer = self._answers.get((instrument, channel))
        return answer is not None and self._clock.mono_ns() - answer[2] <= self._cache.ttl_s * 1e9

    def _known(self, instrument: InstrumentId, channel: Channel) -> Latest | None:
        """Return the younger of what was delivered and what was fetched."""
        mono_ns = self._clock.mono_ns()
        delivered = self._cache.get(instrument, channel, mono_ns)
        answer = self._answers.get((instrument, channel))
        if answer is None:
            return delivered
        tick, happened_ns, _ = answer
        age_s = max(0, mono_ns - happened_ns) / 1e9
        if delivered is not None and (not delivered.is_stale or delivered.age_s <= age_s):
            return delivered
        return Latest(tick=tick, age_s=age_s, is_stale=age_s > self._cache.ttl_s)

    async def _ask_legs(self, legs: Sequence[LegPlan], instrument: InstrumentId, channel: Channel) -> None:
        """Ask the legs in the route's order until one answers; the error of the first is the one that is told."""
        first_error: ProviderError | None = None
        for leg in legs:
            try:
                tick = await self._ask(leg, instrument, channel)
            except ProviderError as exc:
                first_error = first_error or exc
                continue
            if tick is not None:
                self._remember(instrument, channel, tick)
            return
        assert first_error is not None  # noqa: S101 - there is a leg, and it has not answered
        raise first_error

    def _remember(self, instrument: InstrumentId, channel: Channel, tick: Tick) -> None:
        mono_ns = self._clock.mono_ns()
        now_ns = self._clock.now_ns() + (self._clock.offset_ns or 0)
        at_ns = tick.end_ns if isinstance(tick, Bar) else tick.event_ns
        age_ns = 0 if at_ns is None else max(0, now_ns - at_ns)
        self._answers[instrument, channel] = (tick, mono_ns - age_ns, mono_ns)
        self._answers.move_to_end((instrument, channel))
        while len(self._answers) > self._cache.max_entries:
            self._answers.popitem(last=False)

    async def _ask(self, leg: LegPlan, instrument: InstrumentId, channel: Channel) -> Tick | None:
        """Return the newest tick that a leg's archive has of late."""
        served = served_by(leg, instrument)
        found: Tick | None = None
        async with archive_of(
            leg, self.plan, instrument, channel, clock=self._clock, tell=self._tell
        ) as history:
            for back_s in BACK_S:
                found = await self._newest(history, served, channel, back_s)
                if found is not None:
                    break
        if found is None:
            return None
        (renamed,) = Equivalents({instrument: served} if served != instrument else {}).rename([found])
        assert not isinstance(renamed, Undecodable)  # noqa: S101 - a tick stays one under another name
        return renamed

    async def _newest(
        self, history: History, served: InstrumentId, channel: Channel, back_s: int
    ) -> Tick | None:
        end_ns = self._clock.now_ns()
        cursor: str | None = None
        found: Tick | None = None
        for _ in range(MOST_PAGES):
            page = await history.page(
                served, channel, start_ns=end_ns - back_s * 1_000_000_000, end_ns=end_ns, cursor=cursor
            )
            for tick in reversed(page.ticks):
                if tick.instrument == served and CHANNEL_OF.get(type(tick)) == channel:
                    found = tick
                    break
            if page.cursor is None or page.cursor == cursor:
                break
            cursor = page.cursor
        return found
