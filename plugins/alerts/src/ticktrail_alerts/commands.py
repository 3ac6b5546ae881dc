"""Give alerts their commands.

Owns: the group ``alerts`` and its options.
Never: does what they say; `ticktrail_alerts.console` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

__all__ = ["alerts"]

Command = TypeVar("Command", bound=Callable[..., object])


def _of_a_feed(command: Command) -> Command:
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)
    return click.argument("feed", metavar="FEED.toml", type=click.Path(path_type=Path))(command)


@click.group()
def alerts() -> None:
    """Try and show who is told what of a feed."""


@alerts.command()
@_of_a_feed
@click.option("--channel", "only", multiple=True, help="Try this channel alone. May stand several times.")
def test(feed: Path, *, as_json: bool, only: tuple[str, ...]) -> None:
    """Send a test alert through each channel, and say what came of it.

    It says of itself that it is a test. Nothing else is told, and the feed may run meanwhile. The exit status is 1
    where a channel failed.

    \b
    Examples:
      ticktrail alerts test btc.toml
      ticktrail alerts test btc.toml --channel on-call
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_alerts import console  # noqa: PLC0415 - help needs no channel

    raise SystemExit(console.test(feed, only=only, as_json=as_json))


@alerts.command()
@_of_a_feed
def show(feed: Path, *, as_json: bool) -> None:
    """Show which rules and channels are in force.

    No secret is read, and nobody is spoken to.

    \b
    Examples:
      ticktrail alerts show btc.toml
      ticktrail alerts show btc.toml --json | jq .rules.outage
    """  # noqa: D301 - see above
    from ticktrail_alerts import console  # noqa: PLC0415 - see above

    console.show(feed, as_json=as_json)
