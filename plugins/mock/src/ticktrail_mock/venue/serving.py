"""Serve a loopback venue until somebody ends it.

Owns: what the command prints, and how it ends.
Never: reads options.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar

import click
import msgspec
import trio

from ticktrail.testing.venue import Venue, VenuePath

__all__ = ["Announcement", "serve"]

P = TypeVar("P", bound=VenuePath)


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a person is told.

    Attributes:
        name: The venue's.
        table: The provider's table in a feed file.
        keys: What stands in it before the addresses, each as TOML.
        after: What stands in it after them.
        hint: What else to do; empty for nothing.
    """

    name: str
    table: str
    keys: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""


def serve(venue: AbstractAsyncContextManager[Venue[P]], announcement: Announcement, *, as_json: bool) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigError: The port is taken.
    """

    async def run() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with venue as running:
                _announce(running, announcement, as_json=as_json)
                async with trio.open_nursery() as nursery:
                    if not as_json:
                        nursery.start_soon(_tell_the_end, running.ended)
                    async for _ in signals:
                        break
                    nursery.cancel_scope.cancel()

    trio.run(run)


async def _tell_the_end(ended: trio.Event) -> None:
    await ended.wait()
    click.echo("the tape has ended; connections stay open until Ctrl-C", err=True)


def _announce(running: Venue[P], announcement: Announcement, *, as_json: bool) -> None:
    if as_json:
        addresses = {"port": running.port, "ws_url": running.ws_url(), "rest_url": running.rest_url()}
        click.echo(msgspec.json.encode(addresses))
        return
    keys = {
        **announcement.keys,
        "ws_url": f'"{running.ws_url()}"',
        "rest_url": f'"{running.rest_url()}"',
        **announcement.after,
    }
    click.echo(f"a loopback {announcement.name} listens on 127.0.0.1:{running.port}; in a feed file:\n")
    click.echo(f"[providers.{announcement.table}]")
    for key, value in keys.items():
        click.echo(f"{key} = {value}")
    click.echo(f"\n{announcement.hint}\n" if announcement.hint else "")
