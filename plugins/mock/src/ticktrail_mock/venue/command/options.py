"""Give the commands of loopback venues the options that all of them have.

Owns: those options, and which of them exclude each other.
Never: opens a file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from ticktrail.pace import Speed

__all__ = ["check_tape", "venue_options"]

F = TypeVar("F", bound=Callable[..., object])


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


def venue_options(*, instruments: str) -> Callable[[F], F]:
    """Return a decorator that adds the options.

    Args:
        instruments: What a made-up market trades where nobody says it.
    """
    options = [
        click.option("--recording", type=click.Path(path_type=Path), help="Send what was recorded."),
        click.option("--synthetic", is_flag=True, help="Send a made-up market."),
        click.option(
            "--port", type=click.IntRange(0, 65_535), default=0, help="Where to listen; 0: any free port."
        ),
        click.option(
            "--speed",
            type=SpeedType(),
            default="recorded",
            show_default=True,
            help="recorded, max or a factor.",
        ),
        click.option(
            "--shift-times",
            is_flag=True,
            help="Move the recording's times to now, so that freshness rules pass.",
        ),
        click.option(
            "--wait",
            "waits",
            is_flag=True,
            help="Send nothing while nobody is subscribed, and go on from there.",
        ),
        click.option(
            "--start-at",
            "starts_at",
            type=click.IntRange(1),
            default=1,
            show_default=True,
            help="Start the tape once so many streams are subscribed to.",
        ),
        click.option(
            "--archive",
            is_flag=True,
            help="Let the whole recording be asked for by REST, as long past.",
        ),
        click.option("--faults", type=click.Path(path_type=Path), help="A fault script."),
        click.option(
            "--instrument", "instruments", multiple=True, help=f"Of a made-up market; {instruments} if none."
        ),
        click.option(
            "--rate",
            type=click.FloatRange(0, 1_000_000, min_open=True),
            default=200.0,
            show_default=True,
            help="Messages a second of a made-up market.",
        ),
        click.option(
            "--seed", type=int, default=1, show_default=True, help="The same seed gives the same market."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON object."),
    ]

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def check_tape(
    recording: Path | None, *, synthetic: bool, shift_times: bool, waits: bool, speed: Speed, archive: bool
) -> None:
    """Insist on one tape, and on options that fit it.

    Raises:
        click.UsageError: They do not.
    """
    if (recording is not None) == synthetic:
        raise click.UsageError("say what to send: --recording FILE or --synthetic, one of them")
    if shift_times and (recording is None or speed != "recorded"):
        raise click.UsageError("--shift-times is for a --recording at its own pace; leave --speed out")
    if shift_times and waits:
        raise click.UsageError(
            "--wait holds the tape, and its shifted times would grow old: leave one of them out"
        )
    if archive and recording is None:
        raise click.UsageError("--archive is for a --recording: a made-up market has no end")
