"""Give the check of the safeguards its command.

Owns: options and help of ``ticktrail compliance check``.
Never: looks at anything; `ticktrail_compliance.checks.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["check"]


@click.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option("--dry", is_flag=True, help="Record nothing in the log.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(ctx: click.Context, feed_file: Path, *, dry: bool, as_json: bool) -> None:
    """Look at each safeguard as it is, and say which one does not hold.

    What is looked at is what runs: connections as they were made, files as they lie on the disk, backups as they open.
    The log tells of each check and what it found. Exit status 0: none failed; 1: one did; 2: the feed
    file cannot be read, or the log is missing or cannot be opened: what can be seen without it is printed all the same.

    \b
    Examples:
      ticktrail compliance check feed.toml
      ticktrail compliance check feed.toml --dry --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.checks import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    ctx.exit(console.check(feed_file, dry=dry, as_json=as_json))
