"""`ticktrail plugins new`: write a plugin distribution whose own tests pass, to be changed into what is needed.

Owns: names derived from a distribution's name, and the copying of a template.
Never: installs anything, overwrites anything, or knows what stands in a template.
"""

from __future__ import annotations

import keyword
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ticktrail.text import one_line

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["KINDS", "Names", "new_plugin", "write_plugin"]

KINDS: Final = ("provider", "validator", "sink", "route", "observer")
_NEEDS_A_VENUE: Final = frozenset({"provider"})
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*")
_SIGN: Final = re.compile(r"[A-Za-z0-9._-]")
_REMEDY: Final = 'write a name of your own, such as "acme-ticktrail"'
_LONGEST: Final = 40
"""Lines of a template fit with such a name in them, and are laid out as with a short one."""
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)
}
"""Names that no folder can have on Windows."""
_FOLDERS: Final = frozenset({"tests", "conftest"})
"""What pytest imports the tests of a plugin by."""
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

        if (reason := _malformed(name)) is not None:
            raise ConfigError(f'"{name[:80]}" {reason}; {_REMEDY}')
        distribution = re.sub(r"[-_.]+", "-", name).lower()
        package = distribution.replace("-", "_")
        plugin = "_".join(part for part in package.split("_") if part != "ticktrail")
        if (reason := _unfit(distribution, package, plugin)) is not None:
            raise ConfigError(f'"{name}": {reason}; {_REMEDY}')
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


def _malformed(name: str) -> str | None:
    """Return why this is no name for a distribution, or None where it is one."""
    strange = [sign for sign in dict.fromkeys(name) if not _SIGN.fullmatch(sign)]
    if not name:
        return "is empty"
    if len(name) > _LONGEST:
        return f"has {len(name)} signs, and {_LONGEST} are the most"
    if strange:
        said = ", ".join("a space" if sign == " " else sign for sign in strange)
        return f"has {said} in it; only letters from a to z, digits and hyphens may stand there"
    if not name[0].isalpha():
        return f"begins with {name[0]}, and must with a letter"
    if not name[-1].isalnum():
        return f"ends with {name[-1]}, and must with a letter or digit"
    return None if _NAME.fullmatch(name) else "has two separators in a row, where one may stand"


def _unfit(distribution: str, package: str, plugin: str) -> str | None:
    """Return why a distribution of that name would do harm, or cannot be; None where it can."""
    from importlib.util import find_spec  # noqa: PLC0415 - so that help comes without it

    from ticktrail._host.discovery import canonical, find_plugins, own_distributions  # noqa: PLC0415 - likewise

    word = next((word for word in (package, plugin) if keyword.iskeyword(word)), None)
    plugins = {canonical(found.distribution) for found in find_plugins()}
    spec = find_spec(package)
    hides = (
        spec is not None and spec.origin is not None and distribution not in plugins
    )  # else written before
    reasons = (
        (
            package == "ticktrail" or distribution in own_distributions(),
            f"{distribution} is one of ticktrail's own distributions",
        ),
        (not plugin, "none of it is its own"),
        (not plugin[:1].isalpha(), f"the plugin would be named {plugin}, and a name begins with a letter"),
        (word, f"{word} is a word of Python's own, and nothing can be named so"),
        (package in _DEVICES, f"on Windows no folder can be named {package}"),
        (package in _FOLDERS, f"pytest looks for a plugin's own tests by the name {package}"),
        (package in sys.stdlib_module_names, f"a module named {package} would hide Python's own"),
        (hides, f"a module named {package} is there already, and would be hidden"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _refuse_taken(names: Names, kind: str) -> None:
    """Refuse a plugin that could not stand beside those that are installed.

    Raises:
        ConfigError: Its name, or a key of its settings, is another's.
    """
    from ticktrail._host import Host  # noqa: PLC0415 - so that help comes without it
    from ticktrail._host.builtin import BUILTIN  # noqa: PLC0415 - likewise
    from ticktrail._host.discovery import canonical, find_plugins  # noqa: PLC0415 - likewise
    from ticktrail._plan.route import LEAF_KIND  # noqa: PLC0415 - likewise
    from ticktrail._plan.rules import owners_of_keys  # noqa: PLC0415 - likewise
    from ticktrail._plan.tables import CORE_TABLES  # noqa: PLC0415 - likewise
    from ticktrail.errors import ConfigError  # noqa: PLC0415 - likewise

    name, host = names.plugin, Host.survey()
    what, there = {
        "provider": ("provider", host.providers().keys()),
        "validator": ("rule", host.rules().keys()),
        "sink": ("sink", host.sinks().keys()),
        "route": ("route kind", host.routes().keys() | {LEAF_KIND}),
        "observer": ("observer", host.observers().keys() | CORE_TABLES),
    }[kind]
    others = {
        found.name: found.distribution
        for found in find_plugins()
        if canonical(found.distribution) != names.distribution
    } | dict.fromkeys(BUILTIN, "ticktrail")
    key = f"max_{name}"
    if name in there:
        owner = host.owner(what, name)
        whose = f"plugin {owner} declares it" if owner else "it is ticktrail's own"
        article = "an" if what[0] in "aeiou" else "a"
        reason = f"there is {article} {what} {name} already ({whose}), and a feed takes one of a name"
    elif name in others:
        reason = (
            f"there is a plugin {name} already ({others[name]} brings it), and a feed takes one of a name"
        )
    elif kind == "validator" and (owner := owners_of_keys(host.rules()).get(key, "")):
        reason = f"its key {key} of [validation] would be that of the rule {owner}"
    else:
        return
    raise ConfigError(
        f'"{names.distribution}": {reason}; write another name, such as "my-{names.distribution}"'
    )


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
    from it. Nothing is overwritten, and a name that is taken is refused.
    """
    names = Names.of(name)
    _refuse_taken(names, kind)
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
    article = "an" if kind[0] in "aeiou" else "a"
    click.echo(f"{one_line(str(folder))}: {article} {kind} named {names.plugin}, {len(files)} files\n\nNext:")
    for step in _next_steps(names, kind, folder):
        click.echo(f"  {one_line(step)}")


def write_plugin(names: Names, kind: str, folder: Path) -> Sequence[str]:
    """Write a new distribution, and return the paths of its files, relative to the folder.

    Args:
        names: Those that it gets.
        kind: One of `KINDS`.
        folder: Where; must not be there yet.

    Raises:
        ConfigError: The folder is there, or cannot be written; or a class of the plugin would be named as one that it
            makes use of.
    """
    from importlib.resources import files  # noqa: PLC0415 - so that help comes without it

    from ticktrail.errors import ConfigError  # noqa: PLC0415 - likewise

    if os.path.lexists(folder):
        raise ConfigError(f"{folder} is there already; write another name, or --out another folder")
    templates = files("ticktrail") / "_templates"
    texts = [found for part in ("common", kind) for found in _texts(templates / part, "")]
    if (word := _used_twice(names, [text for _, text in texts])) is not None:
        raise ConfigError(
            f'"{names.distribution}": a class of it would be named {word}, as one that it makes use of; {_REMEDY}'
        )
    written: list[str] = []
    try:
        for path, text in texts:
            place = Path(names.put_into(path))
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(names.put_into(text), encoding="utf-8")
            written.append(place.as_posix())
    except OSError as exc:
        raise ConfigError(
            f"{exc.filename or folder} cannot be written: {exc.strerror}; name another folder with --out"
        ) from exc
    return sorted(written)


def _used_twice(names: Names, texts: Sequence[str]) -> str | None:
    """Return the class whose name these names make of a template's, and which is another's there; None without one."""
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    made = {names.put_into(word) for word in words if "Acme" in word}
    return next(iter(sorted(made & {word for word in words if "Acme" not in word})), None)


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
    path = str(folder)
    yield f"cd {shlex.quote(f'./{path}' if path.startswith('-') else path)}"
    yield "pip install -e '.[testing]'"
    yield "pytest"
    yield f"ticktrail plugins test {names.distribution}"
    if kind in _NEEDS_A_VENUE:
        yield f"python -m {names.package}.venue        # in another terminal: a venue on this machine"
    yield "ticktrail run feed.toml"
