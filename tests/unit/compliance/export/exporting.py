"""Make logs to be exported, exports of them, and check one against what docs/reference/audit-format.md says."""

import base64
import csv
import hashlib
import json
import stat
from functools import partial

import anyio
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.events import LegDown, LegUp
from ticktrail.model import Flagged, Rejected, Suppressed
from ticktrail.plugin import Routed
from ticktrail.testing import make_quote, make_trade
from ticktrail_compliance.proof.checkpoint import checkpoint_of
from ticktrail_compliance.proof.merkle import leaf_hash, verify_inclusion
from ticktrail_compliance.proof.note import Note, Verifier
from unit.compliance.logs import NOW_NS, SQLITE, TooBig, write

DAY_NS = 86_400 * 10**9
FEED = """\
[feed]
name = "x"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

[compliance]
key = {{ file = "audit.key" }}
database = "{database}"
{more}
"""
HEADER = (
    "seq", "entry_class", "form", "writer", "counter", "written_ns", "clock_offset_ns", "clock_bound_ns", "first_ns",
    "last_ns", "records", "ticks", "key_id",
)  # fmt: skip
CLASSES = ("", "control", "journal", "access", "clock", "incident", "retention")


def batch(at_ns, instrument="BTC/USDT", provider="leg", number=1):
    """Four ticks, one of each fate; the delivered trade is flagged as well."""
    kept = {"instrument": instrument, "provider": provider, "recv_ns": at_ns}
    delivered = make_trade("1.50", id=number, **kept)
    return Routed(
        provider=provider,
        recv_ns=at_ns,
        delivered=[delivered, make_quote("1.10", "1.20", **kept)],
        rejected=[Rejected(tick=make_trade("900", id=number + 1, **kept), violations=(TooBig(size=7),))],
        suppressed=[Suppressed(reason="standby", ticks=[make_trade("1.51", id=number + 2, **kept)])],
        flagged=[Flagged(tick=delivered, violations=(TooBig(size=1),))],
    )


ROWS = 5
"""Of a batch."""


def three_days():
    """Three days; on each an event, and a batch of each of two instruments, in segments of their own."""
    records = []
    for day in range(3):
        at = NOW_NS + day * DAY_NS
        records += [
            LegUp(at_ns=at, provider="leg", reconnects=day),
            batch(at + 1, "BTC/USDT", "leg", 10 * day),
            batch(at + 2, "ETH/USDT", "other", 10 * day),
        ]
    return records


ENTRIES = 10
"""Of `three_days`: who writes, and on each day an event and two segments."""


def log_of(folder, records, *, database=SQLITE, more="", **settings):
    """A log of these records, and its feed file."""
    folder.mkdir(exist_ok=True)
    anyio.run(partial(write, folder, records, database=database, **settings))
    (folder / "feed.toml").write_text(FEED.format(database=database, more=more))


def audit(*arguments):
    return CliRunner().invoke(program, ["audit", *map(str, arguments)])


def exported(folder, *options, form="jsonl", out="out"):
    """Export, and return what is told."""
    done = audit(
        "export",
        folder / "feed.toml",
        "--format",
        form,
        "--out",
        folder / out,
        "--purpose",
        "Case 17",
        "--json",
        *options,
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def rows(out):
    """The rows of an export, whatever its form, as cells by column or as fields."""
    if (out / "rows.jsonl").exists():
        return [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    if (out / "rows.csv").exists():
        with (out / "rows.csv").open(newline="") as file:
            return [
                {name: cell.removeprefix("'") for name, cell in row.items()}
                for row in csv.DictReader(file, strict=True)
            ]
    import pyarrow.parquet  # noqa: PLC0415 - an extra

    return pyarrow.parquet.read_table(out / "rows.parquet").to_pylist()


def check(out, verifier):
    """See that an export is whole, by the format's description; return its manifest and its entries.

    Args:
        out: The folder.
        verifier: The log's key, as `ticktrail audit key` prints it.
    """
    verifier = Verifier.parse(verifier)
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    for path in out.iterdir():
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
        assert path.is_file()
        assert not path.is_symlink()
    text = (out / "manifest.json").read_bytes()
    manifest = json.loads(text)
    note = Note.parse((out / "manifest.note").read_bytes())
    note.verify([verifier])
    assert note.text == f"ticktrail-export/{manifest['log_id']}\n{hashlib.sha256(text).hexdigest()}\n"
    assert manifest["verifier_key"] == str(verifier)
    files = {path.name for path in out.iterdir()} - {"manifest.json", "manifest.note"}
    assert set(manifest["files"]) == files
    for name in files:
        content = (out / name).read_bytes()
        assert manifest["files"][name] == {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    checkpoint = checkpoint_of(Note.parse((out / "checkpoint").read_bytes()), [verifier], verifier.name)
    lines = (out / "entries.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    bodies = (out / "bodies.bin").read_bytes()
    log_id = bytes.fromhex(manifest["log_id"].replace("-", ""))
    previous, end = None, 0
    for entry in entries:
        leaf = leaf_data(log_id, entry)
        assert leaf_hash(leaf).hex() == entry["digest"]
        assert previous in (None, entry["previous"])
        previous = entry["digest"]
        if entry["summary"] is not None:
            assert hashlib.sha256(base64.b64decode(entry["summary"])).hexdigest() == entry["summary_sha256"]
        if entry["body"] is not None:
            offset, length = entry["body"]
            assert offset == end
            end += length
            assert hashlib.sha256(bodies[offset:end]).hexdigest() == entry["body_sha256"]
    assert end == len(bodies)
    assert manifest["entries"] == len(entries)
    assert manifest["bodies"] == sum(entry["body"] is not None for entry in entries)
    assert manifest["rows"] == len(rows(out))
    if entries:
        assert [entry["seq"] for entry in entries] == list(
            range(manifest["first_seq"], manifest["last_seq"] + 1)
        )
        for entry, proof in ((entries[0], "first_proof"), (entries[-1], "last_proof")):
            path = [base64.b64decode(one) for one in manifest[proof]]
            verify_inclusion(
                bytes.fromhex(entry["digest"]), entry["seq"] - 1, checkpoint.size, path, checkpoint.root
            )
    else:
        assert (manifest["first_seq"], manifest["last_seq"]) == (0, 0)
    return manifest, entries


def leaf_data(log_id, entry):
    """Header, previous and digests of an entry, from its line."""
    sizes = (8, 1, 1, 4, 8, 8, 8, 8, 8, 8, 4, 4, 8)
    numbers = [CLASSES.index(entry[name]) if name == "entry_class" else entry[name] for name in HEADER]
    header = b"ticktrail entry\x02" + log_id
    for number, size, name in zip(numbers, sizes, HEADER, strict=True):
        header += number.to_bytes(size, "big", signed=name.endswith("_ns"))
    assert len(header) == 110
    return header + b"".join(
        bytes.fromhex(entry[name]) for name in ("previous", "summary_sha256", "body_sha256")
    )


def down(at_ns, **more):
    return LegDown(
        at_ns=at_ns,
        provider="leg",
        cause="cut",
        detail="cut",
        permanent=False,
        failures=1,
        retry_in_s=0.5,
        **more,
    )
