"""Run the commands for service providers.

Owns: what is read of a log for each, and what a person or a program is shown.
Never: sums up; `ticktrail_compliance.oversight.history` does.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail.events import PluginLoaded
from ticktrail.model import Gap
from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import acting, reading
from ticktrail_compliance.acts import ProviderReviewed, actor_here
from ticktrail_compliance.acts.oversight import ReviewOutcome
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.naming import find_named
from ticktrail_compliance.oversight.feedfile import FeedFacts, legs_of, load_facts
from ticktrail_compliance.oversight.history import leg_histories
from ticktrail_compliance.oversight.register import REVIEW_CLASS, Standing, day_of, last_reviews, standings
from ticktrail_compliance.oversight.running import last_run
from ticktrail_compliance.oversight.settings import ServiceProvider
from ticktrail_compliance.oversight.text import list_lines, show_lines
from ticktrail_compliance.oversight.told import IncidentTold, Listed, PluginTold, ReviewTold, Shown
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.reading import (
    EVENTS,
    Range,
    conditions,
    entry_of,
    open_records,
    open_summary,
    read_records,
    unreadable,
)
from ticktrail_compliance.records import StoredRouted
from ticktrail_compliance.store.log import AuditLog

__all__ = ["list_of", "review", "show"]


def list_of(feed_file: Path, *, overdue: bool, as_json: bool) -> int:
    """Print the providers of the policy in force; return the exit status."""
    facts = load_facts(feed_file)
    named = find_named(feed_file, None, None)
    with reading(named, "check", asked("compliance providers list"), "to see the register") as log:
        policy = _policy(log)
        found = standings(policy, last_reviews(log), day_of(time.time_ns()))
        plugins = _plugins(log, facts)
    listed = [_listed(one, facts, plugins) for one in found if one.is_overdue or not overdue]
    if as_json:
        click.echo(msgspec.json.encode({"providers": listed}))
    else:
        for line in list_lines(listed, overdue=overdue):
            click.echo(one_line(line))
    return 1 if overdue and listed else 0


def show(feed_file: Path, name: str, *, from_ns: int | None, to_ns: int | None, as_json: bool) -> None:
    """Print what the log says of one provider in a period."""
    facts = load_facts(feed_file)
    what = asked("compliance providers show", provider=name, from_ns=from_ns, to_ns=to_ns)
    with reading(find_named(feed_file, None, None), "check", what, "to oversee a provider") as log:
        policy = _policy(log)
        _see_known(policy, name)
        left_out = LeftOut(log)
        standing = next(
            one for one in standings(policy, last_reviews(log), day_of(time.time_ns())) if one.name == name
        )
        legs = legs_of(standing.provider, facts.plugins, standing.provider.legs)
        events = (
            (header.seq, header.writer, record)
            for header, record in read_records(
                log, Range(until_ns=to_ns, classes=EVENTS), left_out.passes_over
            )
        )
        gaps = _gaps(
            log, Range(since_ns=from_ns, until_ns=to_ns, classes=frozenset({"journal"})), legs, left_out
        )
        went_on = frozenset[int]() if to_ns is None else log.writers(conditions(Range(since_ns=to_ns + 1)))
        shown = Shown(
            provider=_listed(standing, facts, _plugins(log, facts)),
            from_ns=from_ns,
            to_ns=to_ns,
            legs=leg_histories(events, gaps, legs, from_ns=from_ns, to_ns=to_ns, went_on=went_on),
            reviews=_reviews(log, name),
            incidents=_incidents(log, {name, *legs}, left_out),
        )
    if as_json:
        click.echo(msgspec.json.encode(shown))
    else:
        for line in show_lines(shown):
            click.echo(one_line(line))
    if told := left_out.told():
        click.echo(told, err=True)


def review(
    feed_file: Path, name: str, *, outcome: ReviewOutcome, note: str, next_review: date, as_json: bool
) -> None:
    """Record the review of a provider."""
    now_ns = time.time_ns()
    if next_review <= day_of(now_ns):
        raise ConfigError(
            f"--next {next_review.isoformat()}: is no day to come; write the day of the next review"
        )
    with acting(find_named(feed_file, None, None), "provider_review", f"review of {name}") as found:
        policy = _policy(found.log)
        _see_known(policy, name)
        _see_soon_enough(policy.providers[name], name, next_review, day_of(now_ns))
        act = ProviderReviewed(
            at_ns=now_ns,
            actor=actor_here(),
            provider=name,
            outcome=outcome,
            note=note,
            next_review=next_review.isoformat(),
        )
        seq = found.record(REVIEW_CLASS, act)
    if as_json:
        click.echo(msgspec.json.encode({"seq": seq, "review": act}))
    else:
        click.echo(
            f"entry {seq}: {name} was reviewed ({outcome}); the next review is due on {act.next_review}"
        )


def _policy(log: AuditLog) -> Policy:
    policy = policy_in_force(log)
    if policy is None or not policy.providers:
        missing = (
            "no policy is in force" if policy is None else "the policy in force names no service provider"
        )
        raise ConfigError(
            f"{log.name}: {missing}; write [compliance.providers.NAME] into the policy file, and run `ticktrail "
            "compliance policy adopt FEED.toml`"
        )
    return policy


def _see_known(policy: Policy, name: str) -> None:
    if name not in policy.providers:
        raise ConfigError(
            f"{name}: the policy in force names no such service provider; write one of "
            f"{', '.join(sorted(policy.providers))}"
        )


def _see_soon_enough(provider: ServiceProvider, name: str, next_review: date, today: date) -> None:
    last = today + timedelta(days=provider.review_every_days)
    if next_review > last:
        raise ConfigError(
            f"--next {next_review.isoformat()}: the policy has {name} reviewed every {provider.review_every_days:,} "
            f"days; write {last.isoformat()} or a day before it"
        )


def _plugins(log: AuditLog, facts: FeedFacts) -> Sequence[PluginLoaded]:
    run = last_run(log, facts.name)
    return [] if run is None else [one for _, one in run.plugins]


def _listed(standing: Standing, facts: FeedFacts, plugins: Sequence[PluginLoaded]) -> Listed:
    provider = standing.provider
    return Listed(
        name=standing.name,
        kind=provider.kind,
        legs=sorted(legs_of(provider, facts.plugins, provider.legs)),
        contact=provider.contact,
        contract_date=None if provider.contract_date is None else provider.contract_date.isoformat(),
        notice_hours=provider.notice_hours,
        certifications=provider.certifications,
        plugins=[
            PluginTold(name=one.name, distribution=one.distribution, version=one.version, sha256=one.sha256)
            for one in plugins
            if provider.distribution is not None and one.distribution == provider.distribution
        ],
        last_review=None if standing.last is None else _review_told(standing.last.seq, standing.last.act),
        next_review=None if standing.due is None else standing.due.isoformat(),
        overdue=standing.is_overdue,
    )


def _review_told(seq: int, act: ProviderReviewed) -> ReviewTold:
    return ReviewTold(
        seq=seq,
        at_ns=act.at_ns,
        by=act.actor.user,
        outcome=act.outcome,
        note=act.note,
        next_review=act.next_review,
    )


def _reviews(log: AuditLog, name: str) -> Sequence[ReviewTold]:
    wanted = Range(classes=frozenset({REVIEW_CLASS}))
    return [
        _review_told(header.seq, record)
        for header, record in read_records(log, wanted, LeftOut(log).passes_over)
        if isinstance(record, ProviderReviewed) and record.provider == name
    ]


def _incidents(log: AuditLog, names: Collection[str], left_out: LeftOut) -> Sequence[IncidentTold]:
    """Return what entries of class ``incident`` tell of a provider or its legs, whatever kind of record they hold."""
    wanted = Range(classes=frozenset({"incident"}))
    return [
        IncidentTold(seq=header.seq, at_ns=record.at_ns, event=str(record.__struct_config__.tag))
        for header, record in read_records(log, wanted, left_out.passes_over)
        if not isinstance(record, StoredRouted)
        and not {getattr(record, "provider", ""), *getattr(record, "providers", ())}.isdisjoint(names)
    ]


def _gaps(log: AuditLog, wanted: Range, legs: Collection[str], left_out: LeftOut) -> Iterator[Gap]:
    """Yield the gaps that were delivered of some legs; only segments that have any are opened."""
    for row in log.rows(1, None, conditions(wanted)):
        try:
            entry = entry_of(log.log_id, row)
            if log.keys.find(entry.header.key_id) is None and left_out.passes_over(entry.header):
                continue
            summary = open_summary(entry, log.keys.find)
            if Gap.counted_as not in summary.channels or set(legs).isdisjoint(summary.providers):
                continue
            records = open_records(entry, log.keys.find)
        except (Unsealed, ValueError) as exc:
            raise unreadable(row.seq, exc) from exc
        for record in records:
            if isinstance(record, StoredRouted) and wanted.holds(record.recv_ns):
                yield from (one for one in record.delivered if isinstance(one, Gap) and one.provider in legs)
