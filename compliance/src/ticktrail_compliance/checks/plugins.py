"""Look at the plugins that run: they are those that are installed, and those that the policy or the feed's lock pins.

Owns: the controls ``plugins.*``.
Never: imports a plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from ticktrail.digest import distribution_sha256
from ticktrail.errors import ConfigError, PluginError
from ticktrail.events import PluginLoaded
from ticktrail.pins import Pin, read_lock
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.oversight.feedfile import canonical
from ticktrail_compliance.words import counted

__all__ = ["CONTROLS"]

OWN = "compliance"
"""The name of this plugin."""
HASH = "sha256:"
NEVER = "the feed's last run tells of no plugin; run it"


def _installed(facts: Facts) -> Look:
    told = list(facts.told(PluginLoaded))
    if not told:
        return unknown(NEVER)
    installed: dict[str, tuple[str, str]] = {}
    for seq, one in told:
        if not one.distribution:  # brought along by who embeds ticktrail: nothing is installed of it
            continue
        if one.distribution not in installed:
            try:
                installed[one.distribution] = _now(one.distribution)
            except PluginError as exc:
                return failed(f"what is installed cannot be compared with what ran: {exc}", seq)
        now, sha256 = installed[one.distribution]
        if now != one.version:
            return failed(
                f"{one.distribution} {one.version} ran, and {now or 'none'} is installed: start the feed again, or put "
                "the version back",
                seq,
            )
        if sha256 != one.sha256:
            return failed(
                f"the files of {one.distribution} {one.version} (plugin {one.name}) are not those that ran: if nobody "
                "installed it anew since the feed's last start, see who changed them; then start the feed again",
                seq,
            )
    return passed(
        f"{counted(len(installed), 'distribution')} of {counted(len(told), 'plugin')} compared, by version and the "
        "hash of all files",
        told[-1][0],
    )


def _now(distribution: str) -> tuple[str, str]:
    """Return version and hash of what is installed; nothing of what is not.

    Raises:
        PluginError: It is installed, and cannot be hashed.
    """
    try:
        now = version(distribution)
    except PackageNotFoundError:
        return "", ""
    return now, distribution_sha256(distribution)


def _pinned(facts: Facts) -> Look:
    pins = facts.checks.plugins
    if not pins and facts.feed.lock is None:
        return not_applicable(
            "the policy pins no plugin ([compliance.checks] plugins), and the feed file has no lock ([plugins] lock)"
        )
    told = [(seq, one) for seq, one in facts.told(PluginLoaded) if one.distribution]
    if not told:
        return unknown(NEVER)
    try:
        locked = _locked(facts)
    except ConfigError as exc:
        return failed(f"what the feed's lock pins cannot be read: {exc}", told[-1][0])
    for seq, one in told:
        if other := _other(facts, one, pins.get(one.distribution), locked.get(canonical(one.distribution))):
            return failed(f"{one.distribution} {one.version} ({HASH}{one.sha256}) ran, and {other}", seq)
    for seq, one in told:
        is_pinned = one.distribution in pins or canonical(one.distribution) in locked
        if not is_pinned and _is_used(facts, one):
            return failed(
                f"{one.distribution} {one.version} ran and is not pinned: add it to [compliance.checks] plugins, or "
                "to the feed's lock with `ticktrail plugins lock`",
                seq,
            )
    held = [f"{counted(len(pins), 'pin')} of the policy"] if pins else []
    held += [f"{counted(len(locked), 'pin')} of the feed's lock"] if locked else []
    return passed(f"{' and '.join(held)} held", told[-1][0])


def _locked(facts: Facts) -> Mapping[str, Pin]:
    """Return what the feed's lock pins, by distribution; nothing where it has none.

    Raises:
        ConfigError: It cannot be read.
    """
    if facts.feed.lock is None:
        return {}
    return {canonical(pin.name): pin for pin in read_lock(facts.feed.lock)}


def _other(facts: Facts, one: PluginLoaded, pin: str | None, lock: Pin | None) -> str:
    """Return how what ran is not what is pinned, and the remedy; empty where it is, or nothing pins it."""
    if pin is not None and pin != (f"{HASH}{one.sha256}" if pin.startswith(HASH) else one.version):
        return f"{pin} is pinned: put that back, or review the new one and pin it"
    if lock is not None and lock.sha256 != one.sha256:
        return (
            f"{facts.feed.lock} pins {lock.version} ({HASH}{lock.sha256}): if the lock was written anew since, start "
            "the feed again; else see how it came to run"
        )
    return ""


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


CONTROLS = (
    Control(
        "plugins.installed",
        "What ran is what is installed",
        POLICY,
        "plugin_loaded events of the last run: version and hash of all files of each distribution, against what is "
        "installed",
        _installed,
        needs_run="which plugins it loads",
    ),
    Control(
        "plugins.pinned",
        "Every plugin that the last run used is the one that the policy or the feed's lock pins",
        POLICY,
        "plugin_loaded events of the last run, against [compliance.checks] plugins and the file of [plugins] lock",
        _pinned,
        needs_policy=True,
        needs_run="which plugins it loads; pins are named in [compliance.checks] plugins",
    ),
)
