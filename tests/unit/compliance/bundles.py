"""Logs and exports of them, made from docs/reference/audit-format.md alone: what the verifier is tried on.

Owns: a second reading of the format, beside the product's. Never: imports ticktrail or the verifier.
"""

import base64
import csv
import hashlib
import io
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LOG_ID = UUID("0193a9b4-7c1e-4d2a-9f00-5e1a2b3c4d5e")
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DATA_KEYS = {1: bytes([1] * 32), 2: bytes([2] * 32)}
CLASSES = ("", "control", "journal", "access", "clock", "incident", "retention")
T0 = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
UNKNOWN = -(1 << 63)
VERIFIER = Path(__file__).parents[3] / "compliance/src/ticktrail_compliance/export/verify_export.py"
COLUMNS = [
    "seq", "record", "time_ns", "outcome", "event", "type", "instrument", "provider", "event_ns", "recv_ns",
    "id", "price", "size", "side", "bid_price", "bid_size", "ask_price", "ask_size", "reason", "violations", "more",
]  # fmt: skip


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def tick(number, *, instrument="BTC/USDT", provider="binance", **more):
    at = T0 + number * SECOND
    return {
        "type": "trade",
        "instrument": instrument,
        "provider": provider,
        "event_ns": at - 1000,
        "recv_ns": at,
        "id": number,
        "price": f"{61000 + number}.50",
        "size": "0.00100000",
        "side": "buy",
    } | more


def routed(number, **arrays):
    ticks = arrays or {"delivered": [tick(number), tick(number, instrument="ETH/USDT")]}
    return {"event": "routed", "provider": "binance", "recv_ns": T0 + number * SECOND} | ticks


def event(number, name="leg_up", **fields):
    return {"event": name, "at_ns": T0 + number * SECOND, "provider": "binance", "sessions": number} | fields


def rows_of(seq, records):
    """Each row with its time, in order."""
    for place, record in enumerate(records):
        own = {"seq": seq, "record": place}
        if record["event"] != "routed":
            yield record["at_ns"], own | {"outcome": "event"} | record
            continue
        rows = [own | {"outcome": "delivered"} | one for one in record.get("delivered", [])]
        rows += [
            own | {"outcome": "rejected", "violations": one["violations"]} | one["tick"]
            for one in record.get("rejected", [])
        ]
        for one in record.get("suppressed", []):
            for suppressed in one["ticks"]:
                moved = {
                    "tick_reason" if name == "reason" else name: value for name, value in suppressed.items()
                }
                rows.append(own | {"outcome": "suppressed", "reason": one["reason"]} | moved)
        rows += [
            own | {"outcome": "flagged", "violations": one["violations"]} | one["tick"]
            for one in record.get("flagged", [])
        ]
        yield from ((record["recv_ns"], row) for row in rows)


def summary_of(records):
    rows = [row for _, row in rows_of(1, records)]
    events = [record["event"] for record in records if record["event"] != "routed"]
    outcomes = [row["outcome"] for row in rows]

    def names(of):
        return sorted({one[of] for one in [*records, *rows] if isinstance(one.get(of), str)})

    return {
        "events": {name: events.count(name) for name in events},
        "providers": names("provider"),
        "instruments": names("instrument"),
        "channels": ["trades"],
        **{name: outcomes.count(name) for name in ("delivered", "rejected", "suppressed", "flagged")},
    }


@dataclass
class Entry:
    """All that comes to be on the way to an entry."""

    header: bytes
    previous: bytes
    fields: dict
    records: list
    plaintexts: list
    nonces: list
    aads: list
    ciphertexts: list
    leaf_data: bytes
    leaf_hash: bytes


def seal(records, /, *, previous=bytes(32), compressed=None, plaintexts=None, level=3, **fields):
    """Seal an entry; what is given in place of a plaintext or its frame is taken as it is."""
    times = [one["recv_ns" if one["event"] == "routed" else "at_ns"] for one in records]
    summary = summary_of(records)
    told = {
        "seq": 1,
        "entry_class": 1,
        "form": 1,
        "writer": 1,
        "counter": 1,
        "written_ns": max(times, default=T0) + 1,
        "clock_offset_ns": UNKNOWN,
        "clock_bound_ns": UNKNOWN,
        "first_ns": min(times, default=T0),
        "last_ns": max(times, default=T0),
        "records": len(records),
        "ticks": summary["delivered"] + summary["rejected"] + summary["suppressed"],
        "key_id": 1,
    } | fields
    header = struct.pack(">16s16sQBBIQqqqqqIIQ", b"ticktrail entry\x02", LOG_ID.bytes, *told.values())
    plaintexts = plaintexts or [msgspec.msgpack.encode(summary), msgspec.msgpack.encode(records)]
    compressor = zstandard.ZstdCompressor(level=level)
    frames = [compressor.compress(one) for one in plaintexts] if compressed is None else compressed
    nonces = [struct.pack(">IQ", told["writer"], 2 * told["counter"] + part) for part in (0, 1)]
    aads = [header + previous + bytes([part]) for part in (0, 1)]
    cipher = AESGCM(DATA_KEYS[told["key_id"]])
    ciphertexts = [
        cipher.encrypt(nonce, bytes(32) + frame, aad)
        for nonce, frame, aad in zip(nonces, frames, aads, strict=True)
    ]
    leaf_data = header + previous + sha256(ciphertexts[0]) + sha256(ciphertexts[1])
    leaf = sha256(b"\0" + leaf_data)
    return Entry(header, previous, told, records, frames, nonces, aads, ciphertexts, leaf_data, leaf)


def tree_hash(leaves):
    """RFC 9162, section 2.1.1, as it stands there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"")
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_hash(leaves[:cut]) + tree_hash(leaves[cut:]))


def path_to(index, leaves):
    """RFC 9162, section 2.1.3.1, as it stands there."""
    if len(leaves) < 2:
        return []
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    if index < cut:
        return [*path_to(index, leaves[:cut]), tree_hash(leaves[cut:])]
    return [*path_to(index - cut, leaves[cut:]), tree_hash(leaves[:cut])]


def verifier_key(signer=SIGNER, name=f"ticktrail/{LOG_ID}"):
    key = b"\x01" + signer.public_key().public_bytes_raw()
    return f"{name}+{number_of(name, key).hex()}+{b64(key)}"


def number_of(name, key):
    return sha256(name.encode() + b"\n" + key)[:4]


def note(*lines, signer=SIGNER, name=f"ticktrail/{LOG_ID}"):
    text = "".join(f"{line}\n" for line in lines)
    number = number_of(name, b"\x01" + signer.public_key().public_bytes_raw())
    return f"{text}\n\u2014 {name} {b64(number + signer.sign(text.encode()))}\n".encode()


@dataclass
class Log:
    entries: list = field(default_factory=list)

    def add(self, *records, **fields):
        before = self.entries[-1] if self.entries else None
        told = {"seq": len(self.entries) + 1}
        if before:
            told |= {"writer": before.fields["writer"], "counter": before.fields["counter"] + 1}
        previous = before.leaf_hash if before else bytes(32)
        self.entries.append(seal(list(records), **{"previous": previous, **told, **fields}))
        return self


def usual_log(count=7):
    """A log with every outcome, several classes, two writers and two keys."""
    log = Log()
    log.add(event(1, "feed_started", graph="a → b", empty=None), event(1, "leg_up"))
    found = [{"rule": "max_spread", "limit": "0.05", "of": -3, "share": 0.25, "raw": b"\0\1"}]
    log.add(
        routed(2),
        routed(
            3,
            delivered=[tick(3), tick(4, id="=SUM(A1)", side=None)],
            rejected=[{"tick": tick(3, price="-1"), "violations": found}],
            suppressed=[
                {"reason": "standby", "ticks": [tick(3), tick(3, type="status", reason="halt")], "by": "x"}
            ],
            flagged=[{"tick": tick(3, flagged=True), "violations": found}],
        ),
        entry_class=2,
        key_id=2,
    )
    log.add(event(4, "leg_down", cause="lost", detail="'quoted', \"twice\"\nand -more"), writer=3, counter=1)
    log.add(event(5, "clock_measured", sources=[{"server": "a", "offset_ns": -5}]), entry_class=4)
    for number in range(5, count + 1):
        log.add(routed(number + 1), routed(number + 1), entry_class=2, key_id=2)
    return log


def cell(value):
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text[:1] in set("=+-@\t\r'") and text else text


def csv_of(rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for time_ns, row in rows:
        more = {name: value for name, value in row.items() if name not in COLUMNS and value is not None}
        writer.writerow(
            [cell((row | {"time_ns": time_ns, "more": more or None}).get(name)) for name in COLUMNS]
        )
    return out.getvalue().encode()


def line_of(entry, body, *, destroyed=False):
    told = entry.fields | {"entry_class": CLASSES[entry.fields["entry_class"]]}
    return told | {
        "previous": entry.previous.hex(),
        "digest": entry.leaf_hash.hex(),
        "summary": None if destroyed else b64(entry.ciphertexts[0]),
        "summary_sha256": sha256(entry.ciphertexts[0]).hex(),
        "body_sha256": sha256(entry.ciphertexts[1]).hex(),
        "body": body,
    }


def export(folder, log, *, destroyed=(), rows_format="jsonl", **asked):
    """Export a log."""
    asked = {
        "from_ns": None,
        "to_ns": None,
        "classes": [],
        "instruments": [],
        "providers": [],
        "outcomes": [],
    } | asked
    least = UNKNOWN if asked["from_ns"] is None else asked["from_ns"]
    most = 1 << 63 if asked["to_ns"] is None else asked["to_ns"]
    inside = [one for one in log.entries if one.fields["last_ns"] >= least and one.fields["first_ns"] <= most]
    first, last = (inside[0].fields["seq"], inside[-1].fields["seq"]) if inside else (0, 0)
    lines, bodies, rows = [], b"", []
    for entry in log.entries[first - 1 : last] if first else []:
        seq = entry.fields["seq"]
        word = CLASSES[entry.fields["entry_class"]]
        here = list(rows_of(seq, entry.records))
        of_entry = entry in inside and word in (asked["classes"] or CLASSES)
        summary = summary_of(entry.records)
        counted = {name for name in ("delivered", "rejected", "suppressed", "flagged") if summary[name]}
        counted |= {"event"} if summary["events"] else set()
        holds = all(
            not asked[name] or set(asked[name]) & set(there)
            for name, there in (
                ("instruments", summary["instruments"]),
                ("providers", summary["providers"]),
                ("outcomes", counted),
            )
        )
        body = None
        if of_entry and holds and seq not in destroyed:
            body = [len(bodies), len(entry.ciphertexts[1])]
            bodies += entry.ciphertexts[1]
            rows += [
                (time_ns, row)
                for time_ns, row in here
                if least <= time_ns <= most
                and all(
                    not asked[f"{name}s"] or row.get(name) in asked[f"{name}s"]
                    for name in ("instrument", "provider", "outcome")
                )
            ]
        lines.append(line_of(entry, body, destroyed=seq in destroyed))
    leaves = [one.leaf_hash for one in log.entries]
    files = {
        "checkpoint": note(f"ticktrail/{LOG_ID}", len(leaves), b64(tree_hash(leaves))),
        "entries.jsonl": b"".join(msgspec.json.encode(one) + b"\n" for one in lines),
        "bodies.bin": bodies,
        "README.txt": b"An export.\n",
        "verify.py": VERIFIER.read_bytes(),
    }
    if rows_format == "parquet":
        files["rows.parquet"] = b"PAR1 and so on PAR1"
    elif rows_format == "csv":
        files["rows.csv"] = csv_of(rows)
    else:
        files["rows.jsonl"] = b"".join(msgspec.json.encode(row) + b"\n" for _, row in rows)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = {
        "format": "ticktrail export 1",
        "log_id": str(LOG_ID),
        "verifier_key": verifier_key(),
        "created_ns": T0,
        "actor": "ada",
        "purpose": "an inspection",
        **asked,
        "first_seq": first,
        "last_seq": last,
        "entries": len(lines),
        "bodies": sum(one["body"] is not None for one in lines),
        "rows": len(rows),
        "rows_format": rows_format,
        "first_proof": [b64(one) for one in path_to(first - 1, leaves)] if first else [],
        "last_proof": [b64(one) for one in path_to(last - 1, leaves)] if first else [],
    }
    sign(folder, manifest, files)
    return folder


def sign(folder, manifest, names):
    """Write the manifest of the files as they are now, and its note: what the owner of the key could do to the last."""
    found = {name: (folder / name).read_bytes() for name in names}
    manifest["files"] = {
        name: {"bytes": len(data), "sha256": sha256(data).hex()} for name, data in found.items()
    }
    data = json.dumps(manifest, separators=(",", ":")).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.note").write_bytes(note(f"ticktrail-export/{LOG_ID}", sha256(data).hex()))


def sign_again(folder, **changed):
    """Sign a folder as it is, with some fields of the manifest changed."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    sign(folder, manifest | changed, manifest["files"])


def data_keys(path, numbers=(1, 2)):
    path.write_text(
        json.dumps(
            {"log_id": str(LOG_ID), "keys": {str(number): b64(DATA_KEYS[number]) for number in numbers}}
        )
    )
    return path
