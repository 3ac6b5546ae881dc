"""Give the loopback Binance a command.

Owns: its options, and what a person needs to point a feed at it.
Never: serves by itself.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from ticktrail.model import InstrumentId
from ticktrail.pace import Speed
from ticktrail_mock.venue.command.options import check_tape, venue_options

__all__ = ["binance"]


@click.command()
@venue_options(instruments="BTC/USDT and ETH/USDT")
def binance(
    *,
    recording: Path | None,
    synthetic: bool,
    port: int,
    speed: Speed,
    shift_times: bool,
    waits: bool,
    starts_at: int,
    archive: bool,
    faults: Path | None,
    instruments: tuple[str, ...],
    rate: float,
    seed: int,
    as_json: bool,
) -> None:
    """Run a loopback Binance: spot and futures, by stream and by REST.

    The tape starts with the first subscription. Any path prefix works (ws://127.0.0.1:PORT/a), and each is a venue
    of its own to the fault script; all of them are one market, while a second process is another one. Ctrl-C ends it.

    \b
    Examples:
      ticktrail venue binance --synthetic --port 9443
      ticktrail venue binance --recording btc.jsonl.gz --shift-times --port 9443
      ticktrail venue binance --recording btc.jsonl.gz --speed max --wait --faults cuts.toml
      ticktrail venue binance --recording btc.jsonl.gz --archive     # for ticktrail backfill

    \b
    A fault script is TOML, one table a fault:
      [[fault]]
      kind = "cut"              # cut, mute, garble, slow, refuse, error_reply, skip, shutdown,
                                # forget, late_rest, late_handshake, html, old_book, status, lag
      every_messages = 20000    # or at_message = N, or at_s = 5.0
      path = "/a"               # only this prefix
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    check_tape(
        recording, synthetic=synthetic, shift_times=shift_times, waits=waits, speed=speed, archive=archive
    )
    for name in instruments:
        if not all(name.partition("/")) or name != name.upper():
            raise click.UsageError(f"--instrument {name}: write base and quote in capitals, such as BTC/USDT")
    # `ticktrail --help` need not load a server
    from ticktrail.testing.venue import load_faults  # noqa: PLC0415
    from ticktrail_mock.venue.binance.tape import RecordingTape, SyntheticTape, Tape  # noqa: PLC0415
    from ticktrail_mock.venue.binance.venue import serve_binance  # noqa: PLC0415
    from ticktrail_mock.venue.serving import Announcement, serve  # noqa: PLC0415

    tape: Tape
    if recording is not None:
        tape = RecordingTape(recording, now_ns=time.time_ns if shift_times else None)
    else:
        names = [InstrumentId(name) for name in instruments or ("BTC/USDT", "ETH/USDT")]
        tape = SyntheticTape(names, seed=seed, rate=rate, now_ns=time.time_ns)
    venue = serve_binance(
        tape,
        port=port,
        speed=speed,
        faults=load_faults(faults) if faults is not None else (),
        waits=waits,
        starts_at=starts_at,
        archive=archive,
    )
    serve(venue, Announcement(name="Binance", table="binance"), as_json=as_json)
