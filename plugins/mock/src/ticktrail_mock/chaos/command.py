"""Give chaos a command.

Owns: its options.
Never: runs it by itself.
"""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["chaos"]


@click.command()
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Of market and faults.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=20),
    default=1_800.0,
    show_default=True,
    help="How long it goes on.",
)
@click.option(
    "--instruments", type=click.IntRange(1, 40), default=20, show_default=True, help="How many are traded."
)
@click.option(
    "--rate",
    type=click.FloatRange(min=10, max=20_000),
    default=1_000.0,
    show_default=True,
    help="Messages a second.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".chaos"),
    show_default=True,
    help="Folder for the feed file, the ticks and the audit log; an earlier run's are replaced.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, nothing else.")
@click.pass_context
def chaos(
    ctx: click.Context, *, seed: int, seconds: float, instruments: int, rate: float, out: Path, as_json: bool
) -> None:
    """Run a feed against two loopback venues that go wrong at random, and see whether it held.

    Muted, cut, refused, garbled, slow and lying connections, subscriptions that are forgotten, trades that are left
    out, single instruments that fall silent. At the end every trade of the true tape is looked for in the sink's file,
    and every switch in the audit log. The same seed gives the same faults.

    Exit status 0: every promise was kept; 1: one was broken.

    \b
    Examples:
      ticktrail chaos --seconds 120
      ticktrail chaos --seed 7 --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_mock.chaos.performance import perform  # noqa: PLC0415 - `ticktrail --help` need not load a server

    ctx.exit(perform(out, seed=seed, seconds=seconds, instruments=instruments, rate=rate, as_json=as_json))
