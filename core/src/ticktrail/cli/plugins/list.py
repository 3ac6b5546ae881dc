"""`ticktrail plugins list`: say how each plugin that is installed stands.

Owns: nothing but the command.
Never: imports a plugin that nobody allowed, or that a lock refuses.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

import click
import msgspec

from ticktrail._host import Host
from ticktrail._host.telling import Declaration, declarations
from ticktrail.cli.plugins.loading import load_host
from ticktrail.hookspecs import API_VERSION
from ticktrail.text import one_line

__all__ = ["PluginRow", "list_plugins", "rows_of"]

_EXAMPLES = (
    "\b\nExamples:\n  ticktrail plugins list\n  ticktrail plugins list btc.toml\n"
    "  ticktrail plugins list --allow acme-feeds --json"
)
_WIDEST: Final = 100
_MANY: Final = 6
"""Rules and such, of which no more than their names are told where there are more."""


State: TypeAlias = Literal["active", "not allowed", "quarantined", "incompatible", "broken"]


class PluginRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One plugin that is installed.

    Attributes:
        state: ``active``: takes part; ``not allowed``: not even imported; ``quarantined``: could not be imported;
            ``incompatible``: made for another plugin API; ``broken``: a feed that allows it is refused.
        api: The plugin API that it is made for; None where that is not known.
        kinds: What it declares, each kind once.
        declares: What it declares, one by one, with what it can do where that can be told without settings.
        deprecated: Old names that it uses, with the remedy.
        reason: Why it takes no part, and what to do.
    """

    name: str
    distribution: str
    state: State
    version: str = ""
    api: int | None = None
    sha256: str = ""
    kinds: tuple[str, ...] = ()
    declares: tuple[str, ...] = ()
    deprecated: tuple[str, ...] = ()
    reason: str = ""


@click.command("list", epilog=_EXAMPLES)
@click.argument("feed", metavar="[FEED.toml]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--allow", metavar="DISTRIBUTION", multiple=True, help="Allow its plugins too, as [plugins] does."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_plugins(feed: Path | None, allow: tuple[str, ...], *, as_json: bool) -> None:
    """List the plugins that are installed, and how each stands.

    Active: it takes part. Not allowed: it was not even imported. Quarantined: it could not be imported. Incompatible:
    it is made for another version of the plugin API. Broken: what it declares cannot be had, or clashes with another
    plugin; a feed that allows it does not start. With a feed file, its [plugins] table counts.
    """
    rows = list(rows_of(load_host(feed, allow)))
    if as_json:
        click.echo(msgspec.json.encode(rows))
        return
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for number, row in enumerate(rows):
        if number:
            click.echo()
        for line in _lines(row, width):
            click.echo(line)


def rows_of(host: Host) -> Iterator[PluginRow]:
    """Yield every plugin that is installed: those that take part first."""
    told: dict[str, list[Declaration]] = {}
    for one in declarations(host):
        told.setdefault(one.plugin, []).append(one)
    for plugin in host.loaded:
        mine = told.get(plugin.name, [])
        yield PluginRow(
            name=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
            api=API_VERSION,
            sha256=plugin.sha256,
            state="active",
            kinds=tuple(dict.fromkeys(one.kind for one in mine)),
            declares=tuple(f"{one.kind} {one.name}" + (f" ({one.can})" if one.can else "") for one in mine),
            deprecated=host.deprecated(plugin.name),
        )
    for out in (*host.quarantined, *host.broken):
        state: State = "broken" if out in host.broken else "quarantined"
        yield PluginRow(
            name=out.name,
            distribution=out.distribution,
            version=_version(out.distribution),
            state="incompatible" if out.is_incompatible else state,
            reason=out.reason,
        )
    for found in host.not_allowed:
        yield PluginRow(
            name=found.name,
            distribution=found.distribution,
            version=found.version,
            state="not allowed",
            reason="nothing tells which distribution it is of, so that nobody can allow it: uninstall it"
            if found.is_borrowed
            else f'if you trust it, add allow = ["{found.distribution}"] under [plugins] in the feed file',
        )


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _lines(row: PluginRow, width: int) -> Iterator[str]:
    colour = {"active": "green", "not allowed": "yellow"}.get(row.state, "red")
    api = "" if row.api is None else f", API {row.api}"
    whose = f"{row.distribution} {row.version}".strip() or "brought along by the program"
    yield f"{click.style(one_line(row.name), bold=True)}: {click.style(row.state, fg=colour)}, {one_line(whose)}{api}"
    if row.reason:
        yield from _wrapped(row.reason, width)
    for kind, names in _by_kind(row.declares, row.kinds).items():
        if len(names) >= _MANY:
            bare = ", ".join(name.partition(" (")[0] for name in names)
            yield from _wrapped(f"{kind}s: {bare}", width)
        else:
            for name in names:
                yield from _wrapped(f"{kind} {name}", width)
    for text in row.deprecated:
        yield from _wrapped(f"deprecated: {text}", width)


def _by_kind(declares: Iterable[str], kinds: Iterable[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {kind: [] for kind in kinds}
    for text in declares:
        kind = next(kind for kind in found if text.startswith(f"{kind} "))
        found[kind].append(text.removeprefix(f"{kind} "))
    return found


def _wrapped(text: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(
        one_line(text),
        width,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
        break_long_words=False,
    )
