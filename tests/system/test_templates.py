"""What `ticktrail plugins new` writes works untouched, and its tests notice whatever is broken in it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from interrupted import end, heed_interrupts
from ticktrail.cli.plugins.new import KINDS, Names, write_plugin

MUTANTS = Path(__file__).with_name("mutants.py")
OF_ITS_OWN = {
    "route": {"plugin.AcmeRoute.deadline_ns", "plugin.AcmeRoute.on_up", "plugin.AcmeRoute.on_down"},
    "observer": {"plugin.AcmeObserver.observe", "plugin.AcmeObserver._tell"},
    "provider": {"provider.AcmeProvider._see_all"},
}
"""What a law for all plugins of the kind cannot ask for: a route that keeps no deadline and an observer that looks away
are sound ones. The plugin's own tests notice."""


class Made:
    """A distribution that was written, built and laid out as pip does."""

    def __init__(self, folder, kind):
        self.kind = kind
        self.source = folder / "acme-ticktrail"
        self.site = folder / "site"
        write_plugin(Names.of("acme-ticktrail"), kind, self.source)
        self.done("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
        (wheel,) = folder.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(self.site)

    def environment(self):
        return {**os.environ, "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}

    def done(self, *command, status=0):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.source,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=1_200,
            check=False,
        )
        assert done.returncode == status, done.stdout[-4_000:] + done.stderr[-4_000:]
        return done

    def mutants(self, report, *most):
        promises = self.source / "tests/test_promises.py"
        self.done(str(MUTANTS), str(self.site), "acme_ticktrail", str(report), str(promises), *most)
        return json.loads(report.read_text())


@pytest.fixture(scope="module", params=KINDS)
def made(request, tmp_path_factory):
    return Made(tmp_path_factory.mktemp(request.param), request.param)


def test_its_own_tests_pass_untouched(made):
    """In the environment of somebody who has installed it; something is kept, and nothing broken."""
    said = made.done("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests").stdout
    assert f"{made.kind} acme: " in said
    assert "broken" not in said


def test_it_is_linted(made):
    """By the settings that it brings."""
    made.done("-m", "ruff", "check", "--no-cache", ".")
    made.done("-m", "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    [
        "x",
        "acme-observer",
        "acme-sink",
        "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t",
        "m" * 40,
        f"ticktrail-{'m' * 30}",
    ],
)
def test_any_name_is_linted(kind, name, tmp_path):
    """A line holds the longest name that is taken, and is not laid out otherwise for a short one."""
    write_plugin(Names.of(name), kind, tmp_path / "made")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=tmp_path / "made",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_its_types_are_strict(made, tmp_path):
    """By the settings that it brings."""
    made.done("-m", "mypy", "--cache-dir", str(tmp_path))


def test_its_feed_runs(made):
    """The feed file that it brings, with the plugin in it."""
    assert "acme" in made.done("-m", "ticktrail", "check", "feed.toml").stdout
    venue = None
    if made.kind == "provider":
        venue = subprocess.Popen(
            [sys.executable, "-m", "acme_ticktrail.venue"],
            env=made.environment(),
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,  # noqa: PLW1509 - no thread holds a lock here
        )
    try:
        if venue is not None:
            assert "listens on" in venue.stdout.readline()
        report = json.loads(made.done("-m", "ticktrail", "run", "feed.toml", "--for", "6s", "--json").stdout)
    finally:
        if venue is not None:
            end(venue)
    if made.kind == "observer":
        assert any("the rules have kept back 10 ticks" in warning for warning in report["warnings"])
    else:
        assert report["delivered"]["trades"] > 20
    if made.kind == "sink":
        assert (made.source / "acme.jsonl").read_bytes().count(b"\n") == sum(report["delivered"].values())


def test_a_broken_one_is_noticed(made, tmp_path):
    """One function of each, so that the check of checks is run every day; all of them in the long run below."""
    expect_noticed(made, made.mutants(tmp_path / "report.json", "1"))


@pytest.mark.slow
def test_each_function_is_missed_when_it_is_broken(made, tmp_path):
    """Every function and method, in each of three ways: a law is broken, and named."""
    report = made.mutants(tmp_path / "report.json")
    assert len(report["tried"]) == report["all"] >= 10
    expect_noticed(made, report)


def expect_noticed(made, report):
    assert report["tried"]
    unnoticed = [one for one in report["tried"] if not one["laws"]]
    by_law = [one for one in report["tried"] if one["laws"]]
    assert all(why for one in by_law for why in one["why"])
    for one in unnoticed:
        assert one["name"] in OF_ITS_OWN.get(made.kind, ()), f"no law notices: {one}"
        assert one["promises"], f"nothing notices: {one}"
