"""Show the demonstration while it runs, and how it went.

Owns: what a person sees. On a terminal one line is renewed; elsewhere only happenings are printed.
Never: prints where a machine reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio
from rich.console import Console
from rich.status import Status

from ticktrail import Feed
from ticktrail.cli.run import print_report
from ticktrail.report import Report
from ticktrail_mock.demo.promises import Promise
from ticktrail_mock.demo.stage import Stage

__all__ = ["Show"]

LOOK_EVERY_S = 0.2


class Show:
    """The demonstration's display.

    Args:
        quiet: Show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._began = 0.0
        self._switches = 0

    def begin(self, stage: Stage, port: int) -> None:
        """Say what is going to be seen."""
        self._began = anyio.current_time()
        self.tell(f"a loopback Binance listens on port {port}; the feed {stage.feed_file} has two legs at it")

    def tell(self, text: str) -> None:
        """Say what happened."""
        if not self._quiet:
            self._console.print(f"[dim]{anyio.current_time() - self._began:6.1f} s[/dim]  {text}")

    async def watch(self, feed: Feed) -> None:
        """Follow the feed until it has ended."""
        live = not self._quiet and self._console.is_terminal
        self._status = self._console.status("starting") if live else None
        if self._status is not None:
            self._status.start()
        try:
            while not feed.ended:
                self._look(feed.report())
                await anyio.sleep(LOOK_EVERY_S)
            self._look(feed.report())
        finally:
            if self._status is not None:
                self._status.stop()

    def outcome(self, report: Report, promises: Sequence[Promise], files: Mapping[str, str]) -> None:
        """Print the report, the promises and where everything is."""
        self._console.print()
        print_report(report)
        self._console.print("\n[bold]promises[/bold]")
        for promise in promises:
            mark = "[green]kept  [/green]" if promise.kept else "[red]BROKEN[/red]"
            self._console.print(f"  {mark}  {promise.name}: {promise.told}")
        self._console.print("\n[bold]files[/bold]")
        for name, path in files.items():
            self._console.print(f"  {name:6}  {path}")
        broken = sum(not promise.kept for promise in promises)
        verdict = (
            f"[red]{broken} promises were broken[/red]" if broken else "[green]every promise was kept[/green]"
        )
        self._console.print(f"\n{verdict}")

    def _look(self, report: Report) -> None:
        for switch in report.switches[self._switches :]:
            took = "" if switch.failover_ms is None else f", {switch.failover_ms:,.0f} ms after its last tick"
            cause = switch.cause.partition(";")[0]
            self.tell(f"[bold]switched[/bold] {switch.from_leg} → {switch.to_leg} ({cause}{took})")
        self._switches = len(report.switches)
        if self._status is not None:
            received = sum(sum(kinds.values()) for kinds in report.received.values())
            self._status.update(
                f"{received:,} received, {sum(report.delivered.values()):,} delivered, "
                f"{report.rejected_ticks:,} rejected, {sum(report.suppressed.values()):,} suppressed, "
                f"{report.audit.get('ticks', 0):,} sealed"
            )
