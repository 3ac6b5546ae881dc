"""Run a feed from the command line.

Owns: what a person sees while it runs, how it is told to end, and the report at the end.
Never: turns an error into an exit status (`ticktrail.cli.errors` does).
"""

from __future__ import annotations

import re
import signal
import sys
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ticktrail._contracts.observer import Record
from ticktrail._engine.runner import Runner
from ticktrail._plan.compose import compose
from ticktrail.errors import FeedError
from ticktrail.events import ClockBreachBegun, ClockBreachEnded, Notice, PeerOffsetDisagrees, SinkFailed
from ticktrail.report import Report
from ticktrail.text import one_line

__all__ = ["has_received", "outcome", "print_report", "run", "stop_on_signal", "tell_failures", "warn"]

UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType[float]):
    """A length of time such as ``20s``, ``5m`` or ``1.5h``; a bare number is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)", str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is no length of time; write 20s, 5m or 1.5h", param, ctx)
        return float(match[1]) * UNITS_S[match[2]]


@click.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option("--for", "for_s", type=Duration(), help="End after this long, such as 20s, 5m or 1.5h.")
@click.option("--max-ticks", type=click.IntRange(min=1), help="End once this many ticks are delivered.")
@click.option(
    "--dashboard",
    metavar="HOST:PORT",
    help="Serve the dashboard there while the feed runs, such as 127.0.0.1:8787; over what [dashboard] says.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, nothing else.")
def run(
    feed_file: Path, for_s: float | None, max_ticks: int | None, dashboard: str | None, *, as_json: bool
) -> None:
    """Run a feed until it ends, the time is up, or Ctrl-C.

    The first Ctrl-C ends the sources and delivers what they brought; the second ends at once. The report at the end
    says what became of every tick.

    \b
    Examples:
      ticktrail run feed.toml
      ticktrail run feed.toml --dashboard 127.0.0.1:8787
      ticktrail run feed.toml --for 20s --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    report, error = anyio.run(_run, feed_file, for_s, max_ticks, dashboard, as_json, backend="trio")
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    elif error is None or has_received(report):
        print_report(report)
    if error is not None:
        raise error


async def _run(
    feed_file: Path, for_s: float | None, max_ticks: int | None, dashboard: str | None, as_json: bool
) -> tuple[Report, Exception | None]:
    console = Console(stderr=True)
    plan = compose(feed_file, added=None if dashboard is None else {"dashboard": {"address": dashboard}})
    runner = Runner(
        plan, max_ticks=max_ticks, listener=partial(tell_failures, console), warn=partial(warn, console)
    )
    async with anyio.create_task_group() as tasks:
        await tasks.start(stop_on_signal, runner)
        if for_s is not None:
            tasks.start_soon(_stop_after, runner, for_s)
        shows_itself = any(sink.spec.name == "console" for sink in plan.sinks)
        if not as_json and console.is_terminal and not shows_itself:
            tasks.start_soon(_show_progress, runner, console)
        error = await outcome(runner)
        tasks.cancel_scope.cancel()
    return runner.report(), error


async def outcome(runner: Runner) -> Exception | None:
    """Run to the end and return what ended it before its time: what had come until then is worth a report."""
    try:
        await runner.run()
    except (FeedError, ExceptionGroup) as exc:
        return exc
    return None


def has_received(report: Report) -> bool:
    """Tell whether there is anything to report."""
    return any(report.received.values())


def warn(console: Console, text: str) -> None:
    """Tell a person something that they must know."""
    console.print(f"[yellow]warning:[/yellow] {escape(one_line(text))}", highlight=False, soft_wrap=True)


def tell_failures(console: Console, record: Record) -> None:
    """Tell a person where a feed is served, that a sink has failed, or that the clock is not to be trusted."""
    match record:
        case Notice(name="served"):
            console.print(escape(one_line(record.text)), highlight=False, soft_wrap=True)
        case SinkFailed():
            warn(console, f"sink {record.sink} has failed and gets nothing more: {record.cause}")
        case ClockBreachBegun(cause="offset", offset_ns=int(offset_ns), bound_ns=int(bound_ns)):
            warn(
                console,
                f"the clock is out of tolerance: offset {offset_ns / 1e6:+.3f} ms ± {bound_ns / 1e6:.3f} ms, "
                f"limit {record.limit_ns / 1e6:g} ms",
            )
        case ClockBreachBegun():
            warn(console, "the clock has had no valid measurement for too long ([clock] max_unmeasured_s)")
        case ClockBreachEnded():
            warn(console, f"the clock is in tolerance again, after {record.lasted_s:,.0f} s")
        case PeerOffsetDisagrees():
            warn(console, f"leg {record.provider}: {record.detail}")


async def stop_on_signal(runner: Runner, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    """Stop the runner in good order at the first Ctrl-C, and at once at the second."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        stopping = False
        async for _ in signals:
            if stopping:
                raise KeyboardInterrupt
            stopping = True
            runner.stop("interrupted")


async def _stop_after(runner: Runner, seconds: float) -> None:
    await anyio.sleep(seconds)
    runner.stop("time is up")


async def _show_progress(runner: Runner, console: Console) -> None:
    """One line, renewed twice a second."""
    with console.status("starting") as status:
        while True:
            tally = runner.tally
            received = sum(sum(kinds.values()) for kinds in tally.received.values())
            status.update(
                f"{received:,} received, {tally.delivered_ticks:,} delivered, {tally.rejected_ticks:,} rejected, "
                f"{sum(tally.suppressed.values()):,} suppressed, {len(tally.switches)} switches  (Ctrl-C ends)"
            )
            await anyio.sleep(0.5)


def print_report(report: Report) -> None:
    """Print a report for people."""
    console = Console()
    table = Table(title="what became of every tick", title_justify="left", show_header=False, box=None)
    for leg, kinds in report.received.items():
        table.add_row(f"received from {leg}", _counts(kinds))
    table.add_row("delivered", _counts(report.delivered))
    table.add_row("rejected", _counts(report.rejected))
    table.add_row("flagged", _counts(report.flagged))
    table.add_row("suppressed", _counts(report.suppressed))
    table.add_row("undecodable", f"{report.undecodable:,}")
    for leg, count in report.reconnects.items():
        if count:
            table.add_row(f"reconnects of {leg}", f"{count:,}")
    for told, switches in (("switched", report.switches), ("switched off air", report.switches_below)):
        for switch in switches:
            took = (
                f" {switch.failover_ms:,.0f} ms after its last tick" if switch.failover_ms is not None else ""
            )
            table.add_row(told, f"{switch.from_leg} → {switch.to_leg} ({switch.cause}){took}")
    if report.latency_us.p50 is not None:
        table.add_row(
            "socket to sink", f"p50 {report.latency_us.p50:,.0f} µs, p99 {report.latency_us.p99:,.0f} µs"
        )
    if report.audit:
        table.add_row("audit", _counts(report.audit))
    for name, counts in report.sinks.items():
        dropped = f", {counts.dropped:,} dropped" if counts.dropped else ""
        table.add_row(f"sink {name}", f"{counts.written:,} written{dropped}")
    console.print(table)


def _counts(counts: object) -> str:
    pairs = msgspec.convert(counts, dict[str, int])
    return ", ".join(f"{count:,} {name}" for name, count in sorted(pairs.items())) or "none"
