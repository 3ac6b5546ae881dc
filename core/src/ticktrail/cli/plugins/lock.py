"""`ticktrail plugins lock`: pin the plugins of a feed by the hashes of their files.

Owns: writing the lock, and telling how what is installed differs from it.
Never: imports a plugin.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click
import msgspec

from ticktrail._host.lock import altered, editable, pins_of_installed
from ticktrail.cli.plugins.loading import read_plugins
from ticktrail.errors import ConfigError
from ticktrail.pins import LOCK_NAME, Pin, differing, read_lock, write_lock
from ticktrail.text import one_line

__all__ = ["lock_plugins"]

_EXAMPLES = "\b\nExamples:\n  ticktrail plugins lock btc.toml\n  ticktrail plugins lock btc.toml --check"


_MOST_FILES: Final = 5


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    lock: str
    written: bool
    differences: tuple[str, ...]
    editable: tuple[str, ...]
    distributions: tuple[Pin, ...]


@click.command("lock", epilog=_EXAMPLES)
@click.argument("feed", metavar="FEED.toml", type=click.Path(path_type=Path))
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 where what is installed is not what is locked."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def lock_plugins(feed: Path, *, check: bool, as_json: bool) -> None:
    """Pin the plugins that a feed may load, and ticktrail itself, by version and the hash of all their files.

    The lock stands where `lock` under [plugins] in the feed file says; `run`, `check` and `open_feed` then import
    nothing where a distribution is another one, is not in it, or is gone. What changed since the last lock is told.
    """
    document, table = read_plugins(feed)
    path = document.base_dir / (table.lock or LOCK_NAME)
    present = pins_of_installed(table.allow)
    before = read_lock(path) if path.exists() or check else ()
    differences = tuple(differing(before, present))
    linked = editable(present)
    text = write_lock(present)
    stale = not path.exists() or path.read_text(encoding="utf-8") != text
    if not check and stale:
        _write(path, text)
    if as_json:
        told = _Told(
            lock=str(path),
            written=not check and stale,
            differences=differences if before or check else (),
            editable=linked,
            distributions=present,
        )
        click.echo(msgspec.json.encode(told))
    else:
        _tell(path, before, present, differences, check=check)
        for name in linked:
            click.echo(
                f"note: {name} is installed as a link to its sources: each edit there is a difference, and what the "
                "lock pins are the files as they are now"
            )
        if table.lock is None:
            click.echo(
                f'note: {feed} does not use it yet: add lock = "{LOCK_NAME}" under [plugins], and the feed runs with '
                "these alone"
            )
    if check and differences:
        raise click.exceptions.Exit(1)


def _tell(
    path: Path,
    before: tuple[Pin, ...],
    present: tuple[Pin, ...],
    differences: tuple[str, ...],
    *,
    check: bool,
) -> None:
    if before or check:
        for clause in differences:
            click.echo(clause)
        known = {pin.name: pin.sha256 for pin in before}
        for pin in present:
            if known.get(pin.name, pin.sha256) != pin.sha256 and (files := altered(pin)):
                more = f" and {len(files) - _MOST_FILES:,} more" if len(files) > _MOST_FILES else ""
                named = one_line(", ".join(files[:_MOST_FILES]))
                click.echo(f"  not as {pin.name} was installed: {named}{more}")
    held = f"{len(present)} distributions"
    if check:
        click.echo(
            f"{path}: does not hold; look at what changed, then write it anew without --check"
            if differences
            else f"{path}: holds for {held}"
        )
    else:
        click.echo(f"{path}: pins {held}" if differences or not before else f"{path}: as it was, {held}")


def _write(path: Path, text: str) -> None:
    """Put the lock in place as a whole: a reader never sees a half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.chmod(0o644)
        beside.replace(path)
    except OSError as exc:
        beside.unlink(missing_ok=True)
        raise ConfigError(
            f"{path}: the lock cannot be written ({exc.strerror}); give this user the right to, or name another place "
            "with lock under [plugins]"
        ) from exc
