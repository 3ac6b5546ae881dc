"""`ticktrail plugins test`: run the conformance kit on an installed plugin, and tell what a machine makes of it.

Owns: which suites a distribution brings, the run of pytest beside this process, and the exit status.
Never: imports the plugin or a test runner into this process.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from ticktrail.testing.card import Card

__all__ = ["test_plugin"]

_GROUP: Final = "ticktrail.conformance"
_NEEDED: Final = ("pytest", "hypothesis", "h11")
_END_S: Final = 5.0
"""How long a process may take to end once it is told to."""
_LOAD_S: Final = 60.0
"""How long the plugins of a distribution may take to be imported."""
_MOST_LINES: Final = 15
_EXAMPLES = (
    "\b\nExamples:\n  ticktrail plugins test acme-ticktrail\n"
    "  ticktrail plugins test acme-ticktrail --law P07 --law P14\n"
    "  ticktrail plugins test acme-ticktrail --json --badge conforms.svg"
)


@click.command("test", epilog=_EXAMPLES)
@click.argument("distribution", metavar="DISTRIBUTION")
@click.option(
    "--tests",
    metavar="PATH",
    type=click.Path(path_type=Path, exists=True),
    help="Run the suites of this file or folder instead of those that it was installed with.",
)
@click.option("--law", "laws", metavar="NUMBER", multiple=True, help="Try this law alone, such as P07.")
@click.option("--badge", metavar="FILE", type=click.Path(path_type=Path), help="Write a badge, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="Print the report card as JSON.")
def test_plugin(
    distribution: str, tests: Path | None, laws: tuple[str, ...], badge: Path | None, *, as_json: bool
) -> None:
    """Run the conformance kit on an installed plugin, and print its report card.

    It is loaded first, as a feed that allows it does; of what no feed could load no law is tried.

    Exits with 0 where it conforms, with 1 where a law is broken, none could be tried or no feed could load it, and with
    2 where there is no such plugin, or it brings no suites.
    """
    from ticktrail.cli.plugins.showing import badge_of, lines_of  # noqa: PLC0415 - so that help comes without it
    from ticktrail.errors import ConfigError  # noqa: PLC0415 - likewise

    _see_to_the_runner()
    if laws and badge is not None:
        raise ConfigError("--badge: a badge is of all laws; leave out --law")
    name, modules = _suites(distribution, wanted=tests is None)
    where = ["--pyargs", *modules] if tests is None else [str(tests.resolve())]
    chosen = _chosen(laws)
    said: Sequence[str] = ()
    card, status = _no_card(_refusals(name)), 1
    if not card.refused:
        card, said, status = _run(name, [*where, *chosen], keep_settings=tests is not None)
    if badge is not None:
        _write(badge, badge_of(card))
    if as_json:
        click.echo(card.encode())
    else:
        for line in lines_of(card):
            click.echo(line)
    conforms = card.conforms and status == 0
    if card.conforms != conforms or not (card.suites or card.refused):
        what = "a test beside the laws failed" if card.suites else "no law could be tried"
        click.echo(f"{name}: {what} (pytest ended with {status}):", err=True)
        for line in said[-_MOST_LINES:]:
            click.echo(f"  {line}", err=True)
    if not conforms:
        raise SystemExit(1)


def _see_to_the_runner() -> None:
    """Refuse without what the kit needs.

    Raises:
        ConfigError: It is not installed.
    """
    from ticktrail.errors import ConfigError  # noqa: PLC0415 - so that help comes without it

    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise ConfigError(f"the kit needs {', '.join(missing)}; run pip install 'ticktrail[testing]'")


def _suites(distribution: str, *, wanted: bool) -> tuple[str, Sequence[str]]:
    """Return the name of an installed distribution, and the modules of suites that it brings.

    Args:
        distribution: As somebody wrote it.
        wanted: There must be suites.

    Raises:
        ConfigError: There is none of that name, or it brings no suites.
    """
    from importlib.metadata import distributions, entry_points  # noqa: PLC0415 - so that help comes without it

    from ticktrail._host.discovery import canonical, name_of  # noqa: PLC0415 - likewise
    from ticktrail._settings.document import nearest  # noqa: PLC0415 - likewise
    from ticktrail.errors import ConfigError  # noqa: PLC0415 - likewise

    found = {canonical(name): one for one in distributions() if (name := name_of(one))}
    dist = found.get(canonical(distribution))
    if dist is None:
        ours = {
            entry.dist.name
            for group in ("ticktrail", _GROUP)
            for entry in entry_points(group=group)
            if entry.dist is not None
        }
        raise ConfigError(f'no distribution "{distribution}" is installed; {nearest(distribution, ours)}')
    modules = sorted({entry.module for entry in dist.entry_points if entry.group == _GROUP})
    if wanted and not modules:
        raise ConfigError(
            f"{dist.name} brings no suites of the kit; name the module with its conformance classes in its "
            f'pyproject.toml, under [project.entry-points."{_GROUP}"], such as NAME = "PACKAGE.conformance", and '
            f"install it again; or name its test files with --tests"
        )
    return dist.name, modules


def _refusals(name: str) -> Sequence[str]:
    """Return why no feed could load the distribution's plugins; they are imported in a process beside this one."""
    import msgspec  # noqa: PLC0415 - so that help comes without it

    with tempfile.TemporaryDirectory(prefix="ticktrail-") as folder:
        path = Path(folder) / "refusals.json"
        place = () if str(Path.cwd()) in sys.path else ("-P",)  # it finds modules where this process does
        command = [sys.executable, *place, "-m", "ticktrail.cli.plugins.trial", name, str(path)]
        click.echo(f"{name}: loading it as a feed does", err=True)
        try:
            status, said = _until_ended(command, Path(), limit_s=_LOAD_S)
        except subprocess.TimeoutExpired:
            return [f"{name}: its import is not done after {_LOAD_S:.0f} s; let it do nothing but declare"]
        if path.is_file():
            return msgspec.json.decode(path.read_bytes(), type=list[str])
    last = said[-1] if said else "nothing was said"
    return [f"{name}: loading it ends the process with {status} ({last}); let it do nothing but declare"]


def _chosen(laws: Sequence[str]) -> Sequence[str]:
    """Return the arguments that let pytest try these laws alone.

    Raises:
        ConfigError: There is no such law.
    """
    if not laws:
        return ()
    from ticktrail import testing  # noqa: PLC0415 - so that help comes without it
    from ticktrail._settings.document import nearest  # noqa: PLC0415 - likewise
    from ticktrail.errors import ConfigError  # noqa: PLC0415 - likewise
    from ticktrail.testing._laws import law_of  # noqa: PLC0415 - likewise

    checks: dict[str, str] = {}
    for name in testing.__all__:
        if name.endswith("Conformance"):
            suite = getattr(testing, name)
            found = {check: law_of(getattr(suite, check)) for check in dir(suite)}
            checks |= {law.number: check for check, law in found.items() if law is not None}
    for number in laws:
        if number not in checks:
            raise ConfigError(f'--law: there is no law "{number}"; {nearest(number, checks)}')
    return ["-k", " or ".join(checks[number] for number in laws)]


def _run(name: str, arguments: Sequence[str], *, keep_settings: bool) -> tuple[Card, Sequence[str], int]:
    """Return the card, what pytest said, and its exit status.

    Args:
        name: Of the distribution.
        arguments: Which tests.
        keep_settings: The settings of the folder that the tests lie in are theirs to keep.
    """
    from ticktrail.testing.card import Card  # noqa: PLC0415 - so that help comes without it

    with tempfile.TemporaryDirectory(prefix="ticktrail-") as folder:
        path = Path(folder) / "card.json"
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
        command += ["-p", "ticktrail.testing.pytest_plugin", "--ticktrail-card", str(path), *arguments]
        if not keep_settings:
            command += ["-c", str(Path(folder) / "pytest.ini"), "--rootdir", folder]
        click.echo(f"{name}: trying the laws of the kit, which takes a moment", err=True)
        status, said = _until_ended(command, Path() if keep_settings else Path(folder))
        if path.is_file():
            return Card.decode(path.read_bytes()), said, status
    return _no_card(), said, status


def _no_card(refused: Sequence[str] = ()) -> Card:
    """Return a card of no law."""
    from importlib.metadata import version  # noqa: PLC0415 - so that help comes without it

    from ticktrail.hookspecs import API_VERSION  # noqa: PLC0415 - likewise
    from ticktrail.testing.card import Card  # noqa: PLC0415 - likewise

    return Card(ticktrail=version("ticktrail"), api=API_VERSION, refused=tuple(refused))


def _until_ended(
    command: Sequence[str], folder: Path, *, limit_s: float | None = None
) -> tuple[int, Sequence[str]]:
    """Run a command, and end it where this one is interrupted.

    Raises:
        TimeoutExpired: It was not done within the limit; it was ended.
    """
    with subprocess.Popen(  # noqa: S603 - pytest or a load, on what the user has named
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        try:
            said, _ = running.communicate(timeout=limit_s)
        except BaseException:
            running.terminate()
            try:
                running.wait(_END_S)
            except subprocess.TimeoutExpired:
                running.kill()
            raise
    return running.returncode, said.splitlines()


def _write(path: Path, text: str) -> None:
    """Write a file.

    Raises:
        ConfigError: It cannot be written.
    """
    from ticktrail.errors import ConfigError  # noqa: PLC0415 - so that help comes without it

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"--badge {path}: {exc.strerror}; name a file in a folder that is there") from exc
