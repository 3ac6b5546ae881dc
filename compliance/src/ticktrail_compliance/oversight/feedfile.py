"""Find out which legs of a feed are a provider's, and which feed it is.

Owns: the few keys of a feed file that oversight and checks read.
Never: composes a feed, or judges the file; `ticktrail check` does.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ticktrail.errors import ConfigError
from ticktrail_compliance.oversight.settings import ServiceProvider

__all__ = ["FeedFacts", "canonical", "legs_of", "load_facts"]


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What a feed file says of itself.

    Attributes:
        name: The feed's; None where the file names none.
        plugins: By leg, the name of the plugin that is its provider.
        time_servers: Whom it asks for the time: ``[clock] servers``; None: the program's own.
        allowed: The distributions of ``[plugins] allow``, in the form that they are compared by.
        sha256: Of the file's bytes, by which a run tells under which file it began.
        lock: Where the file that pins its plugins lies: ``[plugins] lock``; None: it has none.
    """

    name: str | None
    plugins: Mapping[str, str]
    time_servers: tuple[str, ...] | None
    allowed: frozenset[str]
    sha256: str
    lock: Path | None = None

    @property
    def measures_clock(self) -> bool:
        """Whether it has time servers to ask."""
        return self.time_servers != ()


def load_facts(path: Path) -> FeedFacts:
    """Return what a feed file says.

    Raises:
        ConfigError: It cannot be read as TOML.
    """
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(
            f"{path}: cannot be read ({exc}); name the feed file, and run `ticktrail check`"
        ) from exc
    providers, name = _table(document.get("providers")), _table(document.get("feed")).get("name")
    servers = _table(document.get("clock")).get("servers")
    plugged = _table(document.get("plugins"))
    allowed, lock = plugged.get("allow"), plugged.get("lock")
    return FeedFacts(
        name=name if isinstance(name, str) else None,
        plugins={leg: str(_table(table).get("plugin", leg)) for leg, table in providers.items()},
        time_servers=tuple(map(str, servers)) if isinstance(servers, list) else None,
        allowed=frozenset(canonical(str(one)) for one in allowed)
        if isinstance(allowed, list)
        else frozenset(),
        sha256=hashlib.sha256(content).hexdigest(),
        lock=path.absolute().parent / lock if isinstance(lock, str) and lock else None,
    )


def canonical(distribution: str) -> str:
    """Return the form of a distribution's name in which two that are the same are equal."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def legs_of(
    provider: ServiceProvider, plugins: Mapping[str, str], seen: Iterable[str] = ()
) -> frozenset[str]:
    """Return the legs that are a provider's.

    Args:
        provider: As the policy has it; it names legs, or plugins that legs use.
        plugins: By leg of the feed file, the name of its plugin.
        seen: Legs of which the log tells, which the file may not name any more.
    """
    named = frozenset(provider.legs)
    by_plugin = {leg for leg, plugin in plugins.items() if plugin in named}
    return frozenset(leg for leg in {*plugins, *seen} if leg in named) | by_plugin


def _table(found: object) -> Mapping[str, object]:
    return found if isinstance(found, dict) else {}
