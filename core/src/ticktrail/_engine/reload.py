"""Let a running feed go by another plan of the same shape: other instruments, other limits.

Owns: what must hold before anything changes, and the order in which the parts change.
Never: changes a part by itself; each has a way of its own to take what was prepared.

Everything that can fail comes first: the file is composed, each difference looked at, every provider and rule opened.
Then the route changes between two batches, and after it the legs: so that it knows an instrument before a leg brings
it. A leg whose instruments differ ends its session and opens another; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import anyio
import anyio.to_thread

from ticktrail._contracts.clock import Clock
from ticktrail._engine.bus import Bus
from ticktrail._engine.cache import LatestCache
from ticktrail._engine.judges import panel_of_route
from ticktrail._engine.leg import Leg, LegChange
from ticktrail._engine.quality import QualityLog
from ticktrail._engine.route import Route, RouteChange
from ticktrail._host import Host
from ticktrail._plan.compose import compose_document
from ticktrail._plan.difference import INSTRUMENTS, Difference, differences
from ticktrail._plan.model import Plan
from ticktrail._plan.render import render
from ticktrail._settings.document import Document, read_document, with_added
from ticktrail.errors import ConfigError, RouteError
from ticktrail.events import FeedReloaded
from ticktrail.model import InstrumentId, ProviderId

__all__ = ["Outcome", "Reloader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is applied, or would be; what needs a restart; what the new plan warns of."""

    applied: Sequence[str]
    refused: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Reloader:
    """The one who changes a feed while it runs, one change at a time.

    Args:
        plan: What runs.
        legs: All of them.
        route: Between legs and lanes.
        cache: The latest values, where they are kept.
        quality: Records what the rules find.
        bus: For the event.
        clock: For its time.
        in_force: Is given each plan that the feed goes by from now on.
    """

    def __init__(
        self,
        plan: Plan,
        legs: Sequence[Leg],
        route: Route,
        *,
        cache: LatestCache | None,
        quality: QualityLog,
        bus: Bus,
        clock: Clock,
        in_force: Callable[[Plan], None],
    ) -> None:
        self.plan = plan
        self._legs = {leg.name: leg for leg in legs}
        self._route = route
        self._cache = cache
        self._quality = quality
        self._bus = bus
        self._clock = clock
        self._in_force = in_force
        self._number = 0
        self._lock = anyio.Lock()

    async def reload(self, *, dry: bool = False) -> Outcome:
        """Compose the feed file anew and go by it; with `dry` only tell what would come of it.

        Raises:
            ConfigError: The file has faults, or a difference that needs a restart; nothing has changed.
            FeedError: The route or a plugin cannot take it; nothing has changed.
        """
        async with self._lock:
            before = self._document()
            after = with_added(read_document(before.base_dir / before.path.name), before.added)
            return await self._go_by(after, dry=dry)

    async def subscribe(self, names: Sequence[InstrumentId]) -> Outcome:
        """Add instruments.

        Raises:
            RouteError: The feed has one of them; nothing has changed.
            FeedError: As of `reload`.
        """
        async with self._lock:
            known = [name for name in names if name in self.plan.instruments]
            if known:
                raise RouteError(f"the feed has {', '.join(known)} already; nothing was done")
            return await self._go_by(self._asking_for((*self.plan.instruments, *dict.fromkeys(names))))

    async def unsubscribe(self, names: Sequence[InstrumentId]) -> Outcome:
        """Take instruments out.

        Raises:
            RouteError: The feed does not have one of them; nothing has changed.
            FeedError: As of `reload`.
        """
        async with self._lock:
            strange = [name for name in names if name not in self.plan.instruments]
            if strange:
                raise RouteError(f"the feed has no {', '.join(strange)}; nothing was done")
            left = tuple(name for name in self.plan.instruments if name not in names)
            if not left:
                raise RouteError("the feed would have no instrument left; stop it with `ticktrail ctl stop`")
            return await self._go_by(self._asking_for(left))

    def _document(self) -> Document:
        if self.plan.document is None:
            raise RouteError("this feed was not composed of a file; start it anew to change it")
        return self.plan.document

    def _asking_for(self, instruments: Sequence[InstrumentId]) -> Document:
        """Return the file in force, with other instruments."""
        document = self._document()
        feed = document.tables["feed"]
        assert isinstance(feed, dict)  # noqa: S101 - it was composed
        tables = {**document.tables, "feed": {**feed, INSTRUMENTS[1]: list(instruments)}}
        return replace(document, tables=tables, problems=[])

    async def _go_by(self, document: Document, *, dry: bool = False) -> Outcome:
        found = differences(self._document(), document)
        refused = tuple(difference.text for difference in found if not difference.applies)
        applied = tuple(
            _told(difference, self._document(), document) for difference in found if difference.applies
        )
        if any(difference.at[0] == "plugins" for difference in found):
            raise ConfigError(*refused)  # what other plugins would make of the file cannot be said here
        # A provider's check may read files, which must not keep the data waiting.
        host = self.plan.registry if isinstance(self.plan.registry, Host) else None
        plan = await anyio.to_thread.run_sync(partial(compose_document, document, host))
        plan = replace(plan, resumes=self.plan.resumes)
        warnings = tuple(warning for warning in plan.warnings if warning not in self.plan.warnings)
        if refused and not dry:
            raise ConfigError(*refused)
        if not refused:
            self._see_that_the_route_can(plan)
            if not dry:
                self._commit(plan, applied)
        return Outcome(applied=applied, refused=refused, warnings=warnings)

    def _see_that_the_route_can(self, plan: Plan) -> None:
        """Refuse what would move an instrument that stays, or what a kind of node cannot take.

        Raises:
            RouteError: It does.
        """
        before, after = frozenset(self.plan.instruments), frozenset(plan.instruments)
        if before == after:
            return
        if self._route.fixed:
            raise RouteError(
                f"a route of the kind {', '.join(self._route.fixed)} cannot have other instruments while it runs; "
                "change [feed] instruments in the file, and start the feed anew"
            )
        stay = before & after
        for old, new in zip(self.plan.legs, plan.legs, strict=True):
            moved = sorted((frozenset(old.instruments) ^ frozenset(new.instruments)) & stay)
            if moved:
                raise RouteError(
                    f"{', '.join(moved)} would come from another leg than now; change [feed] instruments in the file, "
                    "and start the feed anew"
                )

    def _commit(self, plan: Plan, applied: Sequence[str]) -> None:
        """Prepare every part, and only then let them change: nothing here waits.

        Raises:
            PluginError: A provider or a rule cannot be opened; nothing has changed.
        """
        number, before = self._number + 1, self.plan
        renewed = {
            new.name: frozenset(new.instruments)
            for old, new in zip(before.legs, plan.legs, strict=True)
            if frozenset(old.served) != frozenset(new.served)
        }
        changes = {
            leg.name: self._legs[leg.name].prepare(number, leg, plan, anew=leg.name in renewed)
            for leg in plan.legs
        }
        panel = panel_of_route(self._route.judge, plan, self._clock, self._bus)
        for name, change in changes.items():
            self._legs[name].judge.expect(change.panel)
        self._route.judge.expect(panel)
        self._number, self.plan = number, plan
        self._route.change(
            RouteChange(
                number=number,
                plan=plan,
                panel=panel,
                renewed=renewed,
                then=partial(self._follow, before, plan, changes, applied, tuple(renewed)),
            )
        )

    def _follow(
        self,
        before: Plan,
        plan: Plan,
        changes: dict[ProviderId, LegChange],
        applied: Sequence[str],
        renewed: Sequence[ProviderId],
    ) -> None:
        """Change all that is not the route's own, now that the route goes by the plan."""
        had, has = frozenset(before.instruments), frozenset(plan.instruments)
        self._bus.publish(
            FeedReloaded(
                at_ns=self._clock.now_ns(),
                from_sha256=before.settings_sha256,
                to_sha256=plan.settings_sha256,
                applied=applied,
                added=[name for name in plan.instruments if name not in had],
                removed=[name for name in before.instruments if name not in has],
                renewed=renewed,
                plan=render(plan),
            )
        )
        if self._cache is not None and plan.cache is not None:
            self._cache.limit(ttl_s=plan.cache.ttl_s, max_entries=plan.cache.max_entries)
        panels = (*(change.panel for change in changes.values()), self._route.judge.panel)
        qualities = [quality for panel in panels for quality in panel.qualities.values()]
        self._quality.follow(qualities, plan.validation.quality_every_s)
        for name, change in changes.items():
            self._legs[name].take(change)
        self._in_force(plan)


def _told(difference: Difference, before: Document, after: Document) -> str:
    """Return what to tell of a difference that applies; of instruments, which."""
    if difference.at != INSTRUMENTS:
        return difference.text
    old, new = (_listed(document) for document in (before, after))
    added = [f"+{name}" for name in new if name not in old]
    removed = [f"-{name}" for name in old if name not in new]
    return f"[feed] instruments: {' '.join((*added, *removed)) or 'in another order'}"


def _listed(document: Document) -> Sequence[object]:
    feed = document.tables["feed"]
    listed = feed.get(INSTRUMENTS[1]) if isinstance(feed, dict) else None
    return listed if isinstance(listed, list) else ()
