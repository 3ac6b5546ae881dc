"""`ticktrail audit check-proof`: a proof is checked by who has the verifier key, without log and keys."""

import json
import shutil

import anyio
import pytest
from sqlalchemy import select

from ticktrail_compliance.entry import Header, Unsealed
from ticktrail_compliance.proof.bundle import Proof
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.proof.merkle import Frontier, inclusion_proof, leaf_hash, roots_of
from ticktrail_compliance.proof.note import Signer
from ticktrail_compliance.store import schema
from unit.compliance.export.exporting import FEED, audit
from unit.compliance.logs import ENTRIES, NOW_NS, SQLITE, fetch, sample


@pytest.fixture
def proven(tmp_path):
    """A proof and the verifier key, in a folder of their own; the log is gone."""
    log, own = tmp_path / "log", tmp_path / "own"
    log.mkdir()
    own.mkdir()
    anyio.run(sample, log)
    (log / "feed.toml").write_text(FEED.format(database=SQLITE, more=""))
    assert audit("prove", log / "feed.toml", 5, "--out", own / "entry.tlog-proof").exit_code == 0
    (own / "log.key").write_text(audit("key", log / "feed.toml").stdout)
    ((digest,),) = fetch(log, select(schema.entries.c.digest).where(schema.entries.c.seq == 5))
    (own / "digest").write_text(digest.hex())
    shutil.rmtree(log)
    return own


def check(folder, *options):
    return audit(
        "check-proof", folder / "entry.tlog-proof", "--verifier-key-file", folder / "log.key", *options
    )


def key_of(folder):
    return (folder / "log.key").read_text().strip()


def test_a_proof(proven):
    """Which log, which entry of how many, and what its header says: class, times, counts, clock."""
    done = check(proven)
    assert done.exit_code == 0, done.output
    origin = key_of(proven).partition("+")[0]
    assert f"proven: entry 5 of {ENTRIES} stands in the log {origin}" in done.stdout
    assert "class control, 1 record, 0 ticks, of 2026-09-21T14:13:20.000000004Z" in done.stdout
    assert "by writer 1" in done.stdout
    assert f"digest {(proven / 'digest').read_text()}" in done.stdout
    by_key = audit("check-proof", proven / "entry.tlog-proof", "--verifier-key", key_of(proven))
    assert by_key.stdout == done.stdout


def test_a_proof_for_programs(proven):
    """The same as one object."""
    told = json.loads(check(proven, "--digest", (proven / "digest").read_text(), "--json").stdout)
    assert (told["proven"], told["reason"]) == (True, None)
    assert (told["origin"], told["seq"], told["size"]) == (key_of(proven).partition("+")[0], 5, ENTRIES)
    assert told["digest"] == (proven / "digest").read_text()
    header = told["header"]
    assert (header["entry_class"], header["records"], header["first_ns"]) == ("control", 1, NOW_NS + 4)
    assert told["origin"] == f"ticktrail/{header['log_id']}"


def _flip_index(lines):
    return [line.replace("index 4", "index 3") for line in lines]


def _flip_size(lines):
    return [line.replace("7", "8", 1) if line == "7" else line for line in lines]


def _other_path(lines):
    at = lines.index("index 4") + 1
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_flip_index, "not proven"),
        (_flip_size, "the signature of"),
        (_other_path, "not proven"),
        (lambda lines: lines[1:], "a proof begins with"),
        (
            lambda _: ["\udc00".encode("utf-8", "surrogatepass").decode("latin-1")],
            "a proof has an empty line",
        ),
    ],
)
def test_a_proof_that_was_changed(proven, change, says):
    """Status 1, and the reason; for programs too."""
    path = proven / "entry.tlog-proof"
    path.write_text("\n".join(change(path.read_text().split("\n"))))
    done = check(proven)
    assert done.exit_code == 1, done.output
    assert says in done.stderr
    done = check(proven, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert not told["proven"]
    assert told["reason"]


def test_another_entry(proven):
    """The digest that was asked for is not the one that is proven."""
    done = check(proven, "--digest", "00" * 32)
    assert done.exit_code == 1
    assert "another entry's" in done.stderr


def test_another_log(proven):
    """By name, and by a key of the same name."""
    for name in ("ticktrail/another", key_of(proven).partition("+")[0]):
        other = Signer(name, bytes(32)).verifier
        done = audit("check-proof", proven / "entry.tlog-proof", "--verifier-key", other)
        assert done.exit_code == 1
        assert ("it is of another log" if name.endswith("another") else "it is signed by") in done.stderr


def _proof(leaves, index, name, *, extra=True):
    """A proof of one leaf, signed by a key of this name; and the key."""
    signer = Signer(name, bytes(32))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    tree = Frontier()
    tree.extend(hashes)
    path = inclusion_proof(roots_of(lambda start, stop: hashes[start:stop]), index, len(leaves))
    note = Checkpoint(name, len(leaves), tree.root()).signed(signer)
    return Proof(index, path, note, leaves[index] if extra else None), signer.verifier


def test_a_header_of_another_place(proven):
    """A leaf that says of itself that it is another entry, or of another log, is not what stands there."""
    extra = Proof.parse((proven / "entry.tlog-proof").read_bytes()).extra
    origin = key_of(proven).partition("+")[0]
    for name, leaves in ((origin, [extra, b"x"]), ("ticktrail/other", [b"1", b"2", b"3", b"4", extra])):
        proof, verifier = _proof(leaves, leaves.index(extra), name)
        (proven / "entry.tlog-proof").write_text(str(proof))
        done = audit("check-proof", proven / "entry.tlog-proof", "--verifier-key", verifier)
        assert done.exit_code == 1
        assert "says of itself that it is entry 5 of" in done.stderr


def test_a_leaf_that_is_no_entry(proven):
    """A log of this program's holds none; what another program's leaf means is not told."""
    for name, status in (("ticktrail/a", 1), ("other.example/log", 0)):
        proof, verifier = _proof([b"1", b"2"], 1, name)
        (proven / "entry.tlog-proof").write_text(str(proof))
        done = audit("check-proof", proven / "entry.tlog-proof", "--verifier-key", verifier)
        assert done.exit_code == status, done.output


def test_a_proof_without_the_leaf(proven):
    """Then the digest has to be given."""
    proof, verifier = _proof([b"1", b"2"], 1, "ticktrail/a", extra=False)
    (proven / "entry.tlog-proof").write_text(str(proof))
    options = [proven / "entry.tlog-proof", "--verifier-key", verifier]
    done = audit("check-proof", *options)
    assert done.exit_code == 2
    assert "--digest" in done.stderr
    assert audit("check-proof", *options, "--digest", leaf_hash(b"2").hex()).exit_code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "--verifier-key"),
        (["--verifier-key", "x", "--verifier-key-file", "y"], "--verifier-key"),
        (["--verifier-key", "nonsense"], "--verifier-key"),
        (["--verifier-key-file", "nowhere.key"], "nowhere.key"),
        (["--verifier-key", "KEY", "--digest", "12"], "--digest"),
    ],
)
def test_wrong_use(proven, options, says):
    """Status 2, with the option."""
    options = [key_of(proven) if one == "KEY" else one for one in options]
    done = audit("check-proof", proven / "entry.tlog-proof", *options)
    assert done.exit_code == 2, done.output
    assert says in done.stderr


def test_a_file_that_is_missing_or_huge(proven):
    """Status 2 for the one; the other is no proof, and is not read whole."""
    assert audit("check-proof", proven / "none", "--verifier-key", key_of(proven)).exit_code == 2
    (proven / "entry.tlog-proof").write_bytes(bytes(2**20))
    done = check(proven)
    assert done.exit_code == 1
    assert "bytes at most" in done.stderr


def test_a_header_is_read_back():
    """From the bytes that are bound, and nothing else."""
    header = Header(
        log_id="00000000-0000-4000-8000-000000000000",
        seq=2**40,
        entry_class="journal",
        writer=7,
        counter=8,
        written_ns=9,
        clock_offset_ns=-5,
        clock_bound_ns=None,
        first_ns=-1,
        last_ns=11,
        records=12,
        ticks=13,
        key_id=2**63 - 1,
    )
    data = header.encoded()
    assert Header.decoded(data) == header
    for wrong in (data[1:], data + b"0", b"x" + data[1:], data[:40] + b"\x09" + data[41:]):
        with pytest.raises(Unsealed):
            Header.decoded(wrong)
