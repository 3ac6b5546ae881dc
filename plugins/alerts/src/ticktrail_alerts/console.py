"""Do what the commands say.

Owns: a test alert, and the words for what is in force.
Never: shows a secret, or of a URL more than its host.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import click
import msgspec

from ticktrail.address import find_plain_text
from ticktrail.errors import ConfigError
from ticktrail.feedfile import load_table
from ticktrail.plugin import SystemClock
from ticktrail.text import one_line
from ticktrail_alerts.channels import ChannelError, open_channel
from ticktrail_alerts.keeper import state_path
from ticktrail_alerts.message import Alert, Message, compose
from ticktrail_alerts.rule_settings import RuleSettings, RulesSettings, rules_in_force
from ticktrail_alerts.settings import AlertSettings, Target

__all__ = ["show", "test"]

_COMMON = ("severity", "after_s", "clear_s")


class _Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one channel: `detail` is why it failed, or what was not quite right."""

    name: str
    kind: str
    where: str
    ok: bool
    detail: str


def test(path: Path, *, only: Sequence[str], as_json: bool) -> int:
    """Send a test alert through each channel, or those that are named; returns the exit status.

    Raises:
        ConfigError: The feed file has a fault, or no channel of such a name.
    """
    settings, feed, profile = _load(path)
    names = [target.label for target in settings.to]
    for name in only:
        if name not in names:
            raise ConfigError(f"{path}: [alerts] has no channel {name!r}; there is {', '.join(names)}")
    chosen = [target for target in settings.to if not only or target.label in only]
    tried = anyio.run(_try_all, chosen, path.absolute().parent, feed, profile, backend="trio")
    if as_json:
        click.echo(msgspec.json.encode({"feed": feed, "channels": tried}).decode())
    else:
        for one in tried:
            what = "sent" if one.ok else "failed"
            click.echo(f"{one.name}  {one.where}  {what}{f': {one_line(one.detail)}' if one.detail else ''}")
    return 0 if all(one.ok for one in tried) else 1


def show(path: Path, *, as_json: bool) -> None:
    """Print which rules and channels are in force.

    Raises:
        ConfigError: The feed file has a fault.
    """
    settings, feed, _ = _load(path)
    rules = rules_in_force(settings.rules)
    state = state_path(settings, path.absolute().parent, feed)
    if as_json:
        click.echo(msgspec.json.encode(_as_object(settings, feed, rules, state)).decode())
        return
    click.echo(f"feed     {one_line(feed)}")
    click.echo(
        f"looks    every {settings.look_s:g} s; tells together what comes within {settings.group_s:g} s"
    )
    repeat = "never" if settings.repeat_s is None else f"every {settings.repeat_s:g} s"
    click.echo(f"repeats  {repeat}")
    click.echo(f"state    {one_line(str(state))}")
    for target in settings.to:
        whom = f"{target.from_severity} and above" if target.from_severity != "information" else "everything"
        of = f", of {', '.join(target.rules)}" if target.rules else ""
        click.echo(f"channel  {target.label}  {_where(target)}  {whom}{of}")
    for field in msgspec.structs.fields(RulesSettings):
        rule = rules.get(field.name)
        click.echo(f"rule     {field.name:<17} {'off' if rule is None else _words(rule)}")


async def _try_all(chosen: Sequence[Target], base_dir: Path, feed: str, profile: str) -> Sequence[_Tried]:
    message = _test_message(feed)
    return [await _try(target, base_dir, message, profile) for target in chosen]


async def _try(target: Target, base_dir: Path, message: Message, profile: str) -> _Tried:
    detail, ok = "", False
    plain = None if target.webhook is None else find_plain_text(target.webhook.url)
    if plain is not None and profile == "production":
        detail = f"{plain.what}; {plain.remedy}"
    else:
        try:
            async with open_channel(target, base_dir, SystemClock()) as channel:
                with anyio.fail_after(target.timeout_s):
                    detail = await channel.send(message)
            ok = True
        except (ChannelError, ConfigError) as exc:
            detail = str(exc)
        except TimeoutError:
            detail = f"no answer within {target.timeout_s:g} s"
    return _Tried(name=target.label, kind=target.kind, where=_where(target), ok=ok, detail=detail)


def _test_message(feed: str) -> Message:
    now_ns, message_id = SystemClock().now_ns(), f"msg_{secrets.token_hex(12)}"
    alert = Alert(
        id=secrets.token_hex(8),
        rule="test",
        about="",
        severity="information",
        state="begun",
        text="this is a test of the alerts of this feed",
        begun_ns=now_ns,
        lasted_s=0.0,
        first_message=message_id,
    )
    return compose([alert], message_id=message_id, feed=feed, at_ns=now_ns, is_test=True)


def _load(path: Path) -> tuple[AlertSettings, str, str]:
    """Return the table, the feed's name, and its profile."""
    settings = load_table(path, "alerts", AlertSettings)
    table = tomllib.loads(path.read_text(encoding="utf-8")).get("feed")
    name = table.get("name") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(name, str):
        raise ConfigError(f"{path}: [feed] has no name; add it, and run `ticktrail check`")
    return settings, name, str(table.get("profile", "production"))


def _where(target: Target) -> str:
    if target.webhook is not None:
        parts = urlsplit(target.webhook.url)
        return f"{parts.scheme}://{parts.netloc}/…"
    if target.email is not None:
        return f"{', '.join(target.email.to)} by {target.email.host} ({target.email.tls})"
    return "" if target.file is None else one_line(target.file.path)


def _words(rule: RuleSettings) -> str:
    own = msgspec.to_builtins(rule)
    more = "".join(
        f", {key} = {value}" for key, value in own.items() if key not in _COMMON and value not in ({}, [])
    )
    return f"{rule.severity}, after {rule.after_s:g} s, over after {rule.clear_s:g} s{more}"


def _as_object(
    settings: AlertSettings, feed: str, rules: Mapping[str, RuleSettings], state: Path
) -> Mapping[str, object]:
    return {
        "feed": feed,
        "state": str(state),
        "look_s": settings.look_s,
        "group_s": settings.group_s,
        "repeat_s": settings.repeat_s,
        "channels": [
            {
                "name": target.label,
                "kind": target.kind,
                "where": _where(target),
                "from_severity": target.from_severity,
                "rules": list(target.rules),
            }
            for target in settings.to
        ],
        "rules": {
            field.name: msgspec.to_builtins(rules[field.name]) if field.name in rules else False
            for field in msgspec.structs.fields(RulesSettings)
        },
    }
