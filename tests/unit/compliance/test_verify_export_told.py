"""The verifier of exports where something is not there: one plain line, and never the words of the system."""

import json
import subprocess
import sys

import pytest

from unit.compliance.bundles import VERIFIER, data_keys, export, usual_log, verifier_key


@pytest.fixture
def folder(tmp_path):
    return export(tmp_path / "e", usual_log())


def run(folder, *options, before=""):
    script = f"{before}import runpy; runpy.run_path({str(VERIFIER)!r}, run_name='__main__')"
    command = [sys.executable, "-c", script, str(folder), *map(str, options)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_without_cryptography(folder):
    """What to install, status 2, and no traceback."""
    done = run(folder, before="import sys; sys.modules['cryptography'] = None; ")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "verify.py needs the package cryptography: pip install cryptography\n"


@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "entries.jsonl",
        "bodies.bin",
        "rows.jsonl",
        "checkpoint",
        "README.txt",
        "manifest.note",
        "manifest.json",
    ],
)
def test_a_file_that_is_missing_is_one_finding(folder, tmp_path, name, keys):
    """However much hangs on it."""
    (folder / name).unlink()
    options = ["--data-keys", data_keys(tmp_path / "keys.json")] if keys else []
    done = run(folder, "--verifier-key", verifier_key(), *options)
    assert done.returncode == 1, done.stderr
    why = {"manifest.json": ": the export is not whole", "manifest.note": ": not signed"}.get(name, "")
    findings = [line for line in done.stdout.splitlines() if "FINDING" in line]
    assert findings == [f"FINDING  {name} is missing{why}"]
    assert "NOT SOUND: 1 finding. " in done.stdout
    told = json.loads(run(folder, "--verifier-key", verifier_key(), *options, "--json").stdout)
    assert [(one["file"], one["fault"]) for one in told["findings"]] == [(name, f"{name} is missing{why}")]


@pytest.mark.parametrize("option", ["--data-keys", "--verifier-key-file"])
def test_a_file_of_keys_that_is_missing(folder, option):
    """Wrong use, with its name."""
    done = run(folder, option, "nowhere.json")
    assert done.returncode == 2
    assert "error: nowhere.json cannot be read: No such file or directory" in done.stderr
    assert "Errno" not in done.stderr


def test_one_of_a_kind(tmp_path):
    """Counts of one stand with the singular."""
    log = usual_log()
    folder = export(tmp_path / "one", log, destroyed=[3], classes=["clock"])
    done = run(folder, "--verifier-key", verifier_key(), "--data-keys", data_keys(tmp_path / "keys.json"))
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        "checked 1 body",
        "checked 1 body decrypted",
        "checked 1 row read",
        "checked 1 row equal to the log",
        "checked 1 record",
        "not checked 1 summary that was destroyed",
    ):
        assert line in lines, done.stdout
    assert "The contents of 1 entry were destroyed" in done.stdout
