"""Run a feed through chaos, from its first tick to its verdict.

Owns: the venues, the feed beside them, and the files of a run.
Never: judges (`verdict` does).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import msgspec
from rich.console import Console

from ticktrail import Feed, open_feed
from ticktrail.model import InstrumentId
from ticktrail.report import Report
from ticktrail.testing.venue import Fault
from ticktrail_mock.chaos.faults import PATHS, draw
from ticktrail_mock.chaos.ledger import Ledger
from ticktrail_mock.chaos.verdict import Account, Told, judge
from ticktrail_mock.demo.promises import Promise
from ticktrail_mock.files import ask_audit, fresh_folder, verify
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.symbols import symbol_of
from ticktrail_mock.venue.binance.tape import SyntheticTape

__all__ = ["Chaos", "perform"]

BROKEN = 1
SILENCE_S = 1.0
COINS = (
    "BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "DOT", "LTC", "LINK", "AVAX", "TRX", "UNI", "ATOM", "XLM", "ETC", "FIL",
    "APT", "ARB", "NEAR", "OP", "INJ", "SUI", "TIA", "SEI", "AAVE", "ALGO", "EGLD", "EOS", "FLOW", "GRT", "HBAR", "ICP",
    "IMX", "KAVA", "LDO", "MKR", "NEO", "QNT", "RUNE", "SNX",
)  # fmt: skip

FEED = """\
# Written by `ticktrail chaos`; the venues of both legs are gone by now.
[feed]
name = "chaos"
instruments = [{instruments}]
channels = ["trades", "quotes"]

[providers.primary]
plugin = "binance"
ws_url = "{ws_url}/a"
rest_url = "{rest_url}/a"

[providers.fallback]
plugin = "binance"
ws_url = "{ws_url}/b"
rest_url = "{rest_url}/b"

[route]
kind = "hybrid"
primary = "primary"
fallback = "fallback"
stale_after_s = {{ trades = {silence_s}, quotes = {silence_s} }}
failback_after_s = 3.0
reject_window = 50

[backoff]
first_s = 0.2
cap_s = 1.0

[validation]
jump_confirm_s = 30                 # a venue that lies for two seconds confirms no new level

[clock]
servers = []

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
database = "sqlite:///audit.db"
"""


class Chaos(msgspec.Struct, frozen=True, kw_only=True):
    """What ``ticktrail chaos --json`` prints."""

    kept: bool
    seed: int
    seconds: float
    faults: Sequence[Fault]
    promises: Sequence[Promise]
    report: Report


def perform(folder: Path, *, seed: int, seconds: float, instruments: int, rate: float, as_json: bool) -> int:
    """Run it, print the outcome, and return the exit status.

    Raises:
        ConfigError: The folder cannot be used.
    """
    names = [InstrumentId(f"{coin}/USDT") for coin in COINS[:instruments]]
    faults = draw(seed, seconds, [symbol_of(name) for name in names])
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    outcome = anyio.run(_perform, folder, names, faults, seed, seconds, rate, console, backend="trio")
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
    else:
        _tell(outcome, folder)
    return 0 if outcome.kept else BROKEN


async def _perform(
    folder: Path,
    names: Sequence[InstrumentId],
    faults: Sequence[Fault],
    seed: int,
    seconds: float,
    rate: float,
    console: Console,
) -> Chaos:
    ledger = Ledger(SyntheticTape(names, seed=seed, rate=rate, now_ns=time.time_ns))
    async with serve_binance(ledger, faults=faults, starts_at=len(names) * 2 * len(PATHS)) as venue:
        feed_file = _set_up(folder, names, venue.ws_url(), venue.rest_url())
        async with open_feed(feed_file) as feed, anyio.create_task_group() as tasks:
            tasks.start_soon(_read, feed)
            tasks.start_soon(_show, feed, faults, seconds, console)
            await anyio.sleep(seconds)
            feed.stop()
        report = feed.report()
        lied = frozenset(lie for prefix in PATHS for lie in venue.path(prefix).lied)
    account = Account(
        trades=ledger.trades,
        lied=lied,
        ticks=folder / "ticks.jsonl",
        switches=await _switches(feed_file),
        verification=await verify(feed_file),
        silence_ms=SILENCE_S * 1_000,
    )
    promises = judge(report, account)
    return Chaos(
        kept=all(promise.kept for promise in promises),
        seed=seed,
        seconds=seconds,
        faults=faults,
        promises=promises,
        report=report,
    )


def _set_up(folder: Path, names: Sequence[InstrumentId], ws_url: str, rest_url: str) -> Path:
    text = FEED.format(
        instruments=", ".join(f'"{name}"' for name in names),
        ws_url=ws_url,
        rest_url=rest_url,
        silence_s=SILENCE_S,
    )
    return fresh_folder(folder, text)


async def _read(feed: Feed) -> None:
    async for _ in feed.batches():
        pass


async def _show(feed: Feed, faults: Sequence[Fault], seconds: float, console: Console) -> None:
    """Tell a person how far it is; a line now and then where there is no terminal."""
    began = anyio.current_time()
    every_s = 1.0 if console.is_terminal else 60.0
    with console.status("starting") if console.is_terminal else Console(quiet=True).status(""):
        while not feed.ended:
            await anyio.sleep(min(every_s, max(0.2, seconds / 20)))
            gone = anyio.current_time() - began
            done = sum(fault.at_s is not None and fault.at_s < gone for fault in faults)
            report = feed.report()
            console.print(
                f"{gone:6.0f} of {seconds:.0f} s, {done} of {len(faults)} faults, {len(report.switches)} switches, "
                f"{sum(report.delivered.values()):,} delivered",
                end="\r" if console.is_terminal else "\n",
            )


class _Shown(msgspec.Struct, frozen=True):
    record: Told


async def _switches(feed_file: Path) -> Sequence[Told]:
    shown = await ask_audit("show", feed_file, "--event", "leg_switched", "--json")
    return [msgspec.json.decode(line, type=_Shown).record for line in shown.splitlines()]


def _tell(outcome: Chaos, folder: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"seed {outcome.seed}, {outcome.seconds:g} s, {len(outcome.faults)} faults")
    for promise in outcome.promises:
        mark = "[green]kept  [/green]" if promise.kept else "[red]BROKEN[/red]"
        console.print(f"  {mark}  {promise.name}: {promise.told}")
    console.print(f"files: {folder.absolute()}")
