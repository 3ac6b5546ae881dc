"""Hold what a feed's plugins were when somebody looked at them: a name, a version and a hash of each distribution.

Owns: the lock file's form, and the words for how two sets of pins differ.
Never: imports what it pins, or decides what may run.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from ticktrail.errors import ConfigError

__all__ = ["LOCK_NAME", "Pin", "differing", "read_lock", "write_lock"]

LOCK_NAME: Final = "plugins.lock"
"""What a lock is called where a feed file does not say."""
_MOST_BYTES: Final = 1_048_576
_HEAD: Final = (
    "# Which plugins may run, by the hashes of their files. `ticktrail plugins lock FEED.toml` writes it;\n"
    "# look at what changed before you write it anew.\n"
)


class Pin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One distribution as it may run.

    Attributes:
        name: The distribution's.
        version: As it says itself.
        sha256: Of all its files (`ticktrail.digest`), in hex.
        plugins: The names of its plugins, for people.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    version: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    plugins: tuple[str, ...] = ()


class _Lock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1]
    distributions: tuple[Pin, ...] = ()


def read_lock(path: Path) -> tuple[Pin, ...]:
    """Return the pins of a lock.

    Raises:
        ConfigError: It cannot be read, is no lock, or pins a distribution twice.
    """
    remedy = "write it with `ticktrail plugins lock FEED.toml`"
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise ConfigError(
            f"{path}: the lock of the plugins cannot be read ({exc.strerror}); {remedy}"
        ) from exc
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path}: is larger than {_MOST_BYTES:,} bytes, and no lock of plugins; {remedy}")
    try:
        lock = msgspec.convert(tomllib.loads(raw.decode()), _Lock)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{path}: is no lock of plugins ({' '.join(str(exc).split())}); {remedy}") from exc
    names = [_canonical(pin.name) for pin in lock.distributions]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: pins {name} twice; {remedy}")
    return lock.distributions


def write_lock(pins: Iterable[Pin]) -> str:
    """Return the text of a lock: the same pins give the same text, whatever their order."""
    parts = [_HEAD, "version = 1\n"]
    for pin in sorted(pins, key=lambda pin: _canonical(pin.name)):
        names = ", ".join(map(_quoted, sorted(pin.plugins)))
        parts.append(
            f"\n[[distributions]]\nname = {_quoted(pin.name)}\nversion = {_quoted(pin.version)}\n"
            f"sha256 = {_quoted(pin.sha256)}\nplugins = [{names}]\n"
        )
    return "".join(parts)


def differing(locked: Iterable[Pin], present: Iterable[Pin]) -> Iterator[str]:
    """Yield a clause for each distribution that is not as it was locked: changed, not locked at all, or gone."""
    before, now = _by_name(locked), _by_name(present)
    for name, pin in now.items():
        if (was := before.get(name)) is None:
            yield f"{pin.name} {pin.version} ({_short(pin)}) is installed and may run, and is not in the lock"
        elif was.sha256 != pin.sha256:
            version = f"still says it is {pin.version}" if pin.version == was.version else f"is {pin.version}"
            yield (
                f"{pin.name} is locked as {was.version} ({_short(was)}), and what is installed {version} "
                f"({_short(pin)})"
            )
        elif was.version != pin.version:
            yield f"{pin.name} is locked as {was.version} and calls itself {pin.version}, with the same files"
    for name, pin in before.items():
        if name not in now:
            yield f"{pin.name} {pin.version} ({_short(pin)}) is in the lock, and is not installed or not allowed"


def _by_name(pins: Iterable[Pin]) -> Mapping[str, Pin]:
    return {_canonical(pin.name): pin for pin in pins}


def _short(pin: Pin) -> str:
    return f"sha256 {pin.sha256[:12]}…"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
