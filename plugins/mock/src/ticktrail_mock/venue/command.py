"""Give loopback venues a command.

Owns: its options, and what a person needs to point a feed at the venue.
Never: serves by itself.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_mock.pace import Speed

__all__ = ["venue"]


class SpeedType(click.ParamType[object]):
    """``recorded``, ``max`` or a factor."""

    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Speed:
        """Return the speed."""
        if value == "recorded":
            return "recorded"
        if value == "max":
            return "max"
        try:
            factor = float(str(value))
        except ValueError:
            factor = 0.0
        if not 0 < factor <= 1_000_000:
            self.fail(f"{value!r} is no speed; write recorded, max, or a factor such as 10", param, ctx)
        return factor


@click.group()
def venue() -> None:
    """Run a loopback venue: a real server on this machine that speaks a venue's protocol."""


@venue.command()
@click.option("--recording", type=click.Path(path_type=Path), help="Send what was recorded.")
@click.option("--synthetic", is_flag=True, help="Send a made-up market.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Where to listen; 0: any free port.")
@click.option(
    "--speed", type=SpeedType(), default="recorded", show_default=True, help="recorded, max or a factor."
)
@click.option(
    "--shift-times", is_flag=True, help="Move the recording's times to now, so that freshness rules pass."
)
@click.option(
    "--wait", "waits", is_flag=True, help="Send nothing while nobody is subscribed, and go on from there."
)
@click.option("--start-at", "starts_at", type=click.IntRange(1), default=1, show_default=True,
              help="Start the tape once so many streams are subscribed to.")  # fmt: skip
@click.option(
    "--archive", is_flag=True, help="Let all trades of the recording be asked for by REST, as long past."
)
@click.option("--faults", type=click.Path(path_type=Path), help="A fault script.")
@click.option(
    "--instrument", "instruments", multiple=True, help="Of a made-up market; BTC/USDT and ETH/USDT if none."
)
@click.option("--rate", type=click.FloatRange(0, 1_000_000, min_open=True), default=200.0, show_default=True,
              help="Messages a second of a made-up market.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same market.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON object.")
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
    """Run a loopback Binance: streams of spot and futures, and the REST requests that the plugin needs.

    The tape starts with the first subscription. Any path prefix works (ws://127.0.0.1:PORT/a), and each is a venue
    of its own to the fault script. Ctrl-C ends it.

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
    if (recording is not None) == synthetic:
        raise click.UsageError("say what to send: --recording FILE or --synthetic, one of them")
    if shift_times and (recording is None or speed != "recorded"):
        raise click.UsageError("--shift-times is for a --recording at its own pace; leave --speed out")
    if archive and recording is None:
        raise click.UsageError("--archive is for a --recording: a made-up market has no end")
    if shift_times and waits:
        raise click.UsageError(
            "--wait holds the tape, and its shifted times would grow old: leave one of the two out"
        )
    for name in instruments:
        if not all(name.partition("/")) or name != name.upper():
            raise click.UsageError(f"--instrument {name}: write base and quote in capitals, such as BTC/USDT")
    from ticktrail_mock.venue import serving  # noqa: PLC0415 - `ticktrail --help` need not load a server

    if recording is not None:
        tape = serving.recording_tape(recording, shift_times=shift_times)
    else:
        tape = serving.synthetic_tape(instruments or ("BTC/USDT", "ETH/USDT"), seed=seed, rate=rate)
    serving.serve(
        tape,
        port=port,
        speed=speed,
        faults=faults,
        waits=waits,
        starts_at=starts_at,
        archive=archive,
        as_json=as_json,
    )
