"""Set up the folder of a feed that shows something, and ask its audit log afterwards.

Owns: a fresh folder with a feed file, and running `ticktrail audit` on it, as anybody would.
Never: deletes what an earlier run did not make.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import msgspec

from ticktrail.errors import ConfigError

__all__ = ["Verification", "ask_audit", "fresh_folder", "verify"]

_WITHIN_S = 300.0


class Verification(msgspec.Struct, frozen=True):
    """What ``ticktrail audit verify --json`` said."""

    sound: bool
    entries: int = 0
    events: int = 0
    segments: int = 0
    ticks: int = 0


def fresh_folder(folder: Path, feed: str) -> Path:
    """Write ``feed.toml`` into the folder, take away an earlier run's ticks and log, and return the file's path.

    Raises:
        ConfigError: The folder cannot be written.
    """
    path = folder / "feed.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        logs = (
            *folder.glob("audit.db*"),
            *folder.glob("audit-keys.db*"),
        )  # and what SQLite keeps beside them
        for old in (folder / "ticks.jsonl", folder / "audit.key", *logs):
            old.unlink(missing_ok=True)
        path.write_text(feed, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(
            f"the folder {folder} cannot be written: {exc.strerror}; choose another with --out"
        ) from exc
    return path


async def verify(feed_file: Path) -> Verification:
    """Return what the program that anybody would ask says of a feed's log.

    Raises:
        ConfigError: The log cannot be read at all.
    """
    return msgspec.json.decode(await ask_audit("verify", feed_file, "--json"), type=Verification)


async def ask_audit(command: str, feed_file: Path, *options: str) -> bytes:
    """Return what an audit command prints.

    Raises:
        ConfigError: It could not be run to its end.
    """
    whole = [sys.executable, "-m", "ticktrail", "audit", command, str(feed_file), *options]
    with anyio.fail_after(_WITHIN_S):
        done = await anyio.run_process(whole, check=False, stderr=subprocess.PIPE)
    if done.returncode not in {0, 1}:
        raise ConfigError(f"the audit log could not be read: {done.stderr.decode().strip()}")
    return done.stdout
