"""Turn a feed's plan into the plan of a backfill: one leg, whose source is the venue's archive.

Owns: which leg, channels, instruments and sinks take part, and what to say where they cannot.
Never: changes how ticks are judged, routed, delivered or audited: a backfill is a feed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from ticktrail._backfill.job import Job, Progress, Series
from ticktrail._backfill.source import HistorySource
from ticktrail._contracts.provider import Provider, ProviderContext
from ticktrail._contracts.settings import Settings
from ticktrail._plan.model import ClockSettings, LegPlan, NodePlan, Plan, SinkPlan
from ticktrail._plan.route import mute_legs_of
from ticktrail.errors import ConfigError
from ticktrail.model import Channel, InstrumentId

__all__ = ["Backfill", "plan_backfill"]


class Backfill:
    """A backfill that is ready to run: `plan` for a `Runner`, and how far it has come."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self.plan = plan
        self.progress = progress


def plan_backfill(
    plan: Plan,
    *,
    start_ns: int,
    end_ns: int,
    open_end: bool = False,
    provider: str | None = None,
    channels: Sequence[str] = (),
    instruments: Sequence[str] = (),
    sinks: Sequence[str] = (),
    state_dir: Path | None = None,
    restart: bool = False,
) -> Backfill:
    """Return the backfill of a feed.

    Args:
        plan: The feed's.
        start_ns: UTC nanoseconds, inclusive.
        end_ns: The same, exclusive.
        open_end: The end is now; a backfill that goes on keeps the end that it had.
        provider: The leg to ask; by default the first in the route that has a history of what is wanted.
        channels: What to fetch; by default those of the feed that the leg has a history of.
        instruments: By default the feed's.
        sinks: Names of the feed's sinks that are to have it; by default all.
        state_dir: Folder of the file that keeps the place; by default the feed file's.
        restart: Begin anew where an earlier run was interrupted.

    Raises:
        ConfigError: No such leg, channel, instrument or sink, or no period; what there is is named.
    """
    if start_ns >= end_ns:
        raise ConfigError("the period is empty, or ends before it begins: --from must lie before --to")
    leg = _leg(plan, provider, channels)
    chosen = _channels(plan, leg, channels)
    names = _among("instrument", instruments, plan.instruments)
    lanes = [
        replace(sink, on_overflow="block", max_block_s=None)  # an archive waits for ever, and loses nothing
        for sink in plan.sinks
        if sink.name in _among("sink", sinks, [sink.name for sink in plan.sinks])
    ]
    if not lanes:
        raise ConfigError("the feed has no sink, and a backfill would go nowhere; add a [[sinks]] table")
    job = Job(
        provider=leg.name,
        sinks=[lane.name for lane in lanes],
        series=[Series(instrument, channel) for instrument in names for channel in chosen],
        start_ns=start_ns,
        end_ns=end_ns,
        open_end=open_end,
        source_sha256=_source_sha256(leg),
    )
    progress = Progress(job, state_dir or plan.base_dir, restart=restart)
    return Backfill(_as_feed(plan, leg, lanes, names, frozenset(chosen), progress), progress)


def _as_feed(
    plan: Plan,
    leg: LegPlan,
    sinks: Sequence[SinkPlan],
    instruments: Sequence[InstrumentId],
    channels: frozenset[Channel],
    progress: Progress,
) -> Plan:
    opens = leg.spec.history
    assert opens is not None  # noqa: S101 - `_leg` chose one that has it

    def open_source(settings: Settings, context: ProviderContext) -> Provider:
        if leg.spec.check is not None:
            leg.spec.check(settings, context)
        return HistorySource(
            lambda tell: opens(settings, context, tell),
            progress,
            leg,
            clock=context.clock,
            backoff=plan.backoff,
            stop_s=plan.limits.stop_s,
        )

    source = replace(
        leg,
        spec=replace(leg.spec, open=open_source),
        # What an archive gives was stamped long ago: this machine's clock has no part in it.
        capabilities=replace(leg.capabilities, channels=channels, own_clock=True),
    )
    return replace(
        plan,
        instruments=tuple(instruments),
        channels=channels,
        legs=(source,),
        route=NodePlan(label=leg.name, leg=leg.name),
        sinks=tuple(sinks),
        clock=ClockSettings(servers=()),
        cache=None,
        repair=None,
        resumes=progress.resumed,
        warnings=(),
    )


def _source_sha256(leg: LegPlan) -> str:
    """Return a digest of what decides what a leg's archive gives; cursors mean nothing to another one."""
    source = [leg.spec.name, msgspec.to_builtins(leg.settings), dict(leg.equivalents)]
    return hashlib.sha256(msgspec.json.encode(source)).hexdigest()


def _leg(plan: Plan, name: str | None, channels: Sequence[str]) -> LegPlan:
    """Return the leg to ask."""
    able = [leg for leg in plan.legs if leg.spec.history is not None and leg.capabilities.history]
    if name is not None:
        _among("provider", [name], [leg.name for leg in plan.legs])
        able = [leg for leg in able if leg.name == name]
    else:
        mute = mute_legs_of(plan.route)
        able = [leg for leg in able if leg.name not in mute]
    if not able:
        asked = f'"{name}"' if name is not None else "any leg of the route"
        raise ConfigError(
            f"{asked} has no history that could be fetched; `ticktrail check` tells what each leg has"
        )
    wanted = set(channels or plan.channels)
    return next((leg for leg in able if wanted & leg.capabilities.history), able[0])


def _channels(plan: Plan, leg: LegPlan, asked: Sequence[str]) -> Sequence[Channel]:
    history = sorted(leg.capabilities.history)
    wanted: Callable[[Channel], bool] = (
        (lambda channel: channel in asked) if asked else (lambda channel: channel in plan.channels)
    )
    chosen = [channel for channel in history if wanted(channel)]
    lacking = [channel for channel in asked if channel not in history]
    if lacking or not chosen:
        told = ", ".join(f'"{name}"' for name in lacking or sorted(plan.channels))
        raise ConfigError(
            f'leg "{leg.name}" has no history of {told}; it has {", ".join(history)}: ask for those with --channel'
        )
    return chosen


def _among(what: str, asked: Sequence[str], there: Sequence[str]) -> Sequence[InstrumentId]:
    """Return those asked for, in the feed's order, or all."""
    for name in asked:
        if name not in there:
            raise ConfigError(f'the feed has no {what} "{name}"; it has {", ".join(there)}')
    return [InstrumentId(name) for name in there if not asked or name in asked]
