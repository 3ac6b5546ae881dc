"""`ticktrail plugins new`: write a plugin distribution whose own tests pass, to be changed into what is needed.

Owns: names derived from a distribution's name, and the copying of a template.
Never: installs anything, overwrites anything, or knows what stands in a template.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["KINDS", "Names", "new_plugin", "write_plugin"]

KINDS: Final = ("provider", "validator", "sink", "route", "observer")
_NEEDS_A_VENUE: Final = frozenset({"provider"})
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*")
_LONGEST: Final = 40
"""Lines of a template fit with such a name in them, and are laid out as with a short one."""
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)
}
"""Names that no folder can have on Windows."""
_PLACEHOLDER: Final = re.compile(r"acme-ticktrail|acme_ticktrail|Acme|ACME|acme")
_WHAT: Final = frozenset({"observer", "provider", "route", "rule", "settings", "sink", "venue"})
"""What classes of a template are called behind the name: a sink named acme_sink is an AcmeSink, and no AcmeSinkSink."""
_EXAMPLES = (
    "\b\nExamples:\n  ticktrail plugins new acme-ticktrail --kind provider\n"
    "  ticktrail plugins new house-rules --kind validator --out src"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What stands in a template's place.

    Attributes:
        distribution: As pip knows it, such as ``acme-ticktrail``.
        package: What Python imports, such as ``acme_ticktrail``.
        plugin: What a feed file says, such as ``acme``.
    """

    distribution: str
    package: str
    plugin: str

    @classmethod
    def of(cls, name: str) -> Names:
        """Return the names that go with a distribution's.

        Raises:
            ConfigError: It is no name of a distribution, or of one that there is already, or too long.
        """
        from ticktrail.errors import ConfigError  # noqa: PLC0415 - so that help comes without it

        if _NAME.fullmatch(name) is None or len(name) > _LONGEST:
            raise ConfigError(
                f'"{name[:80]}" is no name for a distribution; write one of {_LONGEST} letters, digits and hyphens at '
                f'most, a letter first, such as "acme-ticktrail"'
            )
        distribution = re.sub(r"[-_.]+", "-", name).lower()
        package = distribution.replace("-", "_")
        parts = [part for part in package.split("_") if part != "ticktrail"]
        plugin = "_".join(parts)
        taken = package == "ticktrail" or keyword.iskeyword(package) or _hides(package, distribution)
        if not parts or taken or keyword.iskeyword(plugin) or not plugin[0].isalpha():
            raise ConfigError(
                f'"{name}": a module named {package} would hide another, or no folder can have the name everywhere, or '
                f'none of it is its own; write a name of your own, such as "acme-ticktrail"'
            )
        return cls(distribution=distribution, package=package, plugin=plugin)

    def put_into(self, text: str) -> str:
        """Return a template's text with these names in it."""
        parts = self.plugin.split("_")
        named = parts[:-1] if len(parts) > 1 and parts[-1] in _WHAT else parts
        words = {
            "acme-ticktrail": self.distribution,
            "acme_ticktrail": self.package,
            "Acme": "".join(part.capitalize() for part in named),
            "ACME": self.plugin.upper(),
            "acme": self.plugin,
        }
        return _PLACEHOLDER.sub(lambda found: words[found[0]], text)


def _hides(package: str, distribution: str) -> bool:
    """Tell whether a module of that name would stand in the way of another, or may not lie in a folder."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - so that help comes without it
    from importlib.util import find_spec  # noqa: PLC0415 - likewise

    from ticktrail._host.discovery import canonical, own_distributions  # noqa: PLC0415 - likewise

    if package in sys.stdlib_module_names | _DEVICES or distribution in own_distributions():
        return True
    plugins = {canonical(entry.dist.name) for entry in entry_points(group="ticktrail") if entry.dist}
    if distribution in plugins:  # it was written before, and is installed already
        return False
    spec = find_spec(package)
    return spec is not None and spec.origin is not None


@click.command("new", epilog=_EXAMPLES)
@click.argument("name", metavar="NAME")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What the plugin is to be.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Write it into this folder instead of the present one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as a JSON object.")
def new_plugin(name: str, kind: str, out: Path, *, as_json: bool) -> None:
    """Write a new plugin distribution whose own tests pass as they stand.

    NAME is that of the distribution, such as acme-ticktrail; its folder, its import name and the plugin's name are made
    from it. Nothing is overwritten.
    """
    names = Names.of(name)
    folder = out / names.distribution
    files = write_plugin(names, kind, folder)
    if as_json:
        import msgspec  # noqa: PLC0415 - so that help comes without it

        told = {
            "distribution": names.distribution,
            "package": names.package,
            "plugin": names.plugin,
            "kind": kind,
            "folder": str(folder),
            "files": files,
            "next": list(_next_steps(names, kind, folder)),
        }
        click.echo(msgspec.json.encode(told))
        return
    click.echo(
        f"{folder}: {'an' if kind[0] in 'aeiou' else 'a'} {kind} named {names.plugin}, {len(files)} files\n\nNext:"
    )
    for step in _next_steps(names, kind, folder):
        click.echo(f"  {step}")


def write_plugin(names: Names, kind: str, folder: Path) -> Sequence[str]:
    """Write a new distribution, and return the paths of its files, relative to the folder.

    Args:
        names: Those that it gets.
        kind: One of `KINDS`.
        folder: Where; must not be there yet.

    Raises:
        ConfigError: The folder is there, or cannot be written.
    """
    from importlib.resources import files  # noqa: PLC0415 - so that help comes without it

    from ticktrail.errors import ConfigError  # noqa: PLC0415 - likewise

    if folder.exists():
        raise ConfigError(f"{folder} is there already; write another name, or --out another folder")
    templates = files("ticktrail") / "_templates"
    written: list[str] = []
    try:
        for part in ("common", kind):
            for path, text in _texts(templates / part, ""):
                place = Path(names.put_into(path))
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                (folder / place).write_text(names.put_into(text), encoding="utf-8")
                written.append(place.as_posix())
    except OSError as exc:
        raise ConfigError(
            f"{exc.filename or folder} cannot be written: {exc.strerror}; name another folder with --out"
        ) from exc
    return sorted(written)


def _texts(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a template, each with its path in the new distribution."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = re.sub(r"^dot_", ".", entry.name)
        if entry.is_dir():
            if name != "__pycache__":
                yield from _texts(entry, f"{prefix}{name}/")
        elif not name.endswith(".pyc"):
            yield f"{prefix}{name}", entry.read_text(encoding="utf-8")


def _next_steps(names: Names, kind: str, folder: Path) -> Iterator[str]:
    yield f"cd {folder}"
    yield "pip install -e '.[testing]'"
    yield "pytest"
    yield f"ticktrail plugins test {names.distribution}"
    if kind in _NEEDS_A_VENUE:
        yield f"python -m {names.package}.venue        # in another terminal: a venue on this machine"
    yield "ticktrail run feed.toml"
