"""Run the commands for a log's keys: list them, wrap them by another key, destroy those of a month.

Owns: that each act is an entry of the log, whatever is interrupted when.
Never: prints a key.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import acting, reading, see_allowed
from ticktrail_compliance.acts import KeysRewrapped, actor_here
from ticktrail_compliance.bars import Bars
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.entry import EntryClass
from ticktrail_compliance.naming import Named
from ticktrail_compliance.reading import Range, headers, read_records
from ticktrail_compliance.retention.backups import backups_told
from ticktrail_compliance.retention.destroying import Keys
from ticktrail_compliance.retention.destroying import destroy as destroy_keys
from ticktrail_compliance.retention.judging import Judge
from ticktrail_compliance.store.keystore import KeyState
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.vault.opening import open_provider
from ticktrail_compliance.vault.settings import parse_key

__all__ = ["destroy", "list_keys", "rotate"]

EXCHANGE = "exchange of the key that wraps all others"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one class and month: how many there are in each state, and the entries that they sealed."""

    entry_class: str
    month: str
    whole: int
    destroyed: int
    damaged: int
    foreign: int
    entries: int


def list_keys(named: Named, *, as_json: bool) -> None:
    """Print the data keys by class and month."""
    with reading(named, "keys_list", asked("audit keys list")) as log:
        listed = _listed(log)
        kek = log.keys.wrapped_by()
    if as_json:
        click.echo(msgspec.json.encode({"wrapped_by": kek, "keys": listed}))
        return
    click.echo(f"wrapped by {kek}")
    for one in listed:
        states = ", ".join(
            f"{count:,} {name}"
            for name in ("whole", "destroyed", "damaged", "foreign")
            if (count := getattr(one, name))
        )
        click.echo(f"{one.month}  {one.entry_class:<10} {states}; {one.entries:,} entries")


def rotate(named: Named, to: str, *, as_json: bool) -> None:
    """Wrap every key of a log by another one, and say so in the log.

    Each key is wrapped anew in one transaction, so that all are or none; whatever is interrupted, the same command
    goes on from there.
    """
    wanted = parse_key(to, "--to")
    after = Named(msgspec.structs.replace(named.settings, key=wanted), named.base_dir)
    is_done = _is_done(named, after)
    by = after if is_done else named
    see_allowed(by, "keys_rotate", EXCHANGE)
    new = open_provider(wanted, named.base_dir, create=True, warn=lambda text: click.echo(text, err=True))
    with by.open(write=True) as log:
        name, old_kek = log.name, log.keys.provider.key_id
        if is_done:  # what may be missing is the word of it
            before, count = _unrecorded(log, new.key_id), log.keys.count()
        else:  # also where the names are equal: a key service has versions of a key behind one name
            before = old_kek
            with Bars("wrapping", shown=not as_json) as bars:
                bars.begin("keys", log.keys.count())
                count = log.keys.rewrap(new, bars.done)
    if before is not None:
        with acting(after, "keys_rotate", EXCHANGE) as found:
            found.record("access", _rewrapped(before, new.key_id, count))
    if as_json:
        click.echo(msgspec.json.encode({"wrapped_by": new.key_id, "origin": new.origin}))
    else:
        click.echo(
            f"every key of {name} is wrapped by {new.key_id} ({new.origin}) now: name it in the feed file "
            "([compliance] key), start the feed again, and put the old key where it can be destroyed once no backup "
            "needs it"
        )


def destroy(
    named: Named, entry_class: EntryClass, month: str, purpose: str, *, confirmed: bool, as_json: bool
) -> None:
    """Destroy the data keys of a class and month: what they sealed can be proven, and be read by nobody any more."""
    if month >= f"{datetime.now(tz=UTC):%Y-%m}":
        raise ConfigError(
            f"--month {month}: is not over, and feeds still seal under its keys; wait until it is"
        )
    what = f"destroy {entry_class} keys of {month}: {purpose}"
    see_allowed(named, "keys_destroy", what)
    with named.open() as log:
        states, entries = _whole(log, entry_class, month)
        _see_free(log, states, entry_class, month)
        backups = backups_told(log)
    count = "1 key" if len(states) == 1 else f"{len(states)} keys"
    if not confirmed:
        click.confirm(
            f"{entries:,} {entry_class} entries of {month} can be read in this log by nobody any more after this. "
            f"{backups} Destroy the {count} under which they were sealed?",
            abort=True,
        )
    with acting(named, "keys_destroy", what) as found:
        keys = Keys(entry_class, month, [state.key_id for state in states], entries)
        done = destroy_keys(found, keys, purpose, time.time_ns)
        store, apart = found.log.keys.database.name, found.log.keys.database is not found.log.database
    if done.withheld:
        why = next(iter(done.withheld.values())).why
        raise ConfigError(
            f"{len(done.withheld)} of the {count} were not destroyed, and the log tells so: {why}"
        )
    if as_json:
        told = {"entry_class": entry_class, "month": month, "key_ids": keys.key_ids, "entries": entries}
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(
            f"destroyed: {count}, under which {entries:,} {entry_class} entries of {month} were sealed"
        )
        if apart:
            click.echo(f"destroy them in the backups of {store} as well; those of the log hold none")
        else:
            click.echo(f"backups of {store} still hold them: keep the keys of the next log apart (keys)")
        click.echo(
            "files with the data keys of earlier exports (--keys-out) open what they were made for still: destroy "
            f"those that reach into {month} as well; `ticktrail audit show --event log_exported` tells of each"
        )


def _see_free(log: AuditLog, states: Sequence[KeyState], entry_class: EntryClass, month: str) -> None:
    """See that nothing keeps any of these keys.

    Raises:
        ConfigError: A hold does, or the policy in force, or it takes two people.
    """
    judge = Judge(log, time.time_ns())
    if judge.policy is not None and judge.policy.people > 1:
        raise ConfigError(
            f"the {entry_class} keys of {month} are not destroyed: the policy asks for two people (people = 2); save a "
            "plan (`ticktrail audit retention plan FEED.toml --save`), let another user approve it, and apply it"
        )
    for state in states:
        found = judge.hindrance(state.key_id, entry_class, month)
        if found is not None:
            remedy = (
                "; `ticktrail audit hold lift` lets it go once the matter is closed" if found.holds else ""
            )
            raise ConfigError(f"the {entry_class} keys of {month} are not destroyed: {found.why}{remedy}")


def _is_done(named: Named, after: Named) -> bool:
    """Tell whether the new key wraps all keys already, and the log cannot be opened by the one that it is named with.

    Raises:
        ConfigError: It can be opened by neither.
    """
    try:
        named.open().close()
    except ConfigError:
        with contextlib.suppress(ConfigError):
            after.open().close()
            return True
        raise
    return False


def _unrecorded(log: AuditLog, kek: str) -> str | None:
    """Return by which key the log's keys were wrapped before, where they are by another that no entry tells of."""
    last: str | None = None
    wanted = Range(classes=frozenset({"access"}))
    for _, record in read_records(log, wanted, LeftOut(log).passes_over):
        if isinstance(record, KeysRewrapped):
            last = record.to_kek
    return None if last == kek else last or "the first key"


def _rewrapped(old: str, new: str, keys: int) -> KeysRewrapped:
    return KeysRewrapped(at_ns=time.time_ns(), actor=actor_here(), from_kek=old, to_kek=new, keys=keys)


def _listed(log: AuditLog) -> Sequence[Listed]:
    of_key: dict[int, tuple[str, str]] = {}
    states: Counter[tuple[str, str, str]] = Counter()
    for state in log.keys.states():
        of_key[state.key_id] = (state.month, state.entry_class)
        states[state.month, state.entry_class, state.state] += 1
    entries = Counter(of_key.get(header.key_id, ("", "")) for header in headers(log, Range()))
    return [
        Listed(
            entry_class=entry_class,
            month=month,
            whole=states[month, entry_class, "whole"],
            destroyed=states[month, entry_class, "destroyed"],
            damaged=states[month, entry_class, "damaged"],
            foreign=states[month, entry_class, "foreign"],
            entries=entries[month, entry_class],
        )
        for month, entry_class in sorted(set(of_key.values()))
    ]


def _whole(log: AuditLog, entry_class: EntryClass, month: str) -> tuple[Sequence[KeyState], int]:
    """Return the keys of a class and month that are left, and how many entries they sealed.

    Raises:
        ConfigError: There are none.
    """
    states = [
        state
        for state in log.keys.states()
        if (state.entry_class, state.month) == (entry_class, month) and state.state != "destroyed"
    ]
    if not states:
        raise ConfigError(
            f"there are no {entry_class} keys of {month} that could be destroyed; `ticktrail audit keys list` shows "
            "which there are"
        )
    ids = {state.key_id for state in states}
    entries = headers(log, Range(classes=frozenset({entry_class})))
    return states, sum(header.key_id in ids for header in entries)
