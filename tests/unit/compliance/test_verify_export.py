"""The verifier of exports finds every change and names its place; a sound export passes, with keys and without."""

import io
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ticktrail_compliance.export import verify_export
from ticktrail_compliance.export.verify_export import (
    UNREAD_ROWS,
    Check,
    DataKeys,
    Progress,
    VerifierKey,
    main,
)
from unit.compliance.bundles import (
    DATA_KEYS,
    LOG_ID,
    SECOND,
    T0,
    VERIFIER,
    Log,
    b64,
    data_keys,
    event,
    export,
    note,
    path_to,
    routed,
    seal,
    sha256,
    sign_again,
    tick,
    tree_hash,
    usual_log,
    verifier_key,
)

ROOT = Path(__file__).parents[3]
LIMIT_S = 300


def check(folder, *, keys=(1, 2), key=True):
    given_keys = DataKeys(str(LOG_ID), {number: DATA_KEYS[number] for number in keys}) if keys else None
    done = Check(Path(folder), VerifierKey.of(verifier_key()) if key else None, given_keys, ())
    done.run()
    return done


def faults(folder, **options):
    return [str(one) for one in check(folder, **options).report.findings]


def lines(folder, name="entries.jsonl"):
    return [json.loads(line) for line in (folder / name).read_bytes().splitlines()]


def write_lines(folder, found, name="entries.jsonl"):
    (folder / name).write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in found))
    return folder


@pytest.fixture
def folder(tmp_path):
    return export(tmp_path / "export", usual_log())


# --- sound exports

FILTERS = [
    {},
    {"from_ns": T0 + 3 * SECOND, "to_ns": T0 + 6 * SECOND},
    {"classes": ["journal"]},
    {"classes": ["control", "clock"], "outcomes": ["event"]},
    {"instruments": ["ETH/USDT"]},
    {"providers": ["nobody"]},
    {"outcomes": ["rejected", "flagged", "suppressed"]},
    {"from_ns": T0 + 900 * SECOND},
    {
        "from_ns": T0 + 2 * SECOND,
        "instruments": ["BTC/USDT"],
        "outcomes": ["delivered"],
        "classes": ["journal"],
    },
]


@pytest.mark.parametrize("rows_format", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("asked", FILTERS)
def test_a_sound_export_is_found_sound(tmp_path, rows_format, asked):
    made = export(tmp_path / "e", usual_log(11), rows_format=rows_format, **asked)
    for keys in [(1, 2), (2,), ()]:
        done = check(made, keys=keys)
        assert done.report.findings == []
    manifest = json.loads((made / "manifest.json").read_bytes())
    done = check(made)
    if rows_format != "parquet":
        assert done.checked["rows equal to the log"] == manifest["rows"]
    elif manifest["rows"]:
        assert (
            done.unchecked["rows in parquet, which were compared by their file's hash only"]
            == manifest["rows"]
        )


def test_entries_outside_the_export_are_counted(tmp_path):
    done = check(export(tmp_path / "e", usual_log(11), from_ns=T0 + 3 * SECOND, to_ns=T0 + 6 * SECOND))
    outside = "entries of the log before or after the export's, whose times it does not show"
    assert done.unchecked[outside] == 11 - done.checked["entries"] > 0


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 9])
def test_the_proofs_hold_in_trees_of_any_size(tmp_path, count):
    log = Log()
    for number in range(1, count + 1):
        log.add(event(number))
    for first in range(1, count + 1):
        made = export(tmp_path / str(first), log, from_ns=T0 + first * SECOND, to_ns=T0 + count * SECOND)
        assert faults(made) == []


def test_a_log_without_entries_is_sound(tmp_path):
    assert faults(export(tmp_path / "e", Log())) == []


def test_what_was_destroyed_or_has_no_key_is_counted_and_no_finding(tmp_path):
    made = export(tmp_path / "e", usual_log(), destroyed=[1, 3])
    done = check(made, keys=(2,))
    assert done.report.findings == []
    assert done.unchecked["entries whose contents were destroyed, and that may have held rows"] == 2
    assert done.unchecked["bodies whose key is not here"] == 1
    assert done.unchecked[UNREAD_ROWS] > 0


def test_what_is_left_out_as_destroyed_while_its_key_is_here_is_a_finding(tmp_path):
    """Whoever hands over a key has not destroyed it: what it opens was withheld."""
    made = export(tmp_path / "e", usual_log(), destroyed=[3])
    (told,) = check(made, keys=(1, 2)).report.findings
    assert told.entry == 3
    assert "its data key was handed over" in told.fault


# --- one byte changed, anywhere


@cache
def sound(rows_format):
    folder = Path(os.environ["PYTEST_VERIFY_TMP"]) / rows_format
    return export(folder, usual_log(), rows_format=rows_format)


@pytest.fixture(autouse=True, scope="module")
def _folder_for_all(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_VERIFY_TMP", str(tmp_path_factory.mktemp("sound")))
        yield
        sound.cache_clear()


NAMES = [
    "manifest.json",
    "manifest.note",
    "checkpoint",
    "entries.jsonl",
    "bodies.bin",
    "README.txt",
    "verify.py",
]


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("rows_format", ["jsonl", "csv"])
def test_one_byte_changed_is_refused_and_its_file_named(rows_format, data):
    made = sound(rows_format)
    name = data.draw(st.sampled_from([*NAMES, f"rows.{rows_format}"]))
    path = made / name
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    changed = data.draw(st.integers(1, 255))
    try:
        path.write_bytes(before[:place] + bytes([before[place] ^ changed]) + before[place + 1 :])
        for keys in [(1, 2), ()]:
            for key in (True, False):
                found = check(made, keys=keys, key=key).report
                assert name in [one.file for one in found.findings] or (name, key) == ("manifest.json", False)
                assert found.total
                assert "Error: " not in "".join(map(str, found.findings))
    finally:
        path.write_bytes(before)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("rows_format", ["jsonl", "csv"])
def test_one_byte_changed_is_found_by_the_entries_and_rows_alone(tmp_path_factory, rows_format, data):
    """Also where the manifest was made anew and signed: what the log holds cannot be said otherwise."""
    made = tmp_path_factory.mktemp("signed") / "export"
    shutil.copytree(sound(rows_format), made)
    path = made / data.draw(
        st.sampled_from(["checkpoint", "entries.jsonl", "bodies.bin", f"rows.{rows_format}"])
    )
    before = path.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    path.write_bytes(
        before[:place] + bytes([before[place] ^ data.draw(st.integers(1, 255))]) + before[place + 1 :]
    )
    sign_again(made)
    found = check(made).report
    assert path.name in [one.file for one in found.findings] or path.name == "entries.jsonl"
    assert found.total
    assert "Error: " not in "".join(map(str, found.findings))
    shutil.rmtree(made)


@pytest.mark.parametrize("name", [*NAMES, "rows.jsonl"])
def test_a_file_that_is_missing_empty_or_cut_off_is_named(folder, name):
    data = (folder / name).read_bytes()
    for change in (lambda path: path.write_bytes(data[:-1]), lambda path: path.write_bytes(b""), Path.unlink):
        change(folder / name)
        found = check(folder).report.findings
        assert name in [one.file for one in found]
        assert "Error: " not in "".join(map(str, found))


# --- entries that were left out, moved, forged


def forged(log, number, **changed):
    """Seal an entry anew, and all after it, so that the chain fits again."""
    entries = log.entries
    for index in range(number - 1, len(entries)):
        entry = entries[index]
        fields = entry.fields | (changed if index == number - 1 else {})
        records = [*entry.records, event(1)] if index == number - 1 and not changed else entry.records
        fields |= {"records": len(records)}
        if records != entry.records:
            fields["first_ns"] = T0 + SECOND
        entries[index] = seal(
            records, previous=entries[index - 1].leaf_hash if index else bytes(32), **fields
        )
    return log


@pytest.mark.parametrize("number", [1, 4, 7])
def test_a_forged_entry_whose_chain_was_made_anew_is_not_in_the_log(tmp_path, number):
    """The owner's checkpoint holds the tree as it was; who forges has no key to sign another."""
    honest = export(tmp_path / "honest", usual_log())
    made = export(tmp_path / "forged", forged(usual_log(), number))
    manifest = json.loads((honest / "manifest.json").read_bytes())
    shutil.copy(honest / "checkpoint", made)
    sign_again(made, first_proof=manifest["first_proof"], last_proof=manifest["last_proof"])
    found = faults(made)
    assert any("entry 7: not in the log: `last_proof`" in one for one in found)


def test_an_entry_left_out_is_named(folder):
    found = lines(folder)
    sign_again(write_lines(folder, found[:3] + found[4:]), entries=6)
    told = faults(folder)
    assert any("line 4, " in one and "entry 5: entry 4 was expected here" in one for one in told)
    assert any("entry 5: `previous` is not the digest of the entry before" in one for one in told)


@pytest.mark.parametrize("cut", [slice(1, None), slice(None, -1)])
def test_an_entry_left_out_at_an_end_is_named(folder, cut):
    sign_again(write_lines(folder, lines(folder)[cut]), entries=6)
    assert any("in this place" in one or "was expected here" in one for one in faults(folder))


def test_entries_in_another_order_are_named(folder):
    found = lines(folder)
    found[2], found[3] = found[3], found[2]
    sign_again(write_lines(folder, found))
    told = "\n".join(faults(folder))
    assert "line 3" in told
    assert "entry 3 was expected here" in told
    assert "of writer" in told
    assert "cannot follow its counter" in told


@pytest.mark.parametrize(
    ("field", "value"),
    [("seq", 99), ("entry_class", "access"), ("form", 2), ("writer", 9), ("counter", 9), ("written_ns", 0),
     ("clock_offset_ns", 5), ("clock_bound_ns", 5), ("first_ns", 5), ("last_ns", 5 << 60), ("records", 9),
     ("ticks", 9), ("key_id", 2), ("previous", "00" * 32), ("digest", "00" * 32), ("summary_sha256", "00" * 32),
     ("body_sha256", "00" * 32), ("summary", "AAAA"), ("summary", None), ("body", None), ("body", [1, 2]),
     ("seq", True), ("counter", 1 << 63), ("counter", -1), ("writer", 1.0), ("body", [0, -1]), ("body", [1 << 70, 1]),
     ("digest", "AB" * 32), ("summary", "AAA"), ("entry_class", []), ("body", {})],
)  # fmt: skip
def test_every_field_of_an_entry_is_bound(folder, field, value):
    found = lines(folder)
    found[3][field] = value
    sign_again(write_lines(folder, found))
    told = [one for one in check(folder).report.findings if one.line == 4 or one.entry == 4]
    if (field, value) == (
        "summary",
        None,
    ):  # what was destroyed is told of, and its hash is bound all the same
        assert check(folder).unchecked["summaries that were destroyed"] == 1
    else:
        assert told


def test_what_a_header_says_is_compared_with_the_body(tmp_path):
    """An entry that was sealed with a lie in it: the log is as it was written, and its writer wrong."""
    log = Log().add(event(1)).add(routed(2), records=5, ticks=7, first_ns=T0, last_ns=T0 + 9 * SECOND)
    told = "\n".join(faults(export(tmp_path / "e", log)))
    for name in ("`records` is 5", "`ticks` is 7", "`first_ns`", "`last_ns`"):
        assert f"header's {name}" in told


@pytest.mark.parametrize(
    "change",
    [{"delivered": 3}, {"rejected": 1}, {"events": {"leg_up": 1}}, {"instruments": ["BTC/USDT"]},
     {"instruments": ["BTC/USDT", "ETH/USDT", "SOL/USDT"]}, {"providers": []}, {"channels": ["b", "a"]},
     {"flagged": "0"}, {"providers": None}],
)  # fmt: skip
def test_what_a_summary_says_is_compared_with_the_body(tmp_path, change):
    records = [routed(2)]
    summary = {
        "events": {}, "providers": ["binance"], "instruments": ["BTC/USDT", "ETH/USDT"], "channels": ["trades"],
        "delivered": 2, "rejected": 0, "suppressed": 0, "flagged": 0,
    }  # fmt: skip
    for told, sound_one in ((summary, True), (summary | change, False)):
        plain = [msgspec.msgpack.encode(told), msgspec.msgpack.encode(records)]
        log = Log().add(*records, plaintexts=plain)
        found = faults(export(tmp_path / str(sound_one), log))
        assert (found == []) == sound_one
        assert sound_one or "summary" in "".join(found)


def test_each_writer_counts_its_own_entries(tmp_path):
    """Two at a time, one after the other, or a number that is taken before and used after: all of it is a log."""
    log = Log().add(event(1)).add(event(2), writer=3, counter=1).add(event(3), writer=1, counter=2)
    log.add(event(4), writer=3, counter=2).add(event(5), writer=2, counter=1)
    assert faults(export(tmp_path / "sound", log)) == []
    log = Log().add(event(1)).add(event(2), writer=2, counter=1).add(event(3), writer=2, counter=3)
    log.add(event(4), writer=2, counter=1).add(event(5), writer=1, counter=2).add(
        event(6), writer=5, counter=2
    )
    told = [one.entry for one in check(export(tmp_path / "e", log)).report.findings]
    assert told == [3, 4, 6]
    log = Log().add(event(1), counter=2, first_ns=T0 + 2 * SECOND)
    told = "\n".join(faults(export(tmp_path / "first", log)))
    assert "counter 2 of writer 1 cannot follow its counter 0" in told
    assert "`first_ns` is after `last_ns`" in told


# --- bodies and rows


def test_bodies_lie_one_after_the_other_and_none_is_unnamed(folder):
    with (folder / "bodies.bin").open("ab") as file:
        file.write(b"more")
    sign_again(folder)
    assert any("bodies.bin" in one and "4 bytes at its end are of no entry" in one for one in faults(folder))


def test_bodies_that_overlap_or_leave_holes_are_named(folder):
    found = lines(folder)
    found[2]["body"][0] -= 1
    found[4]["body"][0] += 1
    told = "\n".join(faults(sign_again(write_lines(folder, found)) or folder))
    assert "entry 3: the body lies over the one before" in told
    assert "entry 5: the body leaves bytes before it" in told


def test_a_body_that_was_asked_for_and_left_out_is_named(tmp_path):
    made = export(tmp_path / "e", usual_log(), outcomes=["delivered"], rows_format="parquet")
    found = lines(made)
    found[6]["body"] = None
    kept = (made / "bodies.bin").read_bytes()[: found[5]["body"][0] + found[5]["body"][1]]
    (made / "bodies.bin").write_bytes(kept)
    sign_again(write_lines(made, found), bodies=3)
    assert [one.entry for one in check(made).report.findings] == [7]
    assert any("of which only the key tells" in one for one in check(made, keys=()).unchecked)


def test_a_body_that_nobody_asked_for_is_named(folder):
    sign_again(folder, classes=["journal"])
    told = [
        one.entry for one in check(folder, keys=()).report.findings if "nothing that was asked" in one.fault
    ]
    assert told == [1, 3, 4]


@pytest.mark.parametrize("rows_format", ["jsonl", "csv"])
def test_rows_that_were_changed_left_out_or_put_in_are_named(tmp_path, rows_format):
    made = export(tmp_path / "e", usual_log(), rows_format=rows_format)
    path = made / f"rows.{rows_format}"
    whole = path.read_bytes().splitlines(keepends=True)
    first = 1 if rows_format == "csv" else 0
    number = first + 4
    for changed, count, what in (
        (whole[:number] + whole[number + 1 :], -1, "1 rows of record 1 are missing here"),
        (whole[: number + 1] + whole[number:], 1, "the log has no such row"),
        (
            [*whole[: number - 1], whole[number], whole[number - 1], *whole[number + 1 :]],
            0,
            "does not come in the order",
        ),
        (
            [*whole[:number], whole[number + 1], whole[number], *whole[number + 2 :]],
            0,
            "is not what record 1 of",
        ),
        (whole[:-2], -2, "2 rows of record 1 are missing here"),
        (whole + whole[-1:], 1, "the log has no such row"),
        (whole[:first] + whole[first + 1 :], -1, "1 rows of record 0 are missing here"),
        ([line.replace(b"61004.50", b"61004.5") for line in whole], 0, "price"),
    ):
        path.write_bytes(b"".join(changed))
        sign_again(made, rows=len(whole) - first + count)
        found = check(made).report.findings
        assert what in "\n".join(map(str, found))
        assert {one.file for one in found} == {path.name}
        assert len(found) <= 2


@pytest.mark.parametrize("name", ["instruments", "providers", "outcomes"])
def test_rows_that_nobody_asked_for_are_named_without_a_key(folder, name):
    sign_again(folder, **{name: ["rejected" if name == "outcomes" else "nobody"]})
    assert any("is not among those that the export is of" in one for one in faults(folder, keys=()))


@pytest.mark.parametrize(
    "line",
    [b"[]", b"{", b'{"seq":1,"seq":1}', b'{"seq":NaN}', b'{"seq":1e999}', b"\xff", b"[" * 100_000, b"9" * 10_000, b"",
     b'{"seq":1,"record":0,"outcome":[],"instrument":{}}', b'{"seq":1,"record":0,"outcome":"\\ud800"}',
     b'{"seq":1,"record":0}'],
)  # fmt: skip
def test_rows_and_entries_that_are_no_rows_are_findings(folder, line):
    for name in ("rows.jsonl", "entries.jsonl", "manifest.json"):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(line + b"\n" + before)
        found = check(folder).report.findings
        assert name in [one.file for one in found]
        assert "Error: " not in "\n".join(map(str, found))
        (folder / name).write_bytes(before)


def test_what_comes_after_a_row_or_an_entry_that_cannot_be_read_is_checked(folder):
    for name, changed in (("rows.jsonl", {5, 9}), ("entries.jsonl", {3, 5})):
        before = (folder / name).read_bytes()
        whole = before.splitlines(keepends=True)
        for number in changed:
            whole[number - 1] = b"{}\n"
        (folder / name).write_bytes(b"".join(whole))
        sign_again(folder)
        found = check(folder).report
        assert changed <= {one.line for one in found.findings if one.file == name}
        assert found.total <= 8
        (folder / name).write_bytes(before)


def test_a_cell_that_a_spreadsheet_takes_for_a_formula_is_named(tmp_path):
    made = export(tmp_path / "e", usual_log(), rows_format="csv")
    path = made / "rows.csv"
    assert b"'=SUM(A1)" in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b"'=SUM(A1)", b"=SUM(A1)"))
    sign_again(made)
    assert any("could be taken for a formula" in one for one in faults(made))


def test_a_field_of_nothing_that_is_put_into_a_cell_is_found(tmp_path):
    """Null says as much as a field that is not there, and still it is not what was exported."""
    made = export(tmp_path / "e", usual_log(), rows_format="csv")
    path = made / "rows.csv"
    before = path.read_bytes()
    assert before.count(b'""graph"":') == 1
    path.write_bytes(before.replace(b'""graph"":', b'""approved_by"":null,""graph"":'))
    sign_again(made)
    assert any("more" in one for one in faults(made))


# --- the folder and the manifest


def test_a_file_too_many_is_named(folder):
    (folder / "more.txt").write_text("x")
    (folder / "a\x1b[2Jb").mkdir()
    told = faults(folder)
    assert len(told) == 2
    assert not any("\x1b" in one for one in told)


def test_links_are_not_followed(folder, tmp_path):
    for name in ("bodies.bin", "manifest.note", "rows.jsonl", "checkpoint"):
        shutil.move(folder / name, tmp_path / name)
        (folder / name).symlink_to(tmp_path / name)
        assert any(one.startswith(f"{name}: ") and "this is a link" in one for one in faults(folder))
    os.mkfifo(tmp_path / "pipe")
    (folder / "README.txt").unlink()
    shutil.move(tmp_path / "pipe", folder / "README.txt")
    assert any(one.startswith("README.txt: ") for one in faults(folder))


@pytest.mark.parametrize("name", ["../keys", "/etc/passwd", "a/b", "a\\b", "..", "", "more.txt"])
def test_the_manifest_can_name_no_file_elsewhere(folder, name):
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = {"bytes": 1, "sha256": "00" * 32}
    data = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.note").write_bytes(note(f"ticktrail-export/{LOG_ID}", sha256(data).hex()))
    told = faults(folder)
    assert len(told) == 1
    assert "is no part of an export" in told[0]


def test_a_truncated_export_has_no_manifest_and_is_not_whole(folder):
    (folder / "manifest.json").unlink()
    (folder / "manifest.note").unlink()
    assert any("manifest.json is missing: the export is not whole" in one for one in faults(folder))


def test_a_manifest_without_a_note_is_not_signed(folder):
    (folder / "manifest.note").unlink()
    assert [one.split(": ")[:2] for one in faults(folder)] == [["manifest.note is missing", "not signed"]]


def test_an_export_made_up_with_a_key_of_its_own_passes_only_without_the_true_key(folder, capsys):
    """What the outcome says without a key got by another way is what can happen."""
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    leaves = [one.leaf_hash for one in usual_log().entries]
    checkpoint = note(f"ticktrail/{LOG_ID}", len(leaves), b64(tree_hash(leaves)), signer=stranger)
    (folder / "checkpoint").write_bytes(checkpoint)
    manifest["files"]["checkpoint"] = {"bytes": len(checkpoint), "sha256": sha256(checkpoint).hex()}
    data = json.dumps(manifest | {"verifier_key": verifier_key(stranger)}).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.note").write_bytes(
        note(f"ticktrail-export/{LOG_ID}", sha256(data).hex(), signer=stranger)
    )
    assert main([str(folder)]) == 0
    assert "was NOT compared" in capsys.readouterr().out
    assert main([str(folder), "--verifier-key", verifier_key()]) == 1
    assert "was NOT compared" not in capsys.readouterr().out


def test_a_checkpoint_of_another_log_or_tree_is_refused(folder):
    leaves = [one.leaf_hash for one in usual_log().entries]
    for lines_, what in (
        ((f"ticktrail/{LOG_ID}", 8, b64(tree_hash(leaves))), "not in the log"),
        ((f"ticktrail/{LOG_ID}", 3, b64(tree_hash(leaves[:3]))), "the checkpoint is of 3 entries"),
        ((f"ticktrail/{LOG_ID}", 7, b64(bytes(32))), "does not lead to the checkpoint's root"),
        (("ticktrail/other", 7, b64(tree_hash(leaves))), "not a checkpoint of this log"),
        ((f"ticktrail/{LOG_ID}", "07", b64(tree_hash(leaves))), "is no number of entries"),
    ):
        (folder / "checkpoint").write_bytes(note(*lines_))
        sign_again(folder)
        assert any(what in one or "inclusion path" in one for one in faults(folder))


def test_the_note_of_another_export_or_log_is_refused(folder):
    whole = json.loads((folder / "manifest.json").read_bytes())
    digest = sha256((folder / "manifest.json").read_bytes()).hex()
    for changed, what in (
        (note("ticktrail-export/other", digest), "not of this log's export"),
        (note(f"ticktrail-export/{LOG_ID}", "00" * 32), "its SHA-256 is not the one in manifest.note"),
        (note(f"ticktrail-export/{LOG_ID}", digest) + b"more\n", "is no signature"),
        (note(f"ticktrail-export/{LOG_ID}", digest, name="another"), "not signed by the key"),
    ):
        (folder / "manifest.note").write_bytes(changed)
        assert any(what in one for one in faults(folder))
    other = str(LOG_ID).replace("0", "1")
    sign_again(folder, log_id=other)
    assert any("not of this log" in one for one in faults(folder, keys=()))
    for files in ([], {"checkpoint": 5}):
        data = json.dumps(whole | {"files": files}).encode()
        (folder / "manifest.json").write_bytes(data)
        assert any("`files`: " in one for one in faults(folder))


def test_signatures_of_witnesses_are_passed_over(folder):
    with (folder / "checkpoint").open("ab") as file:
        file.write(f"\u2014 witness.example {b64(bytes(76))}\n".encode())
    sign_again(folder)
    assert faults(folder) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", "ticktrail export 2"), ("log_id", "x"), ("log_id", str(LOG_ID).upper()), ("classes", ["x"]),
     ("entries", 8), ("bodies", 1), ("rows", 1), ("rows_format", "xml"), ("rows_format", "csv"), ("first_seq", 2),
     ("last_seq", 9), ("first_proof", []), ("last_proof", ["AAAA"]), ("files", {}), ("verifier_key", "x"),
     ("outcomes", ["lost"]), ("to_ns", T0 + 5 * SECOND), ("from_ns", T0 + 3 * SECOND), ("from_ns", 1 << 70),
     ("first_seq", -1), ("entries", 1 << 80), ("classes", None), ("actor", 5), ("created_ns", "now"),
     ("first_proof", [b64(bytes(32))] * 900)],
)  # fmt: skip
def test_every_claim_of_the_manifest_is_checked(folder, field, value):
    manifest = json.loads((folder / "manifest.json").read_bytes())
    data = json.dumps(manifest | {field: value}).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.note").write_bytes(note(f"ticktrail-export/{LOG_ID}", sha256(data).hex()))
    found = check(folder).report
    assert found.total
    assert "Error: " not in "\n".join(map(str, found.findings))


# --- hostile contents, sealed by somebody who has the keys


@pytest.mark.parametrize(
    "body",
    [
        b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + b"\1\0\0",
        b"\x28\xb5\x2f\xfd\xa0" + (1 << 20).to_bytes(4, "little") + b"\x02\0\x10x" * 9,
        zstandard.compress(b"\xdd\xff\xff\xff\xff"),
        zstandard.compress(b"\x91" * 100_000),
        zstandard.compress(b"\x91\x81\xa5event\xa6routed"),
        zstandard.compress(b"\x91\x82\xa5event\xa6routed\xa7recv_ns\xc0"),
        zstandard.compress(msgspec.msgpack.encode([{"event": "routed", "recv_ns": T0, "delivered": [5]}])),
        zstandard.compress(
            msgspec.msgpack.encode([{"event": "routed", "recv_ns": T0, "suppressed": [{"ticks": {}}]}])
        ),
        zstandard.compress(msgspec.msgpack.encode([{"event": ["x"], "at_ns": T0, "provider": {"a": 1}}])),
        zstandard.compress(msgspec.msgpack.encode({"event": "x"})),
        zstandard.compress(b""),
        b"no frame",
    ],
)
def test_hostile_contents_are_findings_of_their_entry(tmp_path, body):
    whole = zstandard.compress(msgspec.msgpack.encode({"events": {}, "providers": []}))
    for compressed in ([whole, body], [body, whole]):
        log = Log().add(event(1)).add(event(2), compressed=compressed)
        found = check(export(tmp_path / sha256(compressed[0]).hex(), log)).report.findings
        assert {one.entry for one in found} == {2}
        assert "Error: " not in "\n".join(map(str, found))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
maybe = st.one_of(
    anything,
    st.fixed_dictionaries(
        {"event": st.just("routed") | anything},
        optional={
            name: st.lists(
                st.fixed_dictionaries(
                    {}, optional={"tick": anything, "ticks": anything, "instrument": anything}
                ),
                max_size=2,
            )
            | anything
            for name in ("delivered", "rejected", "suppressed", "flagged", "recv_ns", "at_ns", "provider")
        },
    ),
)


@settings(max_examples=150)
@given(st.lists(maybe, max_size=3) | anything, anything)
def test_contents_of_any_shape_are_findings(tmp_path_factory, body, summary):
    """Sealed by somebody who has the keys: wrong in its kind at any place."""
    made = tmp_path_factory.mktemp("any") / "e"
    plain = [msgspec.msgpack.encode(summary), msgspec.msgpack.encode(body)]
    for asked in ({}, {"instruments": ["BTC/USDT"], "providers": ["binance"]}):
        export(made, Log().add(event(1), plaintexts=plain), rows_format="csv", **asked)
        found = check(made).report
        assert found.total
        assert "Error: " not in "\n".join(map(str, found.findings))
    shutil.rmtree(made)


@settings(max_examples=200)
@given(st.data(), anything)
def test_claims_of_any_shape_are_findings(tmp_path_factory, data, value):
    """Any field of a manifest, an entry or a row has any value."""
    made = tmp_path_factory.mktemp("any") / "e"
    shutil.copytree(sound("jsonl"), made)
    name = data.draw(st.sampled_from(["manifest.json", "entries.jsonl", "rows.jsonl"]))
    found = lines(made, name)
    one = data.draw(st.sampled_from(found))
    field = data.draw(st.sampled_from(sorted(one)))
    before, one[field] = one[field], value
    (made / name).write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in found))
    told = check(made).report
    assert told.total or name == "manifest.json"
    assert "Error: " not in "\n".join(map(str, told.findings))
    if name != "manifest.json":
        sign_again(made)
    told = check(made).report
    assert (
        told.total
        or json.dumps(before) == json.dumps(value)
        or (name, field, value) == ("entries.jsonl", "summary", None)
    )
    assert "Error: " not in "\n".join(map(str, told.findings))
    shutil.rmtree(made)


def test_findings_are_counted_beyond_those_that_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(verify_export, "MOST_FINDINGS", 3)
    made = export(tmp_path / "e", usual_log())
    write_lines(made, [one | {"form": 9} for one in lines(made)])
    found = check(made).report
    assert len(found.findings) == 3
    assert found.total > 7


def test_a_line_without_end_is_not_held(folder, monkeypatch):
    monkeypatch.setattr(verify_export, "MOST_LINE", 1000)
    for name in ("rows.jsonl", "entries.jsonl"):
        (folder / name).write_bytes(b"x" * 5000)
        assert any(
            one.startswith(name) and "longer than this verifier takes" in one for one in faults(folder)
        )


def test_a_row_of_cells_without_end_is_not_held(tmp_path, monkeypatch):
    made = export(tmp_path / "e", usual_log(), rows_format="csv")
    monkeypatch.setattr(verify_export, "MOST_LINE", 1000)
    (made / "rows.csv").write_bytes(
        (made / "rows.csv").read_bytes().splitlines()[0] + b"\n" + b'"a\n",' * 5000
    )
    assert any(
        one.startswith("rows.csv") and "longer than this verifier takes" in one for one in faults(made)
    )


# --- the program


def run(python, folder, *arguments):
    return subprocess.run(
        [python, "-I", folder / "verify.py", *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_the_program_tells_a_person_and_a_machine(folder, tmp_path):
    keys = data_keys(tmp_path / "keys.json")
    (tmp_path / "key.txt").write_text(verifier_key() + "\n")
    key_file = tmp_path / "link.txt"
    key_file.symlink_to("key.txt")
    done = run(sys.executable, folder, "--data-keys", keys, "--verifier-key-file", key_file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SOUND: nothing in this export was changed" in done.stdout
    assert "NOT" not in done.stdout
    done = run(sys.executable, folder, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["sound"], told["verifier_key_compared"]) == (0, True, False)
    (folder / "README.txt").write_text("Another.\n")
    done = run(sys.executable, folder)
    assert done.returncode == 1
    assert "FINDING  README.txt: " in done.stdout
    assert "NOT SOUND" in done.stdout
    assert json.loads(run(sys.executable, folder, "--json").stdout)["findings"][0]["file"] == "README.txt"


def test_a_person_at_a_terminal_sees_how_far_it_is(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress(200)
    progress.told -= 2
    progress.step(50)
    progress.step(50)
    assert sys.stderr.getvalue() == "\rchecking: 25 %"
    progress.end()
    assert sys.stderr.getvalue().endswith("\r\x1b[K")


def test_keys_that_lie_in_the_folder_are_not_taken_for_a_part_of_it(folder):
    keys = data_keys(folder / "keys.json")
    assert run(sys.executable, folder, "--data-keys", keys).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [["--verifier-key", "x"], ["--verifier-key", verifier_key()[:-4] + "AAAA"], ["--data-keys", "nowhere"], ["nowhere"],
     ["--verifier-key-file", "nowhere"], ["--unknown"], ["--data-keys", __file__]],
)  # fmt: skip
def test_wrong_use_is_status_2(folder, arguments):
    done = run(sys.executable, folder, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_keys_of_another_log_are_wrong_use(folder, tmp_path):
    keys = data_keys(tmp_path / "keys.json")
    keys.write_text(keys.read_text().replace(str(LOG_ID), str(LOG_ID).replace("0", "1")))
    assert run(sys.executable, folder, "--data-keys", keys).returncode == 2


def test_another_key_of_the_same_number_opens_nothing(folder, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"log_id": str(LOG_ID), "keys": {"1": b64(DATA_KEYS[2])}}))
    done = run(sys.executable, folder, "--data-keys", keys)
    assert done.returncode == 1
    assert "entry 1: the summary: cannot be decrypted" in done.stdout


def test_it_runs_where_there_is_nothing_but_cryptography(bare_python, tmp_path):
    """Without zstandard, by its own decoder; without ticktrail."""
    there = subprocess.run(
        [bare_python, "-m", "pip", "list"], capture_output=True, text=True, check=True
    ).stdout
    assert "zstandard" not in there
    assert "ticktrail" not in there
    made = export(tmp_path / "e", usual_log(40), rows_format="csv")
    keys = data_keys(tmp_path / "keys.json")
    done = run(bare_python, made, "--data-keys", keys, "--verifier-key", verifier_key())
    assert (done.returncode, done.stderr) == (0, "")
    assert "unpacked by this file alone" in done.stdout
    path = made / "bodies.bin"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    done = run(bare_python, made, "--data-keys", keys)
    assert done.returncode == 1
    assert "the body was changed" in done.stdout


def test_the_file_imports_nothing_of_ours():
    """A look at what it imports, by its own process."""
    code = (
        f"import sys, runpy; runpy.run_path({str(VERIFIER)!r}); "
        "print([one for one in sys.modules if 'ticktrail' in one])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- the vectors


def test_the_vectors_hold():
    told = json.loads((ROOT / "tests/vectors/audit-format.json").read_bytes())
    log_id = LOG_ID.bytes
    leaves = []
    for one in told["entries"]:
        line = json.loads(one["line"])
        entry = verify_export.entry_of(line, log_id, verify_export.Finding(""))
        assert entry.header.hex() == one["header"]
        leaf_data = verify_export.leaf_data_of(
            entry.header, entry.previous, entry.summary_sha256, entry.body_sha256
        )
        assert leaf_data.hex() == one["leaf_data"]
        assert entry.leaf.hex() == one["leaf_hash"] == line["digest"]
        key = bytes.fromhex(told["data_keys"][str(entry.numbers["key_id"])])
        for part, name in enumerate(("summary", "body")):
            frame = entry.decrypt(key, part, bytes.fromhex(one[name]["ciphertext"]))
            assert frame.hex() == one[name]["frame"]
            plain = verify_export.unpack_slowly(frame)
            assert plain.hex() == one[name]["plaintext"]
            if part:
                records = list(verify_export.Message(plain).records())
        rows = []
        for place, record in enumerate(records):
            own = {"seq": entry.numbers["seq"], "record": place, "outcome": "event"}
            routed_one = record["event"] == "routed"
            rows += (
                verify_export.routed_rows(own["seq"], place, record)
                if routed_one
                else [verify_export.merged(own, record)]
            )
        assert rows == one["rows"]
        leaves.append(entry.leaf)
    key = VerifierKey.of(told["verifier_key"])
    assert key.open(told["checkpoint"].encode()) == [f"ticktrail/{LOG_ID}", str(len(leaves)), told["root"]]
    for index, leaf in enumerate(leaves):
        root = verify_export.root_of(leaf, index, len(leaves), path_to(index, leaves))
        assert b64(root) == told["root"]


def test_a_tick_with_a_reason_of_its_own_keeps_it(tmp_path):
    log = Log().add(
        routed(1, suppressed=[{"reason": "standby", "ticks": [tick(1, type="status", reason="halt")]}])
    )
    made = export(tmp_path / "e", log)
    assert (
        lines(made, "rows.jsonl")[0] | {"reason": "standby", "tick_reason": "halt"}
        == lines(made, "rows.jsonl")[0]
    )
    assert faults(made) == []
