"""An export in the hands of its reader: sound by its own program, and refused with one byte of anything changed."""

import contextlib
import importlib.util
import io
import json
import random
import shutil
import subprocess

import pytest

from unit.compliance.export.exporting import audit, exported, log_of, three_days

CHANGES_A_FILE = 25
KEPT = {"verify.py"}  # whoever runs a changed program is lost: it is compared with an installation's


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An export in CSV with its keys beside it; and the log's verifier key."""
    folder = tmp_path_factory.mktemp("made")
    log_of(folder, three_days(), segment_ticks=4)
    exported(folder, "--keys-out", folder / "keys.json", form="csv")
    return folder, audit("key", folder / "feed.toml").stdout.strip()


def program(path):
    spec = importlib.util.spec_from_file_location("shipped_verifier", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(python, folder, key, keys):
    command = [python, folder / "verify.py", "--verifier-key", key, "--data-keys", keys, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_it_is_sound_where_there_is_nothing_but_cryptography(made, bare_python):
    """Signatures, proofs, chain, contents and every row, without ticktrail and without zstandard."""
    folder, key = made
    status, told = run(bare_python, folder / "out", key, folder / "keys.json")
    assert (status, told["sound"], told["verifier_key_compared"]) == (0, True, True)
    assert told["checked"]["entries"] == len((folder / "out/entries.jsonl").read_text().splitlines())


def test_one_byte_of_anything_is_refused_and_its_place_named(made, tmp_path, bare_python):
    """In every file, at many places: the finding names the file, and for entries and rows which of them."""
    folder, key = made
    chance = random.Random(11)
    shutil.copytree(folder / "out", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    for name in names:
        path = tmp_path / "out" / name
        whole = path.read_bytes()
        times = 1 if name in KEPT else CHANGES_A_FILE
        for place in sorted(chance.sample(range(len(whole)), min(times, len(whole)))):
            if name in KEPT:
                path.write_bytes(whole + b"# more\n")  # a program that runs, and is another one
            else:
                path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            status, told = _checked(tmp_path / "out", key, folder / "keys.json", bare_python, name)
            assert status == 1, (name, place)
            assert any(name in json.dumps(one) for one in told["findings"]), (name, place, told["findings"])
            path.write_bytes(whole)


def _checked(out, key, keys, python, name):
    """Check it in this process, which is quicker; what is done to the program itself by a process of its own."""
    if name in KEPT:
        return run(python, out, key, keys)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = program(out / "verify.py").main(
            [str(out), "--verifier-key", key, "--data-keys", str(keys), "--json"]
        )
    return status, json.loads(said.getvalue())
