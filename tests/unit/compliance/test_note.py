"""Signed notes, checkpoints and proofs: written and read in one form, and refused in any other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_compliance.proof.bundle import Proof
from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of, origin_of
from ticktrail_compliance.proof.merkle import Frontier, NoProof, inclusion_proof, leaf_hash, roots_of
from ticktrail_compliance.proof.note import BadNote, Note, Signer, UnknownSigner, Verifier

NAME = "ticktrail/a-log"
SIGNER = Signer(NAME, bytes(range(32)))
OTHER = Signer(NAME, bytes(32))
WITNESS = Signer("witness.example/w1", bytes([7]) * 32)

# The example of Go's package golang.org/x/mod/sumdb/note; that it is rightly copied, its own signature proves.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_others_is_understood():
    """The published example of Go's note package: key, number and signature."""
    verifier = Verifier.parse(GO_KEY)
    assert str(verifier) == GO_KEY
    note = Note.parse(GO_NOTE.encode())
    assert note.verify([verifier]) == [verifier]
    assert str(note) == GO_NOTE


texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n"), max_size=200)


@given(text=texts)
def test_notes_come_back(text):
    """Any text, with empty lines in it too; signed, written, read and verified."""
    note = SIGNER.sign(text + "\n")
    back = Note.parse(str(note).encode())
    assert back == note
    assert back.verify([SIGNER.verifier]) == [SIGNER.verifier]


@given(data=st.data())
def test_no_changed_note_verifies(data):
    """One bit anywhere: no note, or not signed, never another text."""
    whole = str(SIGNER.sign("ticktrail/a-log\n12\nroot\n")).encode()
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    changed = bytearray(whole)
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises(BadNote):
        Note.parse(bytes(changed)).verify([SIGNER.verifier])


def test_several_signatures():
    """Each known key is told; unknown ones count for nothing, were they of the same name."""
    text = "a\n"
    signatures = [signer.sign(text).signatures[0] for signer in (OTHER, SIGNER, WITNESS)]
    note = Note.parse(str(Note(text, signatures)).encode())
    assert note.verify([SIGNER.verifier]) == [SIGNER.verifier]
    assert note.verify([WITNESS.verifier, SIGNER.verifier]) == [SIGNER.verifier, WITNESS.verifier]


def test_an_unknown_signer_is_named():
    """A key of the same name with another number, told by both."""
    with pytest.raises(UnknownSigner, match=rf"{NAME} \({OTHER.verifier.key_id.hex()}\) alone"):
        OTHER.sign("a\n").verify([SIGNER.verifier])


def test_a_wrong_signature_of_a_known_key_spoils_the_note():
    """Also where another known key signed it rightly."""
    right, wrong = WITNESS.sign("a\n").signatures[0], SIGNER.sign("b\n").signatures[0]
    with pytest.raises(BadNote, match="is wrong"):
        Note("a\n", (right, wrong)).verify([SIGNER.verifier, WITNESS.verifier])


LINE = SIGNER.sign("a\n").signatures[0].line()


@pytest.mark.parametrize(
    "data",
    [
        "",
        "a\n",
        "a\n\n",
        f"a\n{LINE}",
        f"a\n\n{LINE[:-1]}",
        f"a\n\n{LINE}a\n",
        f"a\n\n{LINE}\n",
        f"a\t\n\n{LINE}",
        f"a\r\n\n{LINE}",
        f"a\n\n{LINE.replace('=', '')}",
        f"a\n\n{LINE.replace(' ', '  ')}",
        f"a\n\n{LINE.replace(NAME, 'a+b')}",
        f"a\n\n{LINE.replace(NAME, 'a b')}",
        "a\n\n\N{EM DASH} name AAAAAA==\n",
        f"a\n\n- {LINE[2:]}",
        f"a\n\n{LINE * 65}",
        "a" * 70_000 + f"\n\n{LINE}",
    ],
)
def test_what_is_no_note(data):
    """Missing ends, control characters, other base64, other dashes, too much."""
    with pytest.raises(BadNote):
        Note.parse(data.encode())


def test_bytes_that_are_no_text():
    """Told as such."""
    with pytest.raises(BadNote, match="UTF-8"):
        Note.parse(b"\xff\n\n" + LINE.encode())


KEY = str(SIGNER.verifier)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a+b", KEY[1:], KEY[:-4], KEY.replace("+", " ", 1), f"{KEY}\n", KEY + "A", GO_KEY.replace("c74f", "c74e"),
     "x+00000000+BAAA"],
)  # fmt: skip
def test_what_is_no_verifier_key(text):
    """A letter too few, another name, another number, another kind."""
    with pytest.raises(BadNote):
        Verifier.parse(text)


def test_a_signer_shows_its_public_half_alone():
    """Its repr holds no secret."""
    assert bytes(range(32)).hex() not in repr(SIGNER)
    assert str(SIGNER.verifier) in repr(SIGNER)


ROOT = leaf_hash(b"x")


def test_checkpoints_come_back():
    """Also an empty one, and one with lines of others."""
    for found in (Checkpoint(NAME, 0, ROOT), Checkpoint(NAME, 2**63 - 1, ROOT, ("one", "two"))):
        note = Note.parse(str(found.signed(SIGNER)).encode())
        assert checkpoint_of(note, [SIGNER.verifier], NAME) == found
    assert Checkpoint(origin_of("a-log"), 3, bytes(32)).text() == f"ticktrail/a-log\n3\n{'A' * 43}=\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n12\n", "\n012\n"),
        ("\n12\n", "\n+12\n"),
        ("\n12\n", "\n-1\n"),
        ("\n12\n", "\n1_2\n"),
        ("\n12\n", "\n\u0661\n"),
        ("\n12\n", "\n9223372036854775808\n"),
        ("\n12\n", "\n\n"),
        ("=\n", "\n"),
        ("=\n", "=\n\nmore\n"),
        (f"{NAME}\n", "\n"),
        (f"{NAME}\n", ""),
    ],
)
def test_what_is_no_checkpoint(old, new):
    """Sizes in other forms, roots of other lengths, lines that are empty or missing."""
    text = Checkpoint(NAME, 12, ROOT).text()
    assert old in text
    with pytest.raises(BadNote):
        Checkpoint.parse(text.replace(old, new))


def test_a_checkpoint_that_cannot_be_written_is_not_signed():
    """An origin with a line in it would be another checkpoint."""
    with pytest.raises(BadNote):
        Checkpoint("a\n5", 12, ROOT).signed(SIGNER)


def test_a_checkpoint_of_another_log_is_named():
    """By both origins, before any signature is looked at."""
    note = Checkpoint("ticktrail/other", 1, ROOT).signed(SIGNER)
    with pytest.raises(BadNote, match="of another log, ticktrail/other, and not of ticktrail/a-log"):
        checkpoint_of(note, [SIGNER.verifier], NAME)


def proof(index=5, size=11, *, extra=None):
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    tree = Frontier()
    tree.extend(leaves)
    note = Checkpoint(NAME, size, tree.root()).signed(SIGNER)
    return leaves[index], Proof(
        index, inclusion_proof(roots_of(lambda a, b: leaves[a:b]), index, size), note, extra
    )


@pytest.mark.parametrize(("index", "size"), [(0, 1), (5, 11), (10, 11)])
@pytest.mark.parametrize("beside", [True, False])
def test_proofs_come_back(index, size, beside):
    """Written, read and verified, with the leaf's data beside them or not."""
    leaf, made = proof(index, size, extra=bytes([index]) if beside else None)
    back = Proof.parse(str(made).encode())
    assert str(back) == str(made)
    assert back.verify(leaf, [SIGNER.verifier], NAME).size == size


@given(data=st.data())
def test_no_changed_proof_verifies(data):
    """One bit anywhere."""
    leaf, made = proof(extra=bytes([5]))
    whole = str(made).encode()
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    changed = bytearray(whole)
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises((BadNote, NoProof)):
        Proof.parse(bytes(changed)).verify(leaf, [SIGNER.verifier], NAME)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c2sp.org/tlog-proof@v1\n", ""),
        ("@v1", "@v2"),
        ("index 5", "index 05"),
        ("index 5\n", ""),
        ("extra ", "more "),
        ("=\n", "=\r\n"),
        ("\n\n", "\n" + "A" * 43 + "=\n" * 1 + ("A" * 43 + "=\n") * 64 + "\n"),
    ],
)
def test_what_is_no_proof(old, new):
    """Another version, other numbers, lines that are missing or too many."""
    _, made = proof(extra=b"\x05")
    whole = str(made)
    assert old in whole
    with pytest.raises(BadNote):
        Proof.parse(whole.replace(old, new, 1).encode())
