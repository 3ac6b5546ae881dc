"""A quarter of a feed's life in an evidence pack: its figures are those that were counted while it was made up."""

import contextlib
import hashlib
import io
import json
import math
import random
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from system.quarter import FROM_NS, OUTCOMES, PEOPLE, PLAN, Life, live
from ticktrail.cli.program import program
from ticktrail_compliance.export import verify_export
from unit.compliance.logs import SQLITE, postgres

DAYS = 90


def pack(life, out, *more):
    """Pack the period, and return what is told; the exit status says whether an aim was missed."""
    feed = life.folder / "feed.toml"
    feed.write_text(f'[compliance]\ndatabase = "{life.database}"\nkey = {{ file = "audit.key" }}\n')
    done = CliRunner().invoke(
        program,
        ["report", "compliance", str(feed), "--from", str(FROM_NS), "--to", str(life.to_ns),
         "--out", str(life.folder / out), "--json", *more],
    )  # fmt: skip
    assert done.exit_code in (0, 1), done.output
    return done.exit_code, json.loads(done.stdout)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def packed(request, tmp_path_factory):
    """A quarter, packed twice."""
    folder = tmp_path_factory.mktemp("quarter")

    def made(database):
        life = Life(folder, database, DAYS)
        live(life)
        status, told = pack(life, "one")
        pack(life, "two", "--purpose", "Examination 17")
        return life, status, told

    if request.param == "sqlite":
        yield made(SQLITE)
        return
    with postgres() as url:
        yield made(url)


@pytest.fixture
def summary(packed):
    return json.loads((packed[0].folder / "one/summary.json").read_bytes())


def figures(summary, section):
    (found,) = [one for one in summary["sections"] if one["id"] == section]
    return {one["id"]: one["value"] for one in found["figures"]}


def rows(summary, section, table):
    (found,) = [one for one in summary["sections"] if one["id"] == section]
    (found,) = [one for one in found["tables"] if one["id"] == table]
    return [
        dict(zip((column["id"] for column in found["columns"]), row, strict=True)) for row in found["rows"]
    ]


def criteria(summary):
    return {one["id"]: (one["value"], one["outcome"]) for one in summary["criteria"]}


def files(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def checked(folder, python="python3"):
    done = subprocess.run(
        [python, folder / "verify.py", "--json"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_the_clock_is_what_it_was_made_to_be(packed, summary):
    """Checks, the share in tolerance, the farthest from UTC, breaches; and an aim that was missed."""
    n, found = packed[0].counted.n, figures(summary, "clock")
    assert (found["checks"], found["breaches"]) == (n["checks"], n["breaches"])
    assert found["in_tolerance"] == pytest.approx(100 * n["in_tolerance"] / n["checks"])
    assert found["worst"] == packed[0].counted.worst_ms
    assert criteria(summary)["clock"] == (packed[0].counted.worst_ms, "missed")
    assert packed[1] == 1


def test_availability_is_what_it_was_made_to_be(packed, summary):
    """How long feeds ran and nothing was delivered, each leg's uptime, and the switches that sinks were told of."""
    counted, found = packed[0].counted, figures(summary, "availability")
    assert found["ran"] == pytest.approx(counted.ran_s)
    assert found["out"] == pytest.approx(counted.out_s)
    assert (found["outages"], found["switches"]) == (counted.n["outages"], counted.n["switches"])
    assert len(rows(summary, "log", "starts")) == counted.n["starts"]
    uptime = {one["leg"]: one["uptime_pct"] for one in rows(summary, "availability", "legs")}
    for leg in ("alpha", "beta"):
        assert uptime[leg] == pytest.approx(100 * (1 - counted.leg_down_s[leg] / counted.ran_s))
    reached = 100 * (1 - counted.out_s / counted.ran_s)
    assert criteria(summary)["uptime"] == (pytest.approx(reached), "met" if reached >= 99.9 else "missed")


def test_quality_is_what_it_was_made_to_be(packed, summary):
    """Ticks by what became of them, gaps, and what the aims make of them."""
    n, found = packed[0].counted.n, figures(summary, "quality")
    for name in ("delivered", "rejected", "suppressed", "flagged", "gaps"):
        assert found[name] == n[name], name
    assert found["holes_left"] == n["gaps"]
    assert sum(one["gaps"] for one in rows(summary, "quality", "gaps")) == n["gaps"]
    assert sum(one["seen"] for one in rows(summary, "quality", "judged")) == n["judged"]
    share = 100 * n["flagged"] / n["delivered"]
    assert criteria(summary)["invalid"] == (pytest.approx(share), "met" if share < 0.1 else "missed")
    assert criteria(summary)["synthetic"] == (0, "met")
    took_us = sorted(packed[0].counted.took_us)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        reached_ms = took_us[math.ceil(share * len(took_us)) - 1] / 1_000
        assert criteria(summary)[f"latency_{name}"] == (reached_ms, "met" if reached_ms <= 100 else "missed")


def test_incidents_and_their_deadlines_are_what_they_were_made_to_be(packed, summary):
    """One of each kind, those before and after left out, each with a file; and what became of every deadline."""
    life, found = packed[0], figures(summary, "incidents")
    of_the_period = {name for name, *_ in PLAN} - {"long over", "after"}
    assert found["incidents"] == len(of_the_period)
    assert found["opened"] == life.counted.n["opened"]
    told = {one["incident"]: one["outcome"] for one in rows(summary, "incidents", "deadlines")}
    assert told == {life.incidents[name]: outcome for name, outcome in OUTCOMES.items()}
    for outcome in ("kept", "missed", "running"):
        assert found[f"deadlines_{outcome}"] == list(OUTCOMES.values()).count(outcome)
    for name in of_the_period:
        record = json.loads(
            (life.folder / f"one/incidents/incident-{life.incidents[name]}.json").read_bytes()
        )
        assert record["incident"]["subject"] == name


def test_people_holds_retention_and_reviews_are_what_they_were_made_to_be(packed, summary):
    """By person; keys that retention destroyed, and the ones that a hold kept; reviews and checks."""
    counted = packed[0].counted
    access = figures(summary, "access")
    assert (access["accesses"], access["refusals"]) == (counted.n["accesses"], counted.n["refusals"])
    people = rows(summary, "access", "people")
    for user in PEOPLE:
        for what in ("let", "refused"):
            of_user = sum(one[what] for one in people if one["person"] == f"{user}@desk")
            assert of_user == counted.people[user, what]
    retention = figures(summary, "retention")
    assert (retention["destroyed"], retention["withheld"]) == (2, 0)
    assert (retention["holds"], retention["holds_standing"]) == (counted.n["holds"], counted.n["standing"])
    providers = figures(summary, "providers")
    assert (providers["reviews"], providers["overdue"]) == (counted.n["reviews"], 1)
    checks = figures(summary, "checks")
    for name in ("runs", "failed", "last_failed"):
        assert checks[name] == counted.n[name]
    assert figures(summary, "policy")["policies"] == 2


def test_policies_stand_in_it_word_for_word(packed, summary):
    """Each by its hash."""
    for one in rows(summary, "policy", "policies"):
        content = (packed[0].folder / "one" / one["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == one["sha256"]
        assert one["firm"].encode() in content


def test_two_packs_of_a_period_are_the_same(packed):
    """To the byte, but for who made it: what the first one left in the log is none of the period."""
    one, two = (files(packed[0].folder / name) for name in ("one", "two"))
    assert set(one) == set(two)
    differ = [name for name in one if one[name].read_bytes() != two[name].read_bytes()]
    assert differ == ["made.txt"]


def test_its_own_program_finds_it_sound(packed):
    """Every file, every entry of the records, every proof."""
    status, told = checked(packed[0].folder / "one")
    assert (status, told["sound"], told["findings"]) == (0, True, [])
    assert told["checked"]["files of the pack"] == len(files(packed[0].folder / "one")) - 3
    assert told["checked"]["proofs of inclusion"] == 2


def test_texts_of_the_log_are_no_markup(packed):
    """What a venue or a person wrote stands in the page as it was written."""
    page = (packed[0].folder / "one/index.html").read_text()
    assert "&lt;b&gt;told&lt;/b&gt; &amp; more" in page
    assert "<b>" not in page
    assert "<script" not in page
    assert "Example Securities &amp; Sons" in page


def test_one_byte_of_anything_is_refused(packed, tmp_path):
    """In every file but the one that is not signed, and its place is named; a file more or less as well."""
    if packed[0].database != SQLITE:
        pytest.skip("a pack is the same kind of folder, whatever the database")
    folder = tmp_path / "pack"
    shutil.copytree(packed[0].folder / "one", folder)
    chance, found = random.Random(5), files(folder)
    names = sorted(set(found) - {"made.txt", "verify.py"})
    for name in names:
        whole = found[name].read_bytes()
        place = chance.randrange(len(whole))
        found[name].write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        status, told = _inside(folder)
        assert status == 1, name
        assert any(name in one["file"] for one in told["findings"]), (name, place, told["findings"])
        found[name].write_bytes(whole)
    found["made.txt"].write_bytes(b"by somebody else")
    assert _inside(folder)[0] == 0
    (folder / "policy/more.toml").write_text("x")
    assert [one["file"] for one in _inside(folder)[1]["findings"]] == ["policy/more.toml"]
    (folder / "policy/more.toml").unlink()
    shutil.rmtree(folder / "records")
    assert _inside(folder)[0] == 1


def _inside(folder):
    """Check it by the program of this installation, in this process, which is quicker."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = verify_export.main([str(folder), "--json"])
    return status, json.loads(said.getvalue())


def test_entries_that_prove_a_figure_are_in_the_log(packed, summary):
    """Every number that is named is of an entry of the records, or its proof stands beside them."""
    folder = packed[0].folder / "one"
    lines = (folder / "records/entries.jsonl").read_text().splitlines()
    proven = {json.loads(line)["seq"] for line in lines}
    proven |= {int(path.stem.removeprefix("entry-")) for path in (folder / "proofs").iterdir()}
    named = [
        seq
        for section in summary["sections"]
        for one in section["figures"]
        for seq in one["entries"]["named"]
    ]
    assert len(named) > 100
    assert set(named) <= proven
    policies = rows(summary, "policy", "policies")
    assert (folder / f"proofs/entry-{policies[0]['entry']}.tlog-proof").exists()
