"""Write audit-format.json: a few entries with fixed keys, and all bytes on the way to them.

Run as `PYTHONPATH=tests .venv/bin/python tests/vectors/make_audit_format.py`, after a change of the format alone.
"""

import json
from pathlib import Path

import msgspec

from unit.compliance.bundles import (
    DATA_KEYS,
    LOG_ID,
    b64,
    line_of,
    note,
    rows_of,
    summary_of,
    tree_hash,
    usual_log,
    verifier_key,
)

SOURCE = (
    "docs/reference/audit-format.md, by tests/unit/compliance/bundles.py. Bytes are hexadecimal. A frame is one of "
    "many that hold its plaintext: what has to come out is the plaintext."
)


def part_of(entry, part, plain):
    return {
        "plaintext": plain.hex(),
        "frame": entry.plaintexts[part].hex(),
        "nonce": entry.nonces[part].hex(),
        "aad": entry.aads[part].hex(),
        "ciphertext": entry.ciphertexts[part].hex(),
    }


def entry_of(entry):
    rows = [row for _, row in rows_of(entry.fields["seq"], entry.records)]
    return {
        "line": msgspec.json.encode(line_of(entry, None)).decode(),
        "header": entry.header.hex(),
        "previous": entry.previous.hex(),
        "summary": part_of(entry, 0, msgspec.msgpack.encode(summary_of(entry.records))),
        "body": part_of(entry, 1, msgspec.msgpack.encode(entry.records)),
        "leaf_data": entry.leaf_data.hex(),
        "leaf_hash": entry.leaf_hash.hex(),
        "rows": msgspec.to_builtins(rows),
    }


def main():
    entries = usual_log(5).entries
    leaves = [one.leaf_hash for one in entries]
    told = {
        "source": SOURCE,
        "log_id": str(LOG_ID),
        "data_keys": {str(number): key.hex() for number, key in DATA_KEYS.items()},
        "entries": [entry_of(one) for one in entries],
        "root": b64(tree_hash(leaves)),
        "verifier_key": verifier_key(),
        "checkpoint": note(f"ticktrail/{LOG_ID}", len(leaves), b64(tree_hash(leaves))).decode(),
    }
    path = Path(__file__).with_name("audit-format.json")
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
