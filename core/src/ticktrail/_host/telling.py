"""Tell of everything that a plugin declares: what it is for, its settings, and an example of its table.

Owns: the description of a declaration, and the TOML that shows how it is used.
Never: opens what is declared, or reads a feed file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from ticktrail._contracts.provider import Capabilities, ProviderSpec
from ticktrail._host.host import Host
from ticktrail._settings.describe import SettingKey, keys_in_words

__all__ = ["Declaration", "DeclaredKind", "declarations", "example"]

DeclaredKind: TypeAlias = Literal["provider", "rule", "sink", "route kind", "observer", "page", "command"]

_INDENT: Final = "  "


class Declaration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a plugin declares.

    Attributes:
        kind: What it is.
        name: By which a feed file, a person or a page names it.
        plugin: Who declares it.
        summary: The author's own line.
        can: Its capabilities in words, where they can be had without settings; else empty.
        settings: The keys of its table.
        example: A table of it as TOML; empty where it has none.
    """

    kind: DeclaredKind
    name: str
    plugin: str
    summary: str
    can: str = ""
    settings: tuple[SettingKey, ...] = ()
    example: str = ""


def declarations(host: Host) -> Iterator[Declaration]:
    """Yield what all plugins that take part declare, commands last.

    Raises:
        PluginError: A plugin cannot say its commands.
    """
    for name, provider in host.providers().items():
        yield _of_table(
            host, "provider", name, provider.summary, provider.settings, can=_capabilities(provider, host)
        )
    for name, rule in host.rules().items():
        judges = ", ".join(str(kind.__struct_config__.tag) for kind in rule.ticks)
        can = f"judges {judges} {'on its leg' if rule.scope == 'leg' else 'in the route'}; {rule.action}"
        yield _of_table(host, "rule", name, rule.summary, rule.settings, can=can)
    for name, sink in host.sinks().items():
        yield _of_table(host, "sink", name, sink.summary, sink.settings)
    for name, route in host.routes().items():
        yield _of_table(host, "route kind", name, route.summary, route.settings)
    for name, observer in host.observers().items():
        yield _of_table(host, "observer", name, observer.summary, observer.settings)
    for name, page in host.pages().items():
        can = f"shown for [{page.table}], every {page.every_s:g} s"
        yield Declaration(
            kind="page", name=name, plugin=host.owner("page", name), summary=page.title, can=can
        )
    for name, command in host.commands().items():
        yield Declaration(
            kind="command",
            name=name,
            plugin=host.owner("command", name),
            summary=command.get_short_help_str(limit=110),
        )


def _of_table(
    host: Host, kind: DeclaredKind, name: str, summary: str, settings: type[msgspec.Struct], *, can: str = ""
) -> Declaration:
    keys = keys_in_words(settings)
    return Declaration(
        kind=kind,
        name=name,
        plugin=host.owner(kind, name),
        summary=summary,
        can=can,
        settings=keys,
        example=example(kind, name, keys),
    )


def _capabilities(spec: ProviderSpec, host: Host) -> str:
    """Return what a provider can do with no settings; nothing where it cannot be asked so."""
    if any(field.required for field in msgspec.structs.fields(spec.settings)):
        return ""
    try:
        return _in_words(spec.describe(spec.settings(), host))
    except Exception:  # noqa: BLE001 - a stranger's function; what it says of real settings, `check` tells
        return ""


def _in_words(can: Capabilities) -> str:
    parts = [", ".join(sorted(can.channels))]
    if can.synthetic:
        parts.append("synthetic")
    if can.history:
        past = "all of it" if can.history == can.channels else ", ".join(sorted(can.history))
        parts.append(f"history of {past}")
    return "; ".join(parts)


def example(kind: DeclaredKind, name: str, keys: Sequence[SettingKey]) -> str:
    """Return a table as it may stand in a feed file: what is required with a value, the rest as comments."""
    heads = {
        "provider": f"[providers.{name}]",
        "rule": "[validation]",
        "sink": f'[[sinks]]\nplugin = "{name}"',
        "route kind": f'[route]\nkind = "{name}"',
        "observer": f"[{name}]",
    }
    head = heads.get(kind)
    if head is None:
        return ""
    lines = [head]
    for key in keys:
        if key.required:
            lines.append(f"{key.key} = {_placeholder(key)}")
        elif kind == "rule" and key.default is not None:
            lines.append(f"{key.key} = {key.default}")
        elif key.default is not None and len(key.default) <= _LONGEST:
            lines.append(f"# {key.key} = {key.default}")
    return "\n".join(lines) + "\n"


_LONGEST: Final = 60
"""A default that is longer is no example."""


def _placeholder(key: SettingKey) -> str:
    if key.keys:
        inner = ", ".join(f"{one.key} = {_placeholder(one)}" for one in key.keys if one.required)
        table = f"{{ {inner} }}" if inner else "{}"
        return f"[{table}]" if key.type.startswith("an array") else table
    return _placeholder_of(key.type)


def _placeholder_of(words: str) -> str:
    if words.startswith('"'):
        return words.split(" or ", 1)[0]
    for start, value in (
        ("a reference", '{ env = "NAME" }'),
        ("a text", '"…"'),
        ("a whole number", "1"),
        ("a number", "1.0"),
        ("true", "true"),
        ("an array of texts", '["…"]'),
        ("an array", "[]"),
        ("a table", "{}"),
    ):
        if words.startswith(start):
            return value
    return '"…"'
