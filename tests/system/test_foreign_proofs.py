"""What others wrote accepts our checkpoints and proofs, and a witness of others cosigns them: aics-tlog, aics-witness.

They run in processes of their own, in `.venv-foreign` (`make foreign`). With CI or TICKTRAIL_REQUIRE_SERVICES set it is
made where it is missing; with the latter it must come about wherever there is a Python for it.
"""

import base64
import http.client
import json
import os
import re
import subprocess
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import anyio
import pytest

from foreign import set_up
from ticktrail_compliance.proof.checkpoint import checkpoint_of
from ticktrail_compliance.proof.merkle import Frontier, consistency_proof, roots_of
from ticktrail_compliance.proof.note import Note, Verifier
from ticktrail_compliance.proving import prove
from unit.compliance.logs import down, opened, routed, up, write

CHECK = Path(set_up.__file__).with_name("check.py")
LIMIT_S = 120


@cache
def why_not():
    """Return why the others are not here, empty where they are."""
    required = bool(os.environ.get("TICKTRAIL_REQUIRE_SERVICES"))
    if set_up.is_set_up():
        return ""
    if not (required or os.environ.get("CI")):
        return "aics-tlog and aics-witness are not here: run `make foreign`"
    try:
        set_up.set_up()
    except set_up.NoPythonError as exc:
        return f"aics-tlog and aics-witness: {exc}"
    except (subprocess.SubprocessError, OSError) as exc:
        if required:
            raise
        return f"`make foreign` failed: {exc}"
    return ""


@pytest.fixture(autouse=True)
def _others():
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
def folder(tmp_path):
    anyio.run(record, tmp_path, range(1, 14))
    return tmp_path


async def record(folder, numbers):
    await write(folder, [event for number in numbers for event in (up(number), routed(number), down(number))])


def ask(**asked):
    done = subprocess.run(
        [set_up.PYTHON, CHECK],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def roots(log):
    """Size and root of each tree that the log ever had."""
    tree = Frontier()
    for leaf in log.digests(0, log.count()):
        tree.append(leaf)
        yield tree.size, tree.root().hex()


def test_a_foreign_verifier_takes_our_checkpoints_and_proofs(folder):
    """The checkpoint as `prove` gives it, each entry's path, and each pair of sizes; nothing that was changed."""
    with opened(folder) as log:
        count, key = log.count(), str(log.signer().verifier)
        proofs = [prove(log, seq, ()) for seq in range(1, count + 1)]
        leaves = [leaf.hex() for leaf in log.digests(0, count)]
        root_at = dict(roots(log))
        consistency = [
            (
                first,
                second,
                root_at[first],
                root_at[second],
                hexes(consistency_proof(log.roots(second), first, second)),
            )
            for second in root_at
            for first in range(1, second + 1)
        ]
    note, root = str(proofs[0].note), root_at[count]
    changed = note.replace(f"\n{count}\n", f"\n{count - 1}\n")
    assert changed != note
    inclusion = [(leaves[one.index], one.index, count, hexes(one.path), root) for one in proofs]
    moved = [(leaf, (index + 1) % size, size, path, root) for leaf, index, size, path, root in inclusion]
    forked = [(first, second, a, b[::-1], proof) for first, second, a, b, proof in consistency]
    told = ask(
        key=key,
        checkpoints=[note, changed],
        inclusion=[*inclusion, *moved],
        consistency=[*consistency, *forked],
    )
    right, wrong = told["checkpoints"]
    assert right == [True, count, base64.b64encode(bytes.fromhex(root)).decode()]
    assert wrong[0] is False
    assert count == 40  # who writes, and thirteen rounds of three
    assert told["inclusion"] == [True] * count + [False] * count
    assert told["consistency"] == [True] * len(consistency) + [False] * len(forked)


def hexes(values):
    return [value.hex() for value in values]


@contextmanager
def witness(folder, verifier):
    """A witness that knows the log's key; gives its address and its own verifier key."""
    program = set_up.PYTHON.with_name("aics-witness")
    more = ["--config", folder / "witness.json"]
    named = ["--name", "witness.example/w1", "--listen", "127.0.0.1:0"]
    key = command(program, "init", *more, *named).strip()
    command(program, "add-log", *more, "--origin", verifier.name, "--vkey", str(verifier))
    with subprocess.Popen([program, "serve", *more], stderr=subprocess.PIPE, text=True) as process:
        try:
            said = ""
            for line in process.stderr:
                said += line
                if found := re.search(r"listening on http://([0-9.:]+)", line):
                    break
            else:
                pytest.fail(f"the witness does not serve: {said}")
            yield found[1], key
        finally:
            process.terminate()
            process.communicate(timeout=LIMIT_S)


def command(*arguments):
    done = subprocess.run(
        list(map(str, arguments)), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def cosign(address, old, proof, note):
    """Submit a checkpoint (https://c2sp.org/tlog-witness, read 2026-11-25); gives status and answer."""
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    connection = http.client.HTTPConnection(address, timeout=LIMIT_S)
    try:
        connection.request("POST", "/add-checkpoint", ("\n".join(lines) + f"\n\n{note}").encode())
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_foreign_witness_cosigns_what_is_consistent(folder):
    """The first checkpoint, and the next with a proof; not a fork of it, nor one signed by somebody else."""
    with opened(folder) as log:
        verifier = log.signer().verifier
        first = prove(log, 1, ()).note
    size = checkpoint_of(first, [verifier], verifier.name).size
    with witness(folder, verifier) as (address, witness_key):
        status, line = cosign(address, 0, (), first)
        assert status == 200, line
        cosigned = Note.parse(f"{first}{line}".encode())
        assert cosigned.verify([verifier]) == [verifier]
        assert len(cosigned.signatures) == 2

        anyio.run(record, folder, range(20, 23))
        with opened(folder) as log:
            second, proof = (
                prove(log, 1, ()).note,
                consistency_proof(log.roots(log.count()), size, log.count()),
            )
        assert cosign(address, size, proof[1:], second)[0] == 422
        status, line = cosign(address, size, proof, second)
        assert status == 200, line
        told = ask(key=str(verifier), witnesses=[witness_key], checkpoints=[f"{second}{line}", str(second)])
        assert [ok for ok, *_ in told["checkpoints"]] == [True, False]

        forged = Note(second.text.replace(f"\n{size + 10}\n", f"\n{size + 11}\n"), second.signatures)
        assert forged.text != second.text
        assert cosign(address, size + 10, (), forged)[0] == 403
        assert cosign(address, size, proof, second)[0] == 409


def test_a_fork_is_not_cosigned(folder, tmp_path_factory):
    """The same log id and key with other entries from some place on: rightly signed, and refused by the witness."""
    with opened(folder) as log:
        verifier, digests = log.signer().verifier, list(log.digests(0, log.count()))
        first = prove(log, 1, ()).note
        signer = log.signer()
    branch = [*digests[:-1], bytes(32), bytes(32)]
    tree = Frontier()
    tree.extend(branch)
    text = f"{verifier.name}\n{tree.size}\n{base64.b64encode(tree.root()).decode()}\n"
    proof = consistency_proof(roots_of(lambda start, stop: branch[start:stop]), len(digests), len(branch))
    with witness(folder, verifier) as (address, _):
        assert cosign(address, 0, (), first)[0] == 200
        assert cosign(address, len(digests), proof, signer.sign(text))[0] == 422


def test_their_key_form_is_ours(folder):
    """A verifier key that they print for themselves is of a kind that we refuse by name: a cosigner's."""
    with opened(folder) as log:
        verifier = log.signer().verifier
    with witness(folder, verifier) as (_, key):
        assert key.startswith("witness.example/w1+")
        with pytest.raises(Exception, match="of an Ed25519 key"):
            Verifier.parse(key)
