"""`ticktrail check`: say what a feed file composes, or everything that is wrong with it.

Owns: nothing but the command.
Never: opens a socket.
"""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["check"]

_EXAMPLES = "\b\nExamples:\n  ticktrail check btc.toml\n  ticktrail check btc.toml --json | jq .route"


@click.command(short_help="Check a feed file and print what it composes.", epilog=_EXAMPLES)
@click.argument("feed", metavar="FEED.toml", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(feed: Path, *, as_json: bool) -> None:
    """Check a feed file and print what it composes: legs, route, rules, sinks, plugins.

    No socket is opened and no secret is read. Every fault is told, with file, line, key and what would be right;
    the exit status is then 2.
    """
    from ticktrail import _plan  # noqa: PLC0415 - so that help comes without the plugins' machinery

    plan = _plan.compose(feed)
    click.echo(_plan.as_json(plan) if as_json else _plan.render(plan), nl=as_json)
