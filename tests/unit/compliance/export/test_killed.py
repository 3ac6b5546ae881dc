"""An export that is killed leaves no folder, or a whole one; and the same command goes on from there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ticktrail_compliance import acts
from unit.compliance.export.exporting import audit, batch, check, exported, log_of, rows, three_days
from unit.compliance.export.test_exporting import FORMS, key_of, told_in
from unit.compliance.logs import NOW_NS, verified


def killing(how, folder, form, *more):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killing.py")), how, str(folder), form, *map(str, more)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("form", ["csv", pytest.param("parquet", marks=[*FORMS[-1].marks, pytest.mark.slow])])
def test_killed_at_every_step(tmp_path, form):
    """Before each change of a folder: what has the final name is whole, and the log tells of each export once."""
    log_of(tmp_path, three_days(), segment_ticks=4)
    told = killing("steps", tmp_path, form)
    assert told[-1]["first"] == 0
    assert len(told) > 10
    key = key_of(tmp_path)
    for one in told[:-1]:
        assert one["first"] == -signal.SIGKILL
        tidied = (
            one["name"] in one["there"] and one is told[-2]
        )  # nothing was left to do but to remove an empty folder
        assert one["second"] == (2 if tidied else 0), one
        if (
            one["name"] in one["there"]
        ):  # it had its name when it was killed: then it was recorded, with its keys
            assert f"{one['name']}.keys" in one["there"]
    recorded = [act for _, act in told_in(tmp_path, acts.LogExported)]
    assert sorted(act.purpose for act in recorded) == sorted(f"Case {one['name']}" for one in told)
    for one in told:
        check(tmp_path / one["name"], key)
        assert (tmp_path / f"{one['name']}.keys").is_file()
    assert not list(tmp_path.glob("*.partial"))
    assert verified(tmp_path).sound


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random(tmp_path, database, times):
    """Exports, each killed at any moment, and gone on with: the same rows as of one that was left alone."""
    records = [batch(NOW_NS + number, number=number * 10) for number in range(700)]
    log_of(tmp_path, records, database=database, segment_ticks=4)
    told = killing("random", tmp_path, "csv", times)
    assert sum(one["killed"] for one in told) >= times // 2
    key = key_of(tmp_path)
    whole = [row for row in rows(tmp_path / "whole") if row["type"]]
    for one in told:
        assert one["last"] in (None, 0), one
        check(tmp_path / one["name"], key)
        assert [row for row in rows(tmp_path / one["name"]) if row["type"]] == whole
    recorded = [act.purpose for _, act in told_in(tmp_path, acts.LogExported, database)]
    assert sorted(recorded) == sorted(["Case whole", *(f"Case {one['name']}" for one in told)])
    assert verified(tmp_path, database=database).sound


def test_a_half_made_file_is_not_trusted(tmp_path):
    """What stands after the last mark is cut off and written anew; what is shorter than that is refused."""
    records = [batch(NOW_NS + number, number=number * 10) for number in range(1_500)]
    log_of(tmp_path, records, segment_ticks=4)
    killing("random", tmp_path, "csv", 0)
    for name in ("rows.csv", "bodies.bin"):
        partial = interrupted(tmp_path)
        with (partial / "export" / name).open("ab") as file:
            file.write(b"torn")
        told = exported(tmp_path, form="csv", out=partial.name.removesuffix(".partial"))
        assert told["resumed"]
        check(tmp_path / partial.name.removesuffix(".partial"), key_of(tmp_path))
    partial = interrupted(tmp_path)
    os.truncate(partial / "export" / "rows.csv", 10)
    done = audit(
        "export", tmp_path / "feed.toml", "--format", "csv", "--out", str(partial).removesuffix(".partial"),
        "--purpose", "Case 17",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "was changed since: remove" in done.stderr


def interrupted(folder):
    """An export that ended in the middle of its rows, since the disk was full."""
    name = f"torn-{len(list(folder.glob('torn-*')))}"
    script = (
        "import resource, sys\n"
        "from ticktrail.cli.program import program\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))\n"
        "program.main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [
            sys.executable, "-c", script, "audit", "export", str(folder / "feed.toml"), "--format", "csv", "--out",
            str(folder / name), "--purpose", "Case 17",
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "cannot be written: File too large" in done.stderr
    assert not (folder / name).exists()
    return folder / f"{name}.partial"
