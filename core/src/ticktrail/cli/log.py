"""Show what ticktrail logs, where `--debug` asks for it.

Owns: the form of a line of the log on stderr.
Never: decides what is logged, or shows anything unasked.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

__all__ = ["show_log"]


def show_log() -> Callable[[], None]:
    """Show the log on stderr, down to the last detail; returns what ends that."""
    log = logging.getLogger("ticktrail")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)

    def end() -> None:
        log.removeHandler(handler)
        log.setLevel(before)

    return end
