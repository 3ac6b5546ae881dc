"""`ticktrail plugins show`: print what a plugin declares, with its settings as its author describes them.

Owns: nothing but the command.
Never: opens what it shows.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from ticktrail._host import Host
from ticktrail._host.discovery import canonical
from ticktrail._host.telling import Declaration, declarations
from ticktrail._settings.describe import SettingKey
from ticktrail._settings.document import nearest
from ticktrail.cli.plugins.loading import load_host
from ticktrail.errors import ConfigError
from ticktrail.text import one_line

__all__ = ["show_plugin"]

_EXAMPLES = (
    "\b\nExamples:\n  ticktrail plugins show binance\n  ticktrail plugins show jsonl\n"
    "  ticktrail plugins show price_jump --json"
)
_WIDEST: Final = 100


@click.command("show", epilog=_EXAMPLES)
@click.argument("name", metavar="NAME")
@click.option(
    "--feed",
    metavar="FEED.toml",
    type=click.Path(path_type=Path),
    help="Let the [plugins] table of this feed file count.",
)
@click.option(
    "--allow", metavar="DISTRIBUTION", multiple=True, help="Allow its plugins too, as [plugins] does."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def show_plugin(name: str, feed: Path | None, allow: tuple[str, ...], *, as_json: bool) -> None:
    """Show what a plugin declares: what it is for, its settings, and an example.

    NAME is that of a plugin, of a distribution, or of one thing that a plugin declares: a provider, a rule, a sink, a
    kind of route, an observer, a page or a command.
    """
    found = _find(load_host(feed, allow), name)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for number, one in enumerate(found):
        if number:
            click.echo()
        for line in _lines(one, width):
            click.echo(line)


def _find(host: Host, name: str) -> Sequence[Declaration]:
    """Return what is meant by a name; a plugin's own name means all that it declares."""
    everything = list(declarations(host))
    whose = {record.name: record.distribution for record in host.loaded}
    wanted = canonical(name)
    of_plugin = [
        one for one in everything if one.plugin == name or canonical(whose.get(one.plugin, "")) == wanted
    ]
    of_name = [one for one in everything if one.name == name]
    if found := of_plugin or of_name:
        return found + [one for one in of_name if one not in found]
    if name in whose or wanted in map(canonical, filter(None, whose.values())):
        raise ConfigError(f'"{name}" is a plugin that declares nothing, so that there is nothing to show')
    for out in host.not_allowed:
        if name == out.name or wanted == canonical(out.distribution):
            raise ConfigError(
                f'"{name}" is of {out.distribution}, which is installed but not allowed; if you trust it, add --allow '
                f"{out.distribution}, or --feed FEED.toml with a feed file whose [plugins] table allows it"
            )
    known = {*whose, *filter(None, whose.values()), *(one.name for one in everything)}
    near = nearest(name, known)
    if not near.startswith("did"):
        near = "`ticktrail plugins list` shows what there is"
    others = host.left_out("add --allow and its name, or --feed FEED.toml with a feed file that allows it")
    raise ConfigError("; ".join([f'there is nothing called "{name}"', near, *others]))


def _lines(one: Declaration, width: int) -> Iterator[str]:
    yield f"{click.style(one_line(f'{one.kind} {one.name}'), bold=True)} (plugin {one_line(one.plugin)})"
    yield from _wrapped(one.summary, width, "  ")
    if one.can:
        yield from _wrapped(one.can, width, "  ")
    if one.settings:
        yield ""
        yield "  settings:"
        yield from _settings(one.settings, width, "    ")
    if one.example:
        yield ""
        yield "  example:"
        yield from (f"    {one_line(line)}".rstrip() for line in one.example.rstrip().split("\n"))


def _settings(keys: Sequence[SettingKey], width: int, indent: str) -> Iterator[str]:
    for key in keys:
        holds = "required" if key.required else f"default {key.default}" if key.default is not None else ""
        told = f"{key.key}: {key.type}" + (f"; {holds}" if holds else "")
        yield from _wrapped(told, width, indent)
        yield from _wrapped(key.doc, width, f"{indent}  ")
        yield from _settings(key.keys, width, f"{indent}    ")


def _wrapped(text: str, width: int, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        one_line(" ".join(text.split())),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
