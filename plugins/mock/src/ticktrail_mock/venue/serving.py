"""Serve a loopback venue until somebody ends it.

Owns: what the command prints, and how it ends.
Never: reads options.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import trio

from ticktrail.model import InstrumentId
from ticktrail_mock.pace import Speed
from ticktrail_mock.venue.binance import BinanceVenue, serve_binance
from ticktrail_mock.venue.faults import load_faults
from ticktrail_mock.venue.tape import RecordingTape, SyntheticTape, Tape

__all__ = ["recording_tape", "serve", "synthetic_tape"]


def recording_tape(path: Path, *, shift_times: bool) -> Tape:
    """Return a recording's tape.

    Raises:
        ConfigError: It cannot be read.
    """
    return RecordingTape(path, now_ns=time.time_ns if shift_times else None)


def synthetic_tape(instruments: Sequence[str], *, seed: int, rate: float) -> Tape:
    """Return a made-up market's tape."""
    return SyntheticTape(
        [InstrumentId(name) for name in instruments], seed=seed, rate=rate, now_ns=time.time_ns
    )


def serve(
    tape: Tape,
    *,
    port: int,
    speed: Speed,
    faults: Path | None,
    waits: bool,
    starts_at: int,
    archive: bool,
    as_json: bool,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigError: The port is taken, or the fault script cannot be used.
    """
    script = load_faults(faults) if faults is not None else ()

    async def run() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with serve_binance(
                tape,
                port=port,
                speed=speed,
                faults=script,
                waits=waits,
                starts_at=starts_at,
                archive=archive,
            ) as venue:
                _announce(venue, as_json=as_json)
                async with trio.open_nursery() as nursery:
                    if not as_json:
                        nursery.start_soon(_tell_the_end, venue)
                    async for _ in signals:
                        break
                    nursery.cancel_scope.cancel()

    trio.run(run)


async def _tell_the_end(venue: BinanceVenue) -> None:
    await venue.ended.wait()
    click.echo("the tape has ended; connections stay open until Ctrl-C", err=True)


def _announce(running: BinanceVenue, *, as_json: bool) -> None:
    if as_json:
        addresses = {"port": running.port, "ws_url": running.ws_url(), "rest_url": running.rest_url()}
        click.echo(msgspec.json.encode(addresses))
        return
    click.echo(f"a loopback Binance listens on 127.0.0.1:{running.port}; in a feed file:\n")
    click.echo(f'[providers.binance]\nws_url = "{running.ws_url()}"\nrest_url = "{running.rest_url()}"\n')
