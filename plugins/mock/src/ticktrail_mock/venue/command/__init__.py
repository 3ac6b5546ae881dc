"""Give loopback venues a command.

Owns: the group of them.
Never: knows one of them further than by its name.
"""

from __future__ import annotations

import click

from ticktrail_mock.venue.command.alpaca import alpaca
from ticktrail_mock.venue.command.binance import binance

__all__ = ["venue"]


@click.group()
def venue() -> None:
    """Run a loopback venue: a real server on this machine that speaks a venue's protocol."""


venue.add_command(binance)
venue.add_command(alpaca)
