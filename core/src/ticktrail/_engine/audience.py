"""Hold the observers of one feed: what each is told, what it counts, and how far behind it is.

Owns: the life of every observer, and what an observer may do to a feed: warn, tell a notice, ask how the feed stands.
Never: decides what is observed (the bus carries everything to everyone).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import anyio
import anyio.abc
import msgspec

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.known_secrets import without_secrets
from ticktrail._contracts.observer import Observer, ObserverContext, Troubled
from ticktrail._contracts.page import PageContext, PageOffer
from ticktrail._engine.bench import words_of
from ticktrail._engine.bus import Bus, Queue
from ticktrail._engine.fitting import misfit_of_event
from ticktrail._plan.model import ObserverPlan, Plan
from ticktrail.errors import PluginError
from ticktrail.events import Notice
from ticktrail.status import FeedStatus, ObserverStatus

__all__ = ["Audience"]


class Audience:
    """All observers of a feed.

    Args:
        plan: The feed's, as it starts.
        bus: Carries the records.
        clock: For the observers' own times.
        warn: Tells the person who runs the feed something.
        status: Tells how the feed stands.
    """

    def __init__(
        self,
        plan: Plan,
        bus: Bus,
        clock: Clock,
        *,
        warn: Callable[[str], None],
        status: Callable[[], FeedStatus | None],
    ) -> None:
        self._plan = plan
        self._bus = bus
        self._early: list[Notice] | None = []
        self._seated: dict[str, tuple[ObserverPlan, Observer, Queue]] = {}
        page = PageContext(feed=plan.name, clock=clock, base_dir=plan.base_dir)
        self._context = ObserverContext(
            feed=plan.name,
            clock=clock,
            base_dir=plan.base_dir,
            warn=warn,
            tell=self._tell,
            status=status,
            pages=tuple(
                PageOffer(
                    name=spec.name,
                    title=spec.title,
                    every_s=spec.every_s,
                    open=partial(spec.open, settings, page),
                )
                for spec, settings in plan.pages
            ),
        )

    async def open(self, tasks: anyio.abc.TaskGroup) -> None:
        """Open each in turn; they live in the task group until the bus is closed and they have seen all of it.

        What one tells while it opens is told once all are open: the last of them is to hear of it too.
        """
        try:
            for plan in self._plan.observers:
                await tasks.start(self._observe, plan)
        finally:
            early, self._early = self._early or (), None
            for notice in early:
                self._bus.publish(notice)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return what each observer counted, by its report key."""
        return {plan.spec.report_key: _summary(plan, observer) for plan, observer, _ in self._seated.values()}

    def status(self) -> Mapping[str, ObserverStatus]:
        """Return how each stands."""
        return {
            name: ObserverStatus(
                waiting=queue.weight,
                bound=self._plan.limits.observer_ticks,
                counts=_summary(plan, observer),
                trouble=observer.trouble() if isinstance(observer, Troubled) else "",
                keeps_record=plan.spec.unjournalled is not None,
                levels=sorted(plan.spec.levels),
            )
            for name, (plan, observer, queue) in self._seated.items()
        }

    def _tell(self, notice: Notice) -> None:
        if type(notice) is not Notice or (why := misfit_of_event(notice)):
            why = f"a {type(notice).__name__} is none" if type(notice) is not Notice else why
            raise TypeError(f"a notice cannot be told: {why}")
        notice = msgspec.structs.replace(notice, text=without_secrets(notice.text))
        if self._early is None:
            self._bus.publish(notice)
        else:
            self._early.append(notice)

    async def _observe(self, plan: ObserverPlan, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        first = plan.spec.before_delivery
        queue = self._bus.attach(first=first is not None and first(plan.settings))
        async with plan.spec.open(plan.settings, self._context) as observer:
            self._seated[plan.spec.name] = (plan, observer, queue)
            task_status.started()
            await queue.feed(observer)


def _summary(plan: ObserverPlan, observer: Observer) -> Mapping[str, int]:
    """Return what an observer counted.

    Raises:
        PluginError: It cannot say, or what it says are no counts.
    """
    try:
        return msgspec.convert(dict(observer.summary()), dict[str, int])
    except Exception as exc:
        raise PluginError(
            f"observer {plan.spec.name}: its summary() is no mapping of texts to whole numbers ({words_of(exc)}); "
            "report it to its plugin's authors"
        ) from exc
