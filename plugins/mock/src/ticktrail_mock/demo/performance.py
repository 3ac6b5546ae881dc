"""Run the demonstration from its first tick to its verdict.

Owns: the venue, the feed beside it, and what is shown while they run.
Never: judges (`promises` does).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import anyio
import msgspec

from ticktrail import Feed, open_feed
from ticktrail.model import InstrumentId
from ticktrail.report import Report
from ticktrail_mock.demo.promises import Promise, judge
from ticktrail_mock.demo.script import play
from ticktrail_mock.demo.show import Show
from ticktrail_mock.demo.stage import find_dashboard_address, set_up
from ticktrail_mock.files import Verification, verify
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.meddler import Meddler
from ticktrail_mock.venue.binance.tape import RecordingTape, SyntheticTape, Tape

__all__ = ["Outcome", "perform"]

INSTRUMENTS = (InstrumentId("BTC/USDT"), InstrumentId("ETH/USDT"))
RATE = 400.0
BROKEN = 1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ticktrail demo --json`` prints."""

    kept: bool
    promises: list[Promise]
    verification: Verification | None
    report: Report
    files: dict[str, str]


def perform(recording: Path | None, folder: Path, *, dashboard: bool, as_json: bool) -> int:
    """Run the demonstration, print its outcome, and return the exit status.

    Args:
        recording: What is played; None: a made-up market.
        folder: Where its files go.
        dashboard: Serve one, where something is installed that does.
        as_json: Print one JSON object at the end, nothing else.

    Raises:
        ConfigError: The recording or the folder cannot be used.
    """
    tape: Tape
    if recording is not None:
        tape = RecordingTape(recording, now_ns=time.time_ns)
        instruments = [InstrumentId("/".join(parts[:2])) for parts in tape.listing().values()]
        channels = ["trades", "quotes"]
    else:
        tape = SyntheticTape(INSTRUMENTS, seed=1, rate=RATE, now_ns=time.time_ns)
        instruments = list(INSTRUMENTS)
        channels = ["trades", "quotes", "ticker"]
    show = Show(quiet=as_json)
    address = find_dashboard_address() if dashboard else None
    outcome = anyio.run(_perform, Meddler(tape), folder, instruments, channels, show, address, backend="trio")
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    else:
        show.outcome(outcome.report, outcome.promises, outcome.files)
    return 0 if outcome.kept else BROKEN


async def _perform(
    meddler: Meddler,
    folder: Path,
    instruments: list[InstrumentId],
    channels: list[str],
    show: Show,
    dashboard: str | None,
) -> Outcome:
    async with serve_binance(meddler) as venue:
        stage = set_up(
            folder,
            instruments=instruments,
            channels=channels,
            ws_url=venue.ws_url(),
            rest_url=venue.rest_url(),
            dashboard=dashboard,
        )
        show.begin(stage, venue.port)
        if dashboard is not None:
            show.tell(f"dashboard: http://{dashboard}/")
        async with open_feed(stage.feed_file) as feed, anyio.create_task_group() as tasks:
            tasks.start_soon(_read, feed)
            tasks.start_soon(show.watch, feed)
            await play(venue, meddler, show.tell)
            feed.stop()
        report = feed.report()
    show.tell("the feed has stopped; its audit log is verified")
    verification = await verify(stage.feed_file)
    promises = judge(report, meddler, stage.ticks, verification)
    files = {"feed": stage.feed_file, "ticks": stage.ticks, "audit": stage.audit, "key": stage.key}
    return Outcome(
        kept=all(promise.kept for promise in promises),
        promises=list(promises),
        verification=verification,
        report=report,
        files={name: str(path.absolute()) for name, path in files.items()},
    )


async def _read(feed: Feed) -> None:
    """Take what the feed delivers, as a program that embeds it would."""
    async for _ in feed.batches():
        pass
