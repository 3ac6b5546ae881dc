"""Give the demonstration a command.

Owns: its options.
Never: runs it by itself.
"""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["demo"]


@click.command()
@click.option(
    "--recording", type=click.Path(path_type=Path), help="Play a recording, instead of a made-up market."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Folder for the feed file, the ticks and the audit log; an earlier run's are replaced.",
)
@click.option(
    "--no-dashboard",
    is_flag=True,
    help="Serve no dashboard; without ticktrail-dashboard installed there is none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, nothing else.")
@click.pass_context
def demo(ctx: click.Context, *, recording: Path | None, out: Path, no_dashboard: bool, as_json: bool) -> None:
    """Run a whole feed against a loopback venue that goes wrong on purpose.

    Two legs of a hybrid route, every rule on, ticks into a file, everything into a sealed audit log. In some twenty
    seconds the venue sends a price spike and a burst of stale trades, goes mute, and is cut off. At the end stands
    what became of every tick, and whether each promise was kept. Meanwhile a dashboard can be looked at, at the address
    that is told; not with --json.

    Exit status 0: all of them; 1: one was broken.

    \b
    Examples:
      ticktrail demo
      ticktrail demo --no-dashboard
      ticktrail demo --recording btc.jsonl.gz --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_mock.demo.performance import perform  # noqa: PLC0415 - `ticktrail --help` need not load a server

    ctx.exit(perform(recording, out, dashboard=not (no_dashboard or as_json), as_json=as_json))
