"""Set up the demonstration's folder and feed file.

Owns: what the feed looks like: shaped as in production, but for limits that make waiting short.
Never: writes the folder itself (`files` does).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from ticktrail_mock.files import fresh_folder

__all__ = ["FAILBACK_S", "STALE_S", "Stage", "find_dashboard_address", "set_up"]

STALE_S = 1.0
FAILBACK_S = 2.0

FEED = """\
# Written by `ticktrail demo`. The venue of both legs is a loopback server that is gone by now:
# `ticktrail audit verify` and `ticktrail audit show` still read what the feed recorded.
[feed]
name = "demo"
profile = "production"
instruments = [{instruments}]
channels = [{channels}]

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
stale_after_s = {{ trades = {stale_s}, quotes = {stale_s} }}
failback_after_s = {failback_s}

[backoff]
first_s = 0.2
cap_s = 1.0

[clock]
servers = []                        # the demonstration needs no network

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
database = "sqlite:///audit.db"
"""
DASHBOARD = """
[dashboard]
address = "{address}"
"""
DASHBOARD_PORT = 8787


def find_dashboard_address() -> str | None:
    """Return where a dashboard can be served on this machine, another port where the usual one is taken.

    Returns:
        None where nothing is installed that serves one.
    """
    if not entry_points(group="ticktrail", name="dashboard"):
        return None
    for port in (DASHBOARD_PORT, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue  # it is taken: by another demonstration, for one
            return f"127.0.0.1:{trial.getsockname()[1]}"
    return None


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is."""

    folder: Path

    @property
    def feed_file(self) -> Path:
        """The feed file."""
        return self.folder / "feed.toml"

    @property
    def ticks(self) -> Path:
        """What the sink wrote."""
        return self.folder / "ticks.jsonl"

    @property
    def audit(self) -> Path:
        """The audit log's database."""
        return self.folder / "audit.db"

    @property
    def key(self) -> Path:
        """The audit log's key."""
        return self.folder / "audit.key"


def set_up(
    folder: Path,
    *,
    instruments: Sequence[str],
    channels: Sequence[str],
    ws_url: str,
    rest_url: str,
    dashboard: str | None = None,
) -> Stage:
    """Return a folder with a feed file, and nothing left of an earlier demonstration.

    Args:
        folder: Where it is.
        instruments: What the feed has.
        channels: The same.
        ws_url: Where the venue's streams are.
        rest_url: Where the venue answers requests.
        dashboard: Host and port at which a dashboard is served; None: there is none.

    Raises:
        ConfigError: The folder cannot be written.
    """
    stage = Stage(folder)
    text = FEED.format(
        instruments=", ".join(f'"{name}"' for name in instruments),
        channels=", ".join(f'"{name}"' for name in channels),
        ws_url=ws_url,
        rest_url=rest_url,
        stale_s=STALE_S,
        failback_s=FAILBACK_S,
    )
    if dashboard is not None:
        text += DASHBOARD.format(address=dashboard)
    fresh_folder(folder, text)
    return stage
