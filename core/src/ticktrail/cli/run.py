"""Run a feed from the command line.

Owns: what a person sees while it runs, how it is told to end, and the report at the end.
Never: turns an error into an exit status (`ticktrail.cli.errors` does).
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio
import anyio.abc
import click
import msgspec
from rich.console import Console
from rich.table import Table

from ticktrail._contracts.observer import Record
from ticktrail._engine.runner import Runner
from ticktrail._logs.settings import RANK
from ticktrail._plan.compose import compose
from ticktrail._plan.model import Plan
from ticktrail.cli.systemd import ServiceManager, service_manager
from ticktrail.cli.watch import Watch, watching
from ticktrail.errors import FeedError
from ticktrail.events import FeedStarted, FeedStopping
from ticktrail.report import Report

__all__ = ["has_received", "log_options", "logged", "outcome", "print_report", "run", "stop_on_signal"]

_MOST_SWITCHES: Final = 20
"""A line each; a route that goes to and fro has hundreds."""

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


C = TypeVar("C", bound=Callable[..., object])


def log_options(command: C) -> C:
    """Add what goes over the ``[log]`` table of the feed file."""
    command = click.option(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Append the log to this file; over what [log] says.",
    )(command)
    command = click.option(
        "--log-level",
        type=click.Choice(list(RANK)),
        help="The least that is logged; over what [log] says.",
    )(command)
    return click.option(
        "--log",
        "log_format",
        type=click.Choice(["auto", "json", "text", "off"]),
        help="The form of the log: json for machines, text for people; over what [log] says.",
    )(command)


def logged(log_format: str | None, log_level: str | None, log_file: Path | None) -> Mapping[str, object]:
    """Return what these options lay over the ``[log]`` table; a file's path is from the present folder."""
    file = None if log_file is None else str(log_file.absolute())
    found = {"format": log_format, "level": log_level, "file": file}
    return {key: value for key, value in found.items() if value is not None}


@click.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option("--for", "for_s", type=Duration(), help="End after this long, such as 20s, 5m or 1.5h.")
@click.option("--max-ticks", type=click.IntRange(min=1), help="End once this many ticks are delivered.")
@click.option(
    "--dashboard",
    metavar="HOST:PORT",
    help="Serve the dashboard there while the feed runs, such as 127.0.0.1:8787; over what [dashboard] says.",
)
@log_options
@click.option("--quiet", "-q", is_flag=True, help="Show nothing while it runs but warnings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, nothing else.")
def run(
    feed_file: Path,
    for_s: float | None,
    max_ticks: int | None,
    dashboard: str | None,
    log_format: str | None,
    log_level: str | None,
    log_file: Path | None,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run a feed until it ends, the time is up, or Ctrl-C.

    On a terminal a live table shows how it stands; elsewhere standard error gets a line for what happens. The first
    Ctrl-C ends the sources and delivers what they brought; the second ends at once. The report at the end says what
    became of every tick.

    \b
    Examples:
      ticktrail run feed.toml
      ticktrail run feed.toml --dashboard 127.0.0.1:8787
      ticktrail run feed.toml --log json --log-file feed.log
      ticktrail run feed.toml --for 20s --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    added: dict[str, Mapping[str, object]] = {}
    if dashboard is not None:
        added["dashboard"] = {"address": dashboard}
    if log := logged(log_format, log_level, log_file):
        added["log"] = log
    plan = compose(feed_file, added=added)
    report, error = anyio.run(_run, plan, for_s, max_ticks, quiet or as_json, backend="trio")
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    elif error is None or has_received(report):
        print_report(report)
    if error is not None:
        raise error


async def _run(
    plan: Plan, for_s: float | None, max_ticks: int | None, quiet: bool
) -> tuple[Report, Exception | None]:
    manager = service_manager(
        os.environ
    )  # before anything is started that would take its variables for its own
    shows_itself = any(sink.spec.name == "console" for sink in plan.sinks)
    with watching(plan, quiet=quiet, draws=not shows_itself) as watch:
        started = anyio.Event()
        runner = Runner(
            plan, max_ticks=max_ticks, listener=partial(_tell, watch, manager, started), warn=watch.warn
        )
        async with anyio.create_task_group() as tasks:
            await tasks.start(stop_on_signal, runner)
            if manager is not None:
                tasks.start_soon(manager.keep_telling, runner.status)
                tasks.start_soon(manager.keep_alive)
            if for_s is not None:
                tasks.start_soon(_stop_after, started, runner, for_s)
            tasks.start_soon(watch.show, runner)
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


def _tell(watch: Watch, manager: ServiceManager | None, started: anyio.Event, record: Record) -> None:
    """Tell what is heard to whom it concerns: a person, and the service manager that started this process."""
    watch.hear(record)
    if type(record) is FeedStarted:
        started.set()
    if manager is not None and type(record) is FeedStopping:
        manager.stopping(record.cause)


def has_received(report: Report) -> bool:
    """Tell whether there is anything to report."""
    return any(report.received.values())


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


async def _stop_after(started: anyio.Event, runner: Runner, seconds: float) -> None:
    await started.wait()  # opening an audit log may take longer than a short run
    await anyio.sleep(seconds)
    runner.stop("time is up")


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
        for switch in switches[:_MOST_SWITCHES]:
            took = (
                f" {switch.failover_ms:,.0f} ms after its last tick" if switch.failover_ms is not None else ""
            )
            table.add_row(told, f"{switch.from_leg} → {switch.to_leg} ({switch.cause}){took}")
        if (more := len(switches) - _MOST_SWITCHES) > 0:
            table.add_row(told, f"{more:,} times more: --json has each of them")
    if report.latency_us.p50 is not None:
        table.add_row(
            "socket to sink", f"p50 {report.latency_us.p50:,.0f} µs, p99 {report.latency_us.p99:,.0f} µs"
        )
    if report.audit:
        table.add_row("audit", _counts(report.audit))
    for key, counted in report.observers.items():
        if any(counted.values()):
            table.add_row(key, _counts({name: count for name, count in counted.items() if count}))
    for name, counts in report.sinks.items():
        dropped = f", {counts.dropped:,} dropped" if counts.dropped else ""
        table.add_row(f"sink {name}", f"{counts.written:,} written{dropped}")
    console.print(table)


def _counts(counts: object) -> str:
    pairs = msgspec.convert(counts, dict[str, int])
    return ", ".join(f"{count:,} {name}" for name, count in sorted(pairs.items())) or "none"
