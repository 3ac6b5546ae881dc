"""The `ticktrail` program. Its parts are imported when it is run, so that Ctrl-C ends that quietly too."""

from __future__ import annotations

import warnings

from ticktrail.cli.statuses import INTERRUPTED

__all__ = ["main"]


def main() -> None:
    """Run the program, as the console script does."""
    try:
        from ticktrail.cli.program import program  # noqa: PLC0415 - see above
        from ticktrail.deprecation import TicktrailDeprecationWarning  # noqa: PLC0415

        warnings.simplefilter(
            "ignore", TicktrailDeprecationWarning
        )  # `plugins list`, `check` and `run` tell them

        program(prog_name="ticktrail")
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
