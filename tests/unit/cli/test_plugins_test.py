"""`ticktrail plugins test`: the report card, its picture, and each way in which there is none."""

import json
import os
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import msgspec
import pytest
from click.testing import CliRunner

from interrupted import heed_interrupts
from ticktrail.cli.plugins.new import Names, write_plugin
from ticktrail.cli.plugins.showing import badge_of, lines_of
from ticktrail.cli.program import program
from ticktrail.testing.card import Card, LawCard, SuiteCard

ENTRY_POINTS = "[ticktrail]\nacme = acme_ticktrail.plugin\n"
SUITES = "[ticktrail.conformance]\nacme = acme_ticktrail.conformance\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A rule of the template, laid out as pip installs it."""
    folder = tmp_path_factory.mktemp("site")
    lay_out(folder, SUITES)
    return folder


def lay_out(folder, suites):
    source = folder / "source"
    write_plugin(Names.of("acme-ticktrail"), "validator", source)
    (source / "src/acme_ticktrail").rename(folder / "acme_ticktrail")
    info = folder / "acme_ticktrail-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-ticktrail\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS + suites)


def environment(folder):
    return {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "110"}


def run(folder, *arguments, status=0):
    done = subprocess.run(
        [sys.executable, "-m", "ticktrail", "plugins", "test", *map(str, arguments)],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_a_sound_one_conforms(site):
    """A line a law, and the verdict at the end; nothing is left in the folder that it was run in."""
    before = {path.name for path in site.iterdir()}
    said = run(site, "Acme.Ticktrail").stdout
    assert "TestAcme: validator acme" in said
    assert "  V04  kept     Each bad tick is refused" in said
    assert "  V10  skipped  A rule whose memory ends" in said
    assert "it has no begin_session()" in said
    assert "conforms to API 1" in said.splitlines()[-1]
    assert {path.name for path in site.iterdir()} == before


def test_a_broken_one_does_not(tmp_path):
    """Its law is named with the first line of why, by the table, JSON and badge alike."""
    lay_out(tmp_path, SUITES)
    path = tmp_path / "acme_ticktrail/plugin.py"
    path.write_text(path.read_text().replace("not tick.size.is_finite() or ", ""))
    badge = tmp_path / "badge.svg"
    done = run(tmp_path, "acme-ticktrail", "--badge", badge, status=1)
    assert "  V08  broken   Bad data is a value" in done.stdout
    assert "acme raises InvalidOperation" in done.stdout
    assert "does not conform" in done.stdout.splitlines()[-1]
    assert done.stdout.splitlines()[-1].endswith("V08")
    assert "1 law broken" in badge.read_text()
    card = json.loads(run(tmp_path, "acme-ticktrail", "--law", "V08", "--json", status=1).stdout)
    assert card["conforms"] is False
    (suite,) = card["suites"]
    assert [(law["number"], law["outcome"]) for law in suite["laws"]] == [("V08", "broken")]


def test_suites_that_cannot_be_imported_are_no_success(tmp_path):
    """And what pytest said of them is shown."""
    lay_out(tmp_path, SUITES)
    (tmp_path / "acme_ticktrail/conformance.py").write_text("import nothing_of_the_kind\n")
    done = run(tmp_path, "acme-ticktrail", status=1)
    assert "no law could be tried" in done.stderr
    assert "nothing_of_the_kind" in done.stderr
    assert "nothing was checked" in done.stdout


def test_a_source_tree_may_bring_the_suites(tmp_path):
    """With --tests; a test beside the laws that fails is not passed over."""
    lay_out(tmp_path, "")
    tests = tmp_path / "source/tests"
    assert "conforms" in run(tmp_path, "acme-ticktrail", "--tests", tests).stdout
    (tests / "test_own.py").write_text("def test_own():\n    assert not 'kept promise'\n")
    done = run(tmp_path, "acme-ticktrail", "--tests", tests, status=1)
    assert "a test beside the laws failed" in done.stderr
    assert "kept promise" in done.stderr


def test_without_suites_it_says_how_they_are_named(tmp_path):
    """The entry point to add, in the words of pyproject.toml."""
    lay_out(tmp_path, "")
    said = run(tmp_path, "acme-ticktrail", status=2).stderr
    assert '[project.entry-points."ticktrail.conformance"]' in said
    assert "--tests" in said


def test_an_unknown_distribution_leads_to_the_nearest(site):
    """As does an unknown law."""
    assert "did you mean acme-ticktrail?" in run(site, "acme-tiktrail", status=2).stderr
    assert 'there is no law "V99"' in run(site, "acme-ticktrail", "--law", "V99", status=2).stderr


def test_without_the_kit_s_needs_it_says_what_to_install(monkeypatch):
    """By the extra."""
    monkeypatch.setattr("ticktrail.cli.plugins.test._NEEDED", ("pytest", "no_such_runner"))
    done = CliRunner().invoke(program, ["plugins", "test", "ticktrail-mock"])
    assert done.exit_code == 2
    assert "the kit needs no_such_runner; run pip install 'ticktrail[testing]'" in done.stderr


def test_no_badge_is_had_for_one_law(site):
    """It would say that the plugin conforms."""
    said = run(site, "acme-ticktrail", "--law", "V01", "--badge", "badge.svg", status=2).stderr
    assert "a badge is of all laws; leave out --law" in said


def test_a_badge_that_cannot_be_written_is_told(site):
    """With the option."""
    assert (
        "--badge no/such/folder.svg"
        in run(site, "acme-ticktrail", "--badge", "no/such/folder.svg", status=2).stderr
    )


def test_an_interruption_ends_what_was_started(tmp_path):
    """Ctrl-C to this program alone leaves no pytest behind."""
    lay_out(tmp_path, SUITES)
    mark = tmp_path / "pid"
    path = tmp_path / "acme_ticktrail/conformance.py"
    path.write_text(
        f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "ticktrail", "plugins", "test", "acme-ticktrail"],
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - no thread holds a lock here
    ) as started:
        until(lambda: mark.is_file() and mark.read_text())
        child = int(mark.read_text())
        started.send_signal(signal.SIGINT)
        assert started.wait(20) == 130
    until(lambda: not is_running(child))


def until(reached, limit_s=30.0):
    deadline = time.monotonic() + limit_s
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def card(*outcomes):
    laws = [
        LawCard(number=f"S{number:02}", what="It <holds>.", outcome=one)
        for number, one in enumerate(outcomes, 1)
    ]
    return Card(
        ticktrail="1.2", api=1, suites=(SuiteCard(suite="TestX", kind="sink", name="x", laws=tuple(laws)),)
    )


def test_what_a_law_saw_cannot_write_to_the_terminal():
    """A stranger's tick or error may hold anything."""
    hostile = card("broken")
    law = msgspec.structs.replace(hostile.suites[0].laws[0], detail="saw \x1b]0;hacked\x07")
    suite = msgspec.structs.replace(hostile.suites[0], name="x\x1b[2J", laws=(law,))
    told = "\n".join(lines_of(msgspec.structs.replace(hostile, suites=(suite,))))
    assert "\x1b]0;" not in told
    assert "\x1b[2J" not in told
    assert "hacked" in told


@pytest.mark.parametrize(
    ("outcomes", "words", "colour"),
    [
        (("kept", "skipped"), "keeps 1 of 2 laws, API 1", "#2a7f3f"),
        (("kept", "broken"), "1 law broken", "#b3261e"),
        (("broken", "broken", "kept"), "2 laws broken", "#b3261e"),
        (("skipped",), "nothing checked", "#77767b"),
        ((), "nothing checked", "#77767b"),
    ],
)
def test_the_badge_says_it(outcomes, words, colour):
    """In words, to the eye and to a reader of screens, as XML."""
    picture = ET.fromstring(badge_of(card(*outcomes)))
    assert picture.get("aria-label") == f"ticktrail: {words}"
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["ticktrail", words]
    assert colour in badge_of(card(*outcomes))


def test_skips_alone_are_no_conformance():
    """Whoever skips everything has shown nothing."""
    assert "does not conform" in list(lines_of(card("skipped")))[-1]


def test_what_no_feed_can_load_does_not_conform(tmp_path):
    """The laws are not tried, and the host's own words are in the table, the JSON and the badge."""
    lay_out(tmp_path, SUITES)
    path = tmp_path / "acme_ticktrail/plugin.py"
    path.write_text(path.read_text().replace("TICKTRAIL_API = 1", ""))
    badge = tmp_path / "badge.svg"
    done = run(tmp_path, "acme-ticktrail", "--badge", badge, status=1)
    assert "set TICKTRAIL_API = 1 in its module" in " ".join(done.stdout.split())
    assert done.stdout.splitlines()[-1] == "does not conform: no feed could load it"
    assert "V01" not in done.stdout
    assert "no law could be tried" not in done.stderr
    assert "cannot be loaded" in badge.read_text()
    card = json.loads(
        run(tmp_path, "acme-ticktrail", "--tests", "source/tests", "--law", "V01", "--json", status=1).stdout
    )
    assert card["conforms"] is False
    assert card["suites"] == []
    (why,) = card["refused"]
    assert why.startswith("plugin acme: it does not say for which ticktrail it is made")


HEAD = "import os, time\nfrom ticktrail.plugin import *\nTICKTRAIL_API = 1\nclass S(Settings, frozen=True):\n    {}\n"
SINK = '@hookimpl\ndef ticktrail_sinks(): return [sink_spec(name="{}", summary="", settings=S, open=print)]\n'
PROVIDER = (
    '@hookimpl\ndef ticktrail_providers(): return [provider_spec(name="{}", summary="", settings=S, open=print, '
    "describe=lambda settings, registry: Capabilities(channels=frozenset()))]\n"
)
OBSERVER = (
    '@hookimpl\ndef ticktrail_observers(): return [observer_spec(name="{0}", report_key="{0}", summary="", '
    "settings=S, open=print)]\n"
)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("@hookimpl\ndef ticktrail_sink(): return []\n", "there is no hook ticktrail_sink; did you mean"),
        (
            "def ticktrail_sinks(): return []\n",
            "ticktrail_sinks would never be called; put @hookimpl above it",
        ),
        ("import no_such_module_anywhere\n", "No module named 'no_such_module_anywhere'"),
        (SINK.format("jsonl"), 'sink "jsonl" is declared by both'),
        (PROVIDER.format("binance"), 'provider "binance" is declared by both'),
        (("plugin: str", SINK.format("acme")), "sink acme claims the key plugin, which is ticktrail's own"),
        (("equivalents: str", PROVIDER.format("acme")), "provider acme claims the key equivalents"),
        (OBSERVER.format("feed"), "observer feed has the name of a table of ticktrail's own"),
        ("os._exit(7)\n", "loading it ends the process with 7"),
    ],
)
def test_each_way_in_which_a_plugin_cannot_be_loaded_is_told(tmp_path, source, words):
    """As a feed would: by the host, or where the feed file names it."""
    lay_out(tmp_path, SUITES)
    keys, source = source if isinstance(source, tuple) else ("pass", source)
    (tmp_path / "acme_ticktrail/plugin.py").write_text(HEAD.format(keys) + source)
    card = json.loads(run(tmp_path, "acme-ticktrail", "--json", status=1).stdout)
    assert words in card["refused"][0]
    assert len(card["refused"]) == 1


@pytest.mark.parametrize(
    ("entry_points", "words"),
    [
        ("[ticktrail]\nacme = acme_ticktrail.plugins\n", "No module named 'acme_ticktrail.plugins'"),
        ("", 'acme-ticktrail has no entry point of the group "ticktrail", so no feed finds it'),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_told(tmp_path, entry_points, words):
    """As is one that is not there at all."""
    lay_out(tmp_path, SUITES)
    (tmp_path / "acme_ticktrail-0.1.0.dist-info/entry_points.txt").write_text(entry_points + SUITES)
    assert words in " ".join(run(tmp_path, "acme-ticktrail", status=1).stdout.split())


def test_what_is_found_from_the_folder_of_the_command_is_loaded_from_there(tmp_path):
    """As `python -m ticktrail` finds it, without any setting of the path."""
    lay_out(tmp_path, "")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ticktrail",
            "plugins",
            "test",
            "acme-ticktrail",
            "--tests",
            "source/tests",
            "--law",
            "V01",
        ],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert "V01  kept" in done.stdout, done.stdout + done.stderr


def test_an_import_that_does_not_end_is_ended(tmp_path, monkeypatch):
    """Nobody waits for ever, and what was started is gone."""
    lay_out(tmp_path, SUITES)
    (tmp_path / "acme_ticktrail/plugin.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr("ticktrail.cli.plugins.test._LOAD_S", 2.0)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    done = CliRunner().invoke(program, ["plugins", "test", "acme-ticktrail", "--json"])
    assert done.exit_code == 1
    assert "its import is not done after 2 s" in json.loads(done.stdout)["refused"][0]
