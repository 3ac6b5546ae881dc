"""The kit tells pytest which law a test checks, and writes the card: in runs of pytest of their own."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

import ticktrail.testing
from ticktrail.testing import pytest_plugin
from ticktrail.testing.card import Card, LawCard, SuiteCard

ROOT = Path(__file__).parents[3]
SUITE = '''
import unittest

import pytest

import ticktrail.testing
from ticktrail.testing._laws import law


class Spec:
    name = "acme"


class Case:
    spec = Spec()


class Suite:
    @law("S90")
    def test_holds(self, case):
        """It holds.

        Provoked: not at all.
        """

    @law("S91")
    def test_breaks(self, case):
        """It does not hold.

        Provoked: at once.
        """
        raise AssertionError("as one sees")

    @law("S92")
    def test_is_skipped(self, case):
        """It may not apply.

        Provoked: never.

        Skipped: always.
        """
        raise unittest.SkipTest("acme is none of these")

    @pytest.mark.parametrize("number", [1, 2])
    @law("S93")
    def test_twice(self, case, number):
        """Both hold.

        Provoked: twice.
        """
        assert number == 1


class TestAcme(Suite):
    @pytest.fixture
    def case(self):
        return Case()


class TestReplaced(Suite):
    @pytest.fixture
    def case(self):
        return Case()

    def test_breaks(self, case):
        pass

    @pytest.mark.xfail(reason="some day")
    def test_twice(self, case):
        raise AssertionError


class TestPast(Suite):
    @pytest.fixture
    def case(self):
        return Spec()


class TestNoCase(Suite):
    @pytest.fixture
    def case(self):
        raise RuntimeError("no server")


def test_no_law():
    pass
'''


def run(folder: Path, *args: str, text: str = SUITE) -> tuple[int, str]:
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    # named, so that it is there also where the distribution was installed before it had the plugin
    command = [sys.executable, "-m", "pytest", "-p", "ticktrail.testing.pytest_plugin", "--rootdir=.", "-q"]
    # its own run: what this one is told is none of its business, but where folders go that it makes
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    made = subprocess.run(
        [
            *command,
            "-p",
            "no:cacheprovider",
            "--strict-markers",
            f"--basetemp={folder / 'made'}",
            *args,
            "test_it.py",
        ],
        cwd=folder,
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return made.returncode, made.stdout + made.stderr


def laws(card: Card, suite: str) -> dict[str, tuple[str, str]]:
    [found] = [one for one in card.suites if one.suite == suite]
    return {law.number: (law.outcome, law.detail) for law in found.laws}


@pytest.mark.parametrize("processes", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_the_card_says_what_became_of_each_law(tmp_path: Path, processes: tuple[str, ...]) -> None:
    """Kept, broken with what was seen, skipped with its reason; the same with several processes."""
    code, shown = run(tmp_path, "--ticktrail-card", "card.json", *processes)
    assert code == 1
    card = Card.decode((tmp_path / "card.json").read_bytes())
    assert not card.conforms
    found = laws(card, "TestAcme")
    assert found["S90"] == ("kept", "")
    assert found["S91"] == ("broken", "as one sees")
    assert found["S92"] == ("skipped", "acme is none of these")
    assert found["S93"][0] == "broken"
    assert "assert 2 == 1" in found["S93"][1]
    assert "sink acme: 1 kept, 1 skipped, 2 broken: S91, S93" in shown
    assert {(one.kind, one.name) for one in card.suites if one.suite != "TestNoCase"} == {("sink", "acme")}
    assert msgspec.json.decode((tmp_path / "card.json").read_bytes())["conforms"] is False


def test_what_hides_a_check_is_told(tmp_path: Path) -> None:
    """A suite cannot pass a law by a check of its own, nor by expecting to break it."""
    run(tmp_path, "--ticktrail-card", "card.json", "-k", "TestReplaced")
    found = laws(Card.decode((tmp_path / "card.json").read_bytes()), "TestReplaced")
    assert found["S91"][0] == "skipped"
    assert "in the place of" in found["S91"][1]
    assert found["S93"] == ("broken", "known: some day")


def test_a_check_that_was_taken_out_is_told(tmp_path: Path) -> None:
    """What pytest does not see for that is no law fewer: the card counts it as skipped, and says why."""
    gone = "class TestGone(Suite):\n    test_breaks = test_twice = None\n\n    @pytest.fixture\n    def case(self):\n"
    run(
        tmp_path,
        "--ticktrail-card",
        "card.json",
        "-k",
        "TestGone",
        text=f"{SUITE}\n\n{gone}        return Case()\n",
    )
    found = laws(Card.decode((tmp_path / "card.json").read_bytes()), "TestGone")
    assert found["S90"] == ("kept", "")
    assert found["S91"] == found["S93"] == ("skipped", "the suite has taken the kit's check out")


def test_a_case_that_cannot_be_made_breaks_its_laws(tmp_path: Path) -> None:
    """What could not be checked is not kept."""
    run(tmp_path, "--ticktrail-card", "card.json", "-k", "TestNoCase")
    card = Card.decode((tmp_path / "card.json").read_bytes())
    assert {outcome for outcome, _ in laws(card, "TestNoCase").values()} == {"broken"}
    assert "no server" in laws(card, "TestNoCase")["S90"][1]


def test_laws_are_marked(tmp_path: Path) -> None:
    """``-m ticktrail_law`` runs the laws alone."""
    _, shown = run(tmp_path, "-m", "ticktrail_law", "--collect-only")
    assert "test_holds" in shown
    assert "test_no_law" not in shown


def test_a_run_without_a_law_imports_nothing(tmp_path: Path) -> None:
    """Whoever has ticktrail installed does not pay for it in other tests; the card is empty, and does not conform."""
    text = """
import sys

def test_nothing():
    found = {name for name in sys.modules if name.startswith("ticktrail.")}
    assert found <= {"ticktrail.testing", "ticktrail.testing.pytest_plugin"}
    assert "msgspec" not in sys.modules
"""
    code, shown = run(tmp_path, "--ticktrail-card", "card.json", text=text)
    assert code == 0, shown
    assert "laws" not in shown
    card = Card.decode((tmp_path / "card.json").read_bytes())
    assert card.suites == ()
    assert not card.conforms


def test_a_card_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    """Not after an hour of checks."""
    code, shown = run(tmp_path, "--ticktrail-card", "nowhere/card.json")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "there is no folder" in shown


def test_a_card_that_only_skips_does_not_conform() -> None:
    """Nothing was checked."""
    skipped = LawCard(number="S01", what="It holds.", outcome="skipped", detail="not here")
    kept = LawCard(number="S02", what="It holds.", outcome="kept")
    suite = SuiteCard(suite="TestIt", kind="sink", name="it", laws=(skipped,))
    assert not Card(ticktrail="1", api=1, suites=(suite,)).conforms
    card = Card(ticktrail="1", api=1, suites=(suite, msgspec.structs.replace(suite, laws=(kept, skipped))))
    assert card.conforms
    assert Card.decode(card.encode()) == card
    assert card.suites[1].line() == "TestIt  sink it: 1 kept, 1 skipped"


def test_every_name_of_the_kit_is_found_when_it_is_asked_for() -> None:
    """The kit is imported name by name; none is forgotten, and no other is there."""
    listed = {name for names in ticktrail.testing._MODULES.values() for name in names}
    assert listed == set(ticktrail.testing.__all__)
    for name in listed:
        assert getattr(ticktrail.testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'ConformanceOfEverything'"):
        _ = ticktrail.testing.ConformanceOfEverything


def test_pytest_loads_it_by_the_name_of_its_module() -> None:
    """So ``-p ticktrail.testing.pytest_plugin`` beside the entry point does not load it twice."""
    project = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {pytest_plugin.__name__: pytest_plugin.__name__}
