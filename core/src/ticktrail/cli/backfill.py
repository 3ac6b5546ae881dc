"""Fetch a period's past from the command line.

Owns: what a person sees while it is fetched, and what is told at the end.
Never: turns an error into an exit status (`ticktrail.cli.errors` does).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
import click
import msgspec
from rich.console import Console

from ticktrail._backfill.job import Progress as Place
from ticktrail._backfill.plan import Backfill, plan_backfill
from ticktrail._contracts.observer import Record
from ticktrail._engine.runner import Runner
from ticktrail._plan.compose import compose
from ticktrail.cli.errors import INTERRUPTED
from ticktrail.cli.run import has_received, log_options, logged, outcome, print_report, stop_on_signal
from ticktrail.cli.watch import watching
from ticktrail.errors import SinkError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.progress import ProgressBar
from ticktrail.report import Report

__all__ = ["backfill"]

LOOK_EVERY_S = 0.2
PARTS = 1_000_000
"""The whole of a backfill, for its bar: how many ticks there will be nobody knows."""
NS_PER_S = 1_000_000_000


class Moment(click.ParamType[int]):
    """A date or a time of ISO 8601, such as ``2026-11-01`` or ``2026-11-01T09:30:00Z``; UTC where it has no offset."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return UTC nanoseconds."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date or time; write 2026-11-01 or 2026-11-01T09:30:00Z", param, ctx)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
        return (passed.days * 86_400 + passed.seconds) * NS_PER_S + passed.microseconds * 1_000


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: times in UTC nanoseconds, ticks with those of earlier runs of the same backfill."""

    complete: bool
    resumed: bool
    provider: str
    start_ns: int
    end_ns: int
    ticks: int
    series: Sequence[Mapping[str, str | int | bool]]
    report: Report


@click.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option(
    "--from", "start_ns", type=Moment(), required=True, help="Where the period begins, such as 2026-11-01."
)
@click.option("--to", "end_ns", type=Moment(), help="Where it ends; by default now.")
@click.option(
    "--channel", "channels", multiple=True, help="What to fetch, such as trades or bars; may be repeated."
)
@click.option(
    "--instrument", "instruments", multiple=True, help="Only this one of the feed's; may be repeated."
)
@click.option(
    "--into", "sinks", multiple=True, metavar="SINK", help="Only into this one of the feed's sinks."
)
@click.option("--provider", help="The leg to ask; by default the first in the route that can.")
@click.option("--restart", is_flag=True, help="Begin anew where an earlier run was interrupted.")
@log_options
@click.option("--quiet", "-q", is_flag=True, help="Show nothing while it runs but warnings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, nothing else.")
def backfill(
    feed_file: Path,
    start_ns: int,
    end_ns: int | None,
    channels: tuple[str, ...],
    instruments: tuple[str, ...],
    sinks: tuple[str, ...],
    provider: str | None,
    log_format: str | None,
    log_level: str | None,
    log_file: Path | None,
    *,
    restart: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fetch what happened in a period into the feed's sinks.

    The ticks are validated, delivered and audited as those of a live feed are, and marked as backfilled. Ctrl-C or
    an error leaves a file .backfill-….json beside the feed file: the same command goes on from there, and fetches
    nothing twice (after a kill, one page at most). Give it a feed file and sinks of its own where a feed is running.

    \b
    Examples:
      ticktrail backfill feed.toml --from 2026-11-01 --to 2026-11-02 --channel bars
      ticktrail backfill feed.toml --from 2026-11-01T09:30Z --instrument BTC/USDT --into archive --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    now_ns = time.time_ns()
    if start_ns >= now_ns or (end_ns or 0) > now_ns:
        raise click.UsageError("a period that lies in the future has no history yet; mend --from or --to")
    log = logged(log_format, log_level, log_file)
    job = plan_backfill(
        compose(feed_file, added={"log": log} if log else None),
        start_ns=start_ns,
        end_ns=now_ns if end_ns is None else end_ns,
        open_end=end_ns is None,
        provider=provider,
        channels=channels,
        instruments=instruments,
        sinks=sinks,
        restart=restart,
    )
    job.progress.claim()
    job.progress.save()  # what cannot be kept is found out before anything is fetched
    resumed = job.progress.resumed
    report, error = anyio.run(_run, job, quiet or as_json, backend="trio")
    progress = job.progress
    if (progress.done and error is None) or not progress.begun:
        progress.forget()
    progress.release()
    if as_json:
        told = _Told(
            complete=progress.done,
            resumed=resumed,
            provider=progress.job.provider,
            start_ns=progress.job.start_ns,
            end_ns=progress.job.end_ns,
            ticks=progress.ticks,
            series=_series(job),
            report=report,
        )
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    else:
        if error is None or has_received(report):
            print_report(report)
        _print_result(job, Console(), error)
    if error is not None:
        raise error
    if not progress.done:
        click.get_current_context().exit(INTERRUPTED)


def _series(job: Backfill) -> Sequence[Mapping[str, str | int | bool]]:
    progress = job.progress
    return [
        {
            "instrument": series.instrument,
            "channel": series.channel,
            "ticks": place.ticks,
            "through_ns": place.through_ns,
            "complete": place.done,
        }
        for series, place in zip(progress.job.series, progress.places, strict=True)
    ]


def _print_result(job: Backfill, console: Console, error: Exception | None) -> None:
    progress = job.progress
    if progress.done:
        console.print(f"complete: {progress.ticks:,} ticks fetched", highlight=False)
    elif progress.ticks:
        part = (
            f"at {progress.part:.1%}, {progress.ticks:,} ticks fetched: the same command goes on from there"
        )
        if _may_pass(error):
            told = f"interrupted {part}"
        else:
            told = (
                f"stopped {part} once the cause is mended; other instruments or channels are another backfill"
            )
        console.print(told, highlight=False, soft_wrap=True)


def _may_pass(error: Exception | None) -> bool:
    """Tell whether the same command may come further without anything being changed."""
    if isinstance(error, ExceptionGroup):
        return all(_may_pass(part) for part in error.exceptions)
    return error is None or isinstance(error, TransientError)


def _told(progress: Place) -> str:
    """Say which backfill it is: its series, and the period in UTC."""
    job = progress.job
    series = ", ".join(f"{one.instrument} {one.channel}" for one in job.series[:3])
    more = ", …" if len(job.series) > 3 else ""
    begin, end = (
        datetime.fromtimestamp(ns // NS_PER_S, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for ns in (job.start_ns, job.end_ns)
    )
    return f"{series}{more}, {begin} to {end}"


async def _run(job: Backfill, quiet: bool) -> tuple[Report, Exception | None]:
    console = Console(stderr=True)
    if not quiet:
        _tell_places(job, console)
    with watching(job.plan, quiet=quiet, draws=False) as watch:

        def listen(record: Record) -> None:
            watch.hear(record)
            if isinstance(record, VenueTrouble):
                again = "" if record.retry_in_s is None else f"; trying again in {record.retry_in_s:.1f} s"
                watch.warn(f"{record.detail}{again}")

        runner = Runner(job.plan, listener=listen, warn=watch.warn)
        async with anyio.create_task_group() as tasks:
            await tasks.start(stop_on_signal, runner)
            tasks.start_soon(watch.show, runner)
            tasks.start_soon(_show_progress, job, watch.console, quiet)
            error = await outcome(runner)
            tasks.cancel_scope.cancel()
    if error is None and runner.failed_sinks:
        told = "; ".join(f"{name}: {cause}" for name, cause in runner.failed_sinks.items())
        error = SinkError(
            f"not all that was fetched is safe ({told}); mend the sink, and begin anew with --restart"
        )
    return runner.report(), error


def _tell_places(job: Backfill, console: Console) -> None:
    """Say where it goes on, and which other backfills wait to be gone on with."""
    if job.progress.resumed:
        console.print(
            f"going on where an earlier run stopped: {job.progress.part:.1%} is done (--restart begins anew)",
            highlight=False,
        )
    for other in job.progress.others():
        console.print(
            f"another backfill was interrupted here at {other.part:.1%}, {_told(other)}: {other.path.name} keeps "
            f"its place for its own command; remove it if that is not wanted any more",
            highlight=False,
            soft_wrap=True,
        )


async def _show_progress(job: Backfill, console: Console, quiet: bool) -> None:
    progress = job.progress
    with ProgressBar("fetching", quiet=quiet, console=console) as bar:
        bar.begin("the period", PARTS, counted=False)
        while True:
            pairs = zip(progress.job.series, progress.places, strict=True)
            at = next(
                (f"{one.instrument} {one.channel}" for one, place in pairs if not place.done), "closing"
            )
            bar.done(round(progress.part * PARTS), note=f"{at}, {progress.ticks:,} ticks")
            await anyio.sleep(LOOK_EVERY_S)
