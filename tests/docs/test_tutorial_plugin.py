"""The tutorial of a first plugin, walked as its reader walks it: the page's commands, and the page's files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import wheelhouse
from interrupted import end, heed_interrupts

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial/first-plugin.md"
EXAMPLE = ROOT / "examples/coinbase-ticktrail"
BLOCK = re.compile(r"^```(sh|\{literalinclude\} (\S+))\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r"^ *# \[\w+\]\n", re.MULTILINE)
ITS_OWN = ["python3 -m venv .venv\n", ". .venv/bin/activate\n"]
"""Done by the wheelhouse, which makes such an environment; it has all of the wheels."""
ELSEWHERE = "# in another terminal"


def steps():
    """Yield what the page tells its reader to do: a command to run, or a file to write, with its next part."""
    for kind, path, text in BLOCK.findall(PAGE.read_text()):
        if kind == "sh":
            yield "", text
        else:
            source = (PAGE.parent / path).resolve()
            yield source.relative_to(EXAMPLE).as_posix(), part_of(source.read_text(), text)


def part_of(text, options):
    """Return what Sphinx shows of a file."""
    for option in ("start-after", "end-before"):
        found = re.search(rf'^:{option}: "(.+)"$', options, re.MULTILINE)
        if found is not None:
            assert text.count(found[1]) == 1, found[1]
            before, _, after = text.partition(found[1])
            text = after.removeprefix("\n") if option == "start-after" else before.rstrip(" ")
    return text


def test_the_page_shows_every_line():
    """Whoever copies it has the example's files, less the marks between parts."""
    shown = {}
    for path, text in steps():
        if path:
            shown[path] = shown.get(path, "") + text
    files = {path.relative_to(EXAMPLE).as_posix() for path in (EXAMPLE / "src").rglob("*.py")}
    files = {name for name in files if not name.endswith("__init__.py")}
    assert shown.keys() == files | {"feed.toml", "tests/test_promises.py"}
    for path, text in shown.items():
        assert text == MARKER.sub("", (EXAMPLE / path).read_text()), path


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_the_example_is_linted(command):
    """By the settings that it brings."""
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
    wheelhouse.done(ruff, cwd=EXAMPLE)


@pytest.mark.slow
def test_the_example_s_types_are_strict(tmp_path):
    """By the settings that it brings."""
    wheelhouse.done([sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path)], cwd=EXAMPLE)


def test_walking_the_page_ends_with_a_plugin_that_runs(tmp_path, tmp_path_factory):
    """From an empty folder, in an environment of wheels: it is listed, conforms, and runs in a feed."""
    house = wheelhouse.shared(tmp_path_factory)
    folder, said, elsewhere = tmp_path, "", []
    written = set()
    try:
        for path, text in steps():
            if path:
                place = folder / path
                place.write_text((place.read_text() if path in written else "") + text)
                written.add(path)
            elif text.startswith(ELSEWHERE):
                elsewhere.append(started(text, folder, house))
            else:
                lines = [line for line in text.splitlines(keepends=True) if line not in ITS_OWN]
                folder, more = walked("".join(lines), folder, house, tmp_path / "where")
                said += more
    finally:
        for process in elsewhere:
            end(process)
        wheelhouse.done(
            [str(house.bin / "python"), "-m", "pip", "uninstall", "--quiet", "--yes", "coinbase-ticktrail"],
            cwd=tmp_path,
            env=house.variables(),
        )
    assert said.count("conforms to API 1 of ticktrail") == 2
    assert re.search(r"^coinbase: active, coinbase-ticktrail", said, re.MULTILINE)
    assert re.search(r"keeps \d+ of \d+ laws, API 1", (folder / "conforms.svg").read_text())
    ticks = (folder / "coinbase.jsonl").read_text().splitlines()
    assert len(ticks) > 40
    assert {"BTC/USD"} == {re.search(r'"instrument":"([^"]+)"', line)[1] for line in ticks}
    assert str(ROOT) not in said


def walked(text, folder, house, where):
    """Run a block of commands as a shell does; return the folder in which it ends, and what it said."""
    script = f"set -e\n{text}\npwd > '{where}'\n"
    done = wheelhouse.done(["bash", "-c", script], cwd=folder, env=house.variables())
    return Path(where.read_text().strip()), done.stdout


def started(text, folder, house):
    """Start a command that goes on, and wait until it says something."""
    command = ["bash", "-c", f"exec {text.partition(chr(10))[2].strip()}"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=house.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - no thread holds a lock here
    )
    line = process.stdout.readline()
    if "listens on" not in line:
        end(process)
        raise AssertionError(line)
    return process
