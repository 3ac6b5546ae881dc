"""Judge checkpoints and proofs by another implementation; runs in `.venv-foreign`, a JSON object in and one out."""

import base64
import json
import sys

from aics_tlog import parse_note, parse_vkey, verify_checkpoint, verify_consistency, verify_inclusion


def main():
    asked = json.load(sys.stdin)
    key = parse_vkey(asked["key"])
    witnesses = [parse_vkey(one) for one in asked.get("witnesses", [])]
    told = {"checkpoints": [], "inclusion": [], "consistency": []}
    for text in asked.get("checkpoints", []):
        found = verify_checkpoint(parse_note(text), key, witnesses, quorum=len(witnesses))
        told["checkpoints"].append([found.ok, found.size, base64.b64encode(found.root or b"").decode()])
    for leaf, index, size, path, root in asked.get("inclusion", []):
        told["inclusion"].append(verify_inclusion(raw(leaf), index, size, list(map(raw, path)), raw(root)))
    for first, second, first_root, second_root, proof in asked.get("consistency", []):
        proven = verify_consistency(first, second, raw(first_root), raw(second_root), list(map(raw, proof)))
        told["consistency"].append(proven)
    json.dump(told, sys.stdout)


def raw(text):
    return bytes.fromhex(text)


main()
