"""Give a firm's policy its commands.

Owns: options and help of ``ticktrail compliance policy``.
Never: reads a policy; `ticktrail_compliance.policy.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["policy"]


@click.group()
def policy() -> None:
    """Check a policy file, and put it into force.

    It gives evidence and workflow, and no legal advice: which rules apply is for the firm and its counsel.
    """


@policy.command()
@click.argument("policy_file", type=click.Path(path_type=Path), metavar="POLICY.toml")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(ctx: click.Context, policy_file: Path, *, as_json: bool) -> None:
    """Hold a policy file against the rules that it declares applicable.

    Exit status 0: nothing is below a minimum; 1: something is; 2: the file cannot be read.

    \b
    Examples:
      ticktrail compliance policy check policy.toml
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.policy import console  # noqa: PLC0415 - `ticktrail --help` reads no policy

    ctx.exit(console.check(policy_file, as_json=as_json))


@policy.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option(
    "--one-person-may-destroy",
    is_flag=True,
    help="Acknowledge that under people = 1 one person destroys alone; the log's entry tells so.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def adopt(feed_file: Path, *, one_person_may_destroy: bool, as_json: bool) -> None:
    """Put the policy of a feed file into force, as the feed does at its start by itself.

    The log holds it byte for byte from then on, and every command goes by what the log holds. A policy of people = 1,
    which one without the key is, is adopted only with --one-person-may-destroy. A feed that starts under one adopts it
    without, and nothing is destroyed under it until this command was given so.

    \b
    Examples:
      ticktrail compliance policy adopt feed.toml
      ticktrail compliance policy adopt feed.toml --one-person-may-destroy
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.policy import console  # noqa: PLC0415 - see above

    console.adopt_of(feed_file, one_person_may_destroy=one_person_may_destroy, as_json=as_json)


@policy.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(feed_file: Path, *, as_json: bool) -> None:
    """Print the policy in force, all of it: what is kept for how long and by which rules, and every other table.

    \b
    Examples:
      ticktrail compliance policy show feed.toml
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.policy import console  # noqa: PLC0415 - see above

    console.show_of(feed_file, as_json=as_json)
