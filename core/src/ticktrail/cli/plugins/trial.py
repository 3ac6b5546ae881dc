"""Load an installed distribution as a feed does, in a process of its own, and write down why a feed would refuse it.

``python -m ticktrail.cli.plugins.trial DISTRIBUTION FILE`` is run by `ticktrail plugins test`, which must not import a
plugin itself.

Owns: the feed files that name what a plugin declares, and the refusals.
Never: opens what a plugin declares.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from ticktrail._host import Host
from ticktrail._host.builtin import OWN
from ticktrail._host.discovery import GROUP, canonical, find_plugins
from ticktrail._plan import compose
from ticktrail.errors import ConfigError, PluginError

__all__ = ["faults_of"]

_FEED: Final = """\
[feed]
name = "trial"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
"""


def faults_of(distribution: str) -> Sequence[str]:
    """Return why no feed could load the plugins of a distribution, in the host's own words; empty where one could.

    What is declared is named in a feed file each, since only there it shows that a key is ticktrail's own. What the
    file lacks besides is no fault of the plugin's.
    """
    wanted = canonical(distribution)
    if wanted != OWN and all(canonical(found.distribution) != wanted for found in find_plugins()):
        return [_without_entry_point(distribution)]
    try:
        host = Host.survey(allow=[distribution])
    except PluginError as exc:
        return [str(exc)]
    out = [
        f"plugin {one.name}: {one.reason}"
        for one in host.quarantined
        if canonical(one.distribution) == wanted
    ]
    out += [one.reason for one in host.broken if canonical(one.distribution) == wanted]
    names = {one.name for one in host.loaded if canonical(one.distribution) == wanted}
    with tempfile.TemporaryDirectory(prefix="ticktrail-") as folder:
        path = Path(folder) / "feed.toml"
        for text in _feeds(host, names):
            path.write_text(text, encoding="utf-8")
            try:
                compose(path, host)
            except ConfigError:
                continue
            except PluginError as exc:
                out.append(str(exc))
    return list(dict.fromkeys(out))


def _without_entry_point(distribution: str) -> str:
    module = f"{distribution.replace('-', '_')}.plugin"
    return (
        f'{distribution} has no entry point of the group "{GROUP}", so no feed finds it; name its module in its '
        f'pyproject.toml, under [project.entry-points.{GROUP}], such as NAME = "{module}", and install it again'
    )


def _feeds(host: Host, plugins: set[str]) -> Iterator[str]:
    """Yield a feed file for each thing that plugins declare and that a feed file names."""
    yield _FEED
    for name in host.providers():
        if host.owner("provider", name) in plugins:
            yield f"{_FEED}[providers.trial]\nplugin = {_quoted(name)}\n"
    for name in host.sinks():
        if host.owner("sink", name) in plugins:
            yield f"{_FEED}[[sinks]]\nplugin = {_quoted(name)}\n"


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(faults_of(sys.argv[1])))
