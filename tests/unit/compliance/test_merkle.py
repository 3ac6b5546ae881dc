"""The tree of a log: known roots and proofs, a naive tree beside it, and nothing else is proven."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_compliance.proof.merkle import (
    EMPTY_ROOT,
    Frontier,
    NoProof,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    roots_of,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "merkle.json").read_text())
LEAVES = [leaf_hash(bytes.fromhex(data)) for data in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]


def hashes(texts):
    return [bytes.fromhex(text) for text in texts]


def grown(leaves):
    tree = Frontier()
    tree.extend(leaves)
    return tree


def of(leaves):
    return roots_of(lambda start, stop: leaves[start:stop])


def naive(leaves):
    """The root by its definition (RFC 9162 section 2.1.1), with nothing kept."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + naive(leaves[:half]) + naive(leaves[half:])).digest()


def many(count):
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def test_the_known_roots():
    """Of the Certificate Transparency project, for each size from none to eight."""
    assert ROOTS[0] == EMPTY_ROOT
    for size, root in enumerate(ROOTS):
        assert grown(LEAVES[:size]).root() == root
        assert naive(LEAVES[:size]) == root


@pytest.mark.parametrize("case", VECTORS["inclusion"])
def test_the_known_paths(case):
    """Made as published, and verified."""
    index, size, path = case["index"], case["size"], hashes(case["path"])
    assert inclusion_proof(of(LEAVES), index, size) == path
    verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])


@pytest.mark.parametrize("case", VECTORS["consistency"])
def test_the_known_consistency(case):
    """Made as published, and verified."""
    first, second, proof = case["first"], case["second"], hashes(case["proof"])
    assert consistency_proof(of(LEAVES), first, second) == proof
    verify_consistency(first, second, proof, ROOTS[first], ROOTS[second])


def test_the_examples_of_the_rfc():
    """Section 2.1.5: paths of d0, d3, d4 and d6, and the proofs from 3, 4 and 6 to 7."""
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 - the RFC's own names
    for index, path in {0: [b, h, l], 3: [c, g, l], 4: [f, j, k], 6: [i, k]}.items():
        assert inclusion_proof(of(LEAVES), index, 7) == path
    for first, proof in {3: [c, d, g, l], 4: [l], 6: [i, j, k]}.items():
        assert consistency_proof(of(LEAVES), first, 7) == proof


def test_every_proof_of_every_small_tree_verifies():
    """All sizes to 40, all indexes, all smaller sizes; roots as the naive tree has them."""
    leaves = many(40)
    roots = [naive(leaves[:size]) for size in range(41)]
    for size in range(1, 41):
        assert grown(leaves[:size]).root() == roots[size]
        for index in range(size):
            verify_inclusion(
                leaves[index], index, size, inclusion_proof(of(leaves), index, size), roots[size]
            )
            first = index + 1
            proof = consistency_proof(of(leaves), first, size)
            verify_consistency(first, size, proof, roots[first], roots[size])


sizes = st.integers(1, 300)


@given(data=st.data(), size=sizes)
def test_a_changed_proof_of_inclusion_is_refused(data, size):
    """A bit, a hash more or less, two swapped, another index, size, leaf or root."""
    leaves = many(size)
    index = data.draw(st.integers(0, size - 1))
    root = grown(leaves).root()
    path = list(inclusion_proof(of(leaves), index, size))
    verify_inclusion(leaves[index], index, size, path, root)
    for changed in mutations(data, path):
        with pytest.raises(NoProof):
            verify_inclusion(leaves[index], index, size, changed, root)
    other = data.draw(st.integers(0, size + 3).filter(lambda number: number != index))
    with pytest.raises(NoProof):
        verify_inclusion(leaves[index], other, size, path, root)
    with pytest.raises(NoProof):
        verify_inclusion(flipped(leaves[index], 3), index, size, path, root)
    with pytest.raises(NoProof):
        verify_inclusion(leaves[index], index, size, path, flipped(root, 77))


@given(data=st.data(), second=sizes)
def test_a_changed_proof_of_consistency_is_refused(data, second):
    """The same, and the roots of two trees that only look alike."""
    leaves = many(second)
    first = data.draw(st.integers(1, second))
    old, new = grown(leaves[:first]).root(), grown(leaves).root()
    proof = list(consistency_proof(of(leaves), first, second))
    verify_consistency(first, second, proof, old, new)
    for changed in mutations(data, proof):
        with pytest.raises(NoProof):
            verify_consistency(first, second, changed, old, new)
    for roots in ((flipped(old, 5), new), (old, flipped(new, 5))):
        with pytest.raises(NoProof):
            verify_consistency(first, second, proof, *roots)
    if first < second:
        forked = [*leaves[: first - 1], flipped(leaves[first - 1], 0)]
        with pytest.raises(NoProof):
            verify_consistency(first, second, proof, grown(forked).root(), new)


def flipped(value, bit):
    changed = bytearray(value)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


def mutations(data, proof):
    """Proofs that are another one."""
    yield [*proof, bytes(32)]
    yield [bytes(32), *proof]
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        yield [*proof[:place], *proof[place + 1 :]]
        yield [*proof[:place], flipped(proof[place], data.draw(st.integers(0, 255))), *proof[place + 1 :]]
        yield [*proof[:place], proof[place][:-1], *proof[place + 1 :]]
        if proof != proof[::-1]:
            yield proof[::-1]


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 0, []),
        (1, 1, []),
        (-1, 1, []),
        (2**63, 2**62, []),
        (0, 1, [bytes(32)] * 65),
        (0, 2, [b"short"]),
        (0, 2, []),
    ],
)
def test_what_is_no_proof_of_inclusion(index, size, path):
    """A tree of nothing, a leaf beyond the end, lengths that no proof has."""
    with pytest.raises(NoProof):
        verify_inclusion(LEAVES[0], index, size, path, LEAVES[0])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (5, 4), (-1, 3)])
def test_what_has_no_consistency(first, second):
    """From nothing everything follows, and nothing is proven."""
    with pytest.raises(NoProof):
        verify_consistency(first, second, [], EMPTY_ROOT, EMPTY_ROOT)
    with pytest.raises(ValueError, match="no proof leads"):
        consistency_proof(of(LEAVES), first, second)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (8, 8), (-1, 8)])
def test_a_leaf_that_is_not_there_has_no_path(index, size):
    """Told at the making already."""
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(of(LEAVES), index, size)


def test_leaves_that_are_missing_make_no_proof():
    """A reader that gives fewer than it was asked for is found out."""
    with pytest.raises(ValueError, match="only 2 are there"):
        inclusion_proof(of(LEAVES[:6]), 0, 8)
    with pytest.raises(ValueError, match="has 32 bytes"):
        Frontier().append(b"short")


def test_a_large_tree_is_held_by_its_edge():
    """A hundred thousand leaves: one hash a level in memory, and proofs from a reader."""
    size = 100_003
    leaves = many(size)
    tree = grown(leaves)
    assert len(tree._subtrees) == size.bit_count()
    path = inclusion_proof(of(leaves), 65_536, size)
    verify_inclusion(leaves[65_536], 65_536, size, path, tree.root())
    proof = consistency_proof(of(leaves), 65_537, size)
    verify_consistency(65_537, size, proof, grown(leaves[:65_537]).root(), tree.root())
