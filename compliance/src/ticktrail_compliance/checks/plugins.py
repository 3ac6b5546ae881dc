"""Look at the plugins that run: they are those that are installed, and those that the policy pins.

Owns: the controls ``plugins.*``.
Never: imports a plugin.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from pathlib import Path

from ticktrail.events import PluginLoaded
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.oversight.feedfile import canonical
from ticktrail_compliance.words import counted

__all__ = ["CONTROLS"]

GROUP = "ticktrail"
"""The group of entry points by which plugins are found."""
OWN = "compliance"
"""The name of this plugin."""
HASH = "sha256:"
NEVER = "the feed's last run tells of no plugin; run it"


def _installed(facts: Facts) -> Look:
    told = list(facts.told(PluginLoaded))
    if not told:
        return unknown(NEVER)
    own, others = version("ticktrail"), 0
    there = {entry.name: entry for entry in entry_points(group=GROUP)}
    for seq, one in told:
        if one.distribution in {"", "ticktrail"}:  # of the program itself, or brought along by who embeds it
            others += 1
            if one.distribution and one.version != own:
                return failed(
                    f"ticktrail {one.version} ran, and {own} is installed: start the feed again", seq
                )
            continue
        entry = there.get(one.name)
        now = "" if entry is None or entry.dist is None else entry.dist.version
        if entry is None or now != one.version:
            return failed(
                f"{one.distribution} {one.version} ran, and {now or 'none'} is installed: start the feed again, or put "
                "the version back",
                seq,
            )
        if _sha256(entry.module) != one.sha256:
            return failed(
                f"the file of plugin {one.name} ({one.distribution} {one.version}) is not the one that ran: install it "
                "anew, and see who changed it",
                seq,
            )
    return passed(
        f"{len(told) - others:,} of {counted(len(told), 'plugin')} compared by version and hash; the "
        "others come with the program",
        told[-1][0],
    )


def _pinned(facts: Facts) -> Look:
    pins = facts.checks.plugins
    if not pins:
        return not_applicable("the policy pins no plugin ([compliance.checks] plugins)")
    told = [(seq, one) for seq, one in facts.told(PluginLoaded) if one.distribution]
    if not told:
        return unknown(NEVER)
    for seq, one in told:
        pin = pins.get(one.distribution)
        if pin is None:
            continue
        ran = f"{HASH}{one.sha256}" if pin.startswith(HASH) else one.version
        if ran != pin:
            return failed(
                f"{one.distribution} {one.version} ({HASH}{one.sha256}) ran, and {pin} is pinned: put that back, or "
                "review the new one and pin it",
                seq,
            )
    for seq, one in told:
        if one.distribution not in pins and _is_used(facts, one):
            return failed(
                f"{one.distribution} {one.version} ran and is not pinned: add it to [compliance.checks] plugins",
                seq,
            )
    return passed(f"{counted(len(pins), 'pin')} held", told[-1][0])


def _is_used(facts: Facts, one: PluginLoaded) -> bool:
    """Tell whether a run used a plugin that was loaded.

    Those of ticktrail's own extras are loaded wherever they are installed: of them count the providers of the feed
    file's legs, and the audit that tells of the run. Any other was named in the file, and counts; so does every one
    where the file was changed since.
    """
    if one.distribution == "ticktrail":
        return False
    began = None if facts.run is None or facts.run.started is None else facts.run.started[1]
    return (
        began is None
        or began.settings_sha256 != facts.feed.sha256
        or one.name in {OWN, *facts.feed.plugins.values()}
        or canonical(one.distribution) in facts.feed.allowed
    )


def _sha256(module: str) -> str:
    """Return the hash of a module's file, of which nothing but its package is imported."""
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        return ""
    path = None if found is None or found.origin is None else Path(found.origin)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None and path.is_file() else ""


CONTROLS = (
    Control(
        "plugins.installed",
        "What ran is what is installed",
        POLICY,
        "plugin_loaded events of the last run: version and hash, against the installed files",
        _installed,
        needs_run="which plugins it loads",
    ),
    Control(
        "plugins.pinned",
        "Every plugin that the last run used is the one that the policy pins",
        POLICY,
        "plugin_loaded events of the last run, against [compliance.checks] plugins",
        _pinned,
        needs_run="which plugins it loads; pins are named in [compliance.checks] plugins",
    ),
)
