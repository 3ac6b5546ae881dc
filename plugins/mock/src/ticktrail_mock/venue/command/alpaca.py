"""Give the loopback Alpaca a command.

Owns: its options, and what a person needs to point a feed at it.
Never: serves by itself.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import click

from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId
from ticktrail.pace import Speed
from ticktrail_mock.venue.command.options import check_tape, venue_options

__all__ = ["alpaca"]

INSTRUMENTS = {"stocks": ("AAPL", "MSFT"), "crypto": ("BTC/USD", "ETH/USD")}
FEEDS = {"stocks": "iex", "crypto": "us"}


@click.command()
@click.option(
    "--market", type=click.Choice(["stocks", "crypto"]), required=True, help="Which of the venue's markets."
)
@click.option(
    "--symbol-limit", type=click.IntRange(1), help="Symbols a connection may have trades, quotes or books of."
)
@click.option("--connection-limit", type=click.IntRange(1), help="Connections to one feed of a path.")
@venue_options(instruments="AAPL and MSFT, or BTC/USD and ETH/USD,")
def alpaca(
    *,
    market: Literal["stocks", "crypto"],
    symbol_limit: int | None,
    connection_limit: int | None,
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
    """Run a loopback Alpaca: stocks or crypto, by stream and by REST.

    It knows one key, KEY, with the secret SECRET. The tape starts with the first subscription. Any path prefix works
    (ws://127.0.0.1:PORT/a), and each is a venue of its own to the fault script; all of them are one market, while a
    second process is another one. Ctrl-C ends it.

    \b
    Examples:
      ticktrail venue alpaca --market stocks --synthetic --port 9444
      ticktrail venue alpaca --market crypto --synthetic --instrument BTC/USD --rate 1000
      ticktrail venue alpaca --market stocks --recording day.jsonl.gz --archive     # for ticktrail backfill
      ticktrail venue alpaca --market stocks --synthetic --symbol-limit 30 --connection-limit 1

    \b
    A fault script is TOML, one table a fault:
      [[fault]]
      kind = "error"            # cut, mute, garble, slow, refuse, error, error_reply, skip, forget, late_rest,
                                # late_handshake, html, lag, loop_page, empty_page, drop_symbol
      code = 407
      message = "slow client"
      at_s = 5.0                # or at_message = N, or every_messages = N
      path = "/a"               # only this prefix
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    check_tape(
        recording, synthetic=synthetic, shift_times=shift_times, waits=waits, speed=speed, archive=archive
    )
    # `ticktrail --help` need not load a server
    from ticktrail.testing.venue import load_faults  # noqa: PLC0415
    from ticktrail_mock.venue.alpaca.synthetic import SyntheticAlpacaTape  # noqa: PLC0415
    from ticktrail_mock.venue.alpaca.tape import AlpacaTape, RecordingAlpacaTape  # noqa: PLC0415
    from ticktrail_mock.venue.alpaca.venue import KEY, SECRET, serve_alpaca  # noqa: PLC0415
    from ticktrail_mock.venue.alpaca.words import SYMBOLS  # noqa: PLC0415
    from ticktrail_mock.venue.serving import Announcement, serve  # noqa: PLC0415

    tape: AlpacaTape
    if recording is not None:
        tape = RecordingAlpacaTape(recording, now_ns=time.time_ns if shift_times else None)
    else:
        names = [InstrumentId(name) for name in instruments or INSTRUMENTS[market]]
        wrong = [name for name in names if not SYMBOLS[market].fullmatch(name)]
        if wrong:
            raise ConfigError(
                f"{wrong[0]!r} is no symbol of Alpaca's {market}; those are like {INSTRUMENTS[market][0]}"
            )
        tape = SyntheticAlpacaTape(names, market=market, seed=seed, rate=rate, now_ns=time.time_ns)
    venue = serve_alpaca(
        tape,
        port=port,
        speed=speed,
        faults=load_faults(faults) if faults is not None else (),
        waits=waits,
        starts_at=starts_at,
        archive=archive,
        market=market,
        symbol_limit=symbol_limit,
        connection_limit=connection_limit,
    )
    announcement = Announcement(
        name="Alpaca",
        table="alpaca",
        keys={"market": f'"{market}"', "feed": f'"{FEEDS[market]}"'},
        after={
            "key_id": '{ env = "APCA_API_KEY_ID" }',
            "secret_key": '{ env = "APCA_API_SECRET_KEY" }',
        },
        hint=f"its keys, for the feed's process:\n\nexport APCA_API_KEY_ID={KEY} APCA_API_SECRET_KEY={SECRET}",
    )
    serve(venue, announcement, as_json=as_json)
