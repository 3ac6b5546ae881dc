"""Hash a log into a Merkle tree, and prove what is in it.

Owns: the tree's root at any size, proofs of inclusion and of consistency, and their verification. Pure.
Never: hashes a leaf (an entry's digest is its leaf hash already), or holds more of a tree than its right edge.

A proof is made of roots of ranges of leaves that lie side by side. Who keeps some of those roots gives them at once,
and who keeps nothing but the leaf hashes gets there in one pass, in memory for one hash a level.

Source: RFC 9162 (December 2021), sections 2.1.1 (hashes), 2.1.3 (inclusion) and 2.1.4 (consistency).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "Frontier",
    "Leaves",
    "NoProof",
    "Roots",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "roots_of",
    "verify_consistency",
    "verify_inclusion",
]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without a leaf."""

MAX_PROOF = 64
"""Hashes in a proof at most: sizes stay below 2^63."""

Leaves: TypeAlias = Callable[[int, int], Iterable[bytes]]
"""Gives the leaf hashes from one index up to another that is not in it."""

Roots: TypeAlias = Callable[[int, int], bytes]
"""Gives the root of the leaves from one index up to another that is not in it. A proof asks for ranges that begin at a
multiple of the least power of two that they do not exceed."""


class NoProof(Exception):
    """A proof does not prove what it is said to; the message says where it fails."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that grows, of which the roots of its whole subtrees are kept: one at most for each level.

    Args:
        size: Leaves that are there already.
        subtrees: The roots of their whole subtrees, the largest first: one for each bit of `size` that is set.

    Raises:
        ValueError: The two do not fit together.
    """

    def __init__(self, size: int = 0, subtrees: Sequence[bytes] = ()) -> None:
        if size < 0 or len(subtrees) != size.bit_count() or any(len(one) != HASH_BYTES for one in subtrees):
            raise ValueError(f"a tree of {size} leaves has {max(size, 0).bit_count()} whole subtrees")
        self.size = size
        self._subtrees = list(subtrees)

    @property
    def subtrees(self) -> Sequence[bytes]:
        """The roots of the whole subtrees, the largest first."""
        return tuple(self._subtrees)

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        self.append_subtree(leaf, 0)

    def append_subtree(self, root: bytes, height: int) -> None:
        """Add a whole subtree of ``2 ** height`` leaves by its root.

        Raises:
            ValueError: The tree as it is does not end where such a subtree can begin.
        """
        if len(root) != HASH_BYTES:
            raise ValueError(f"a hash has {HASH_BYTES} bytes, not {len(root)}")
        place = self.size >> height
        if place << height != self.size:
            raise ValueError(f"no subtree of {1 << height} leaves begins after {self.size} leaves")
        while place & 1:  # two subtrees of the same height become one
            root = node_hash(self._subtrees.pop(), root)
            place >>= 1
        self._subtrees.append(root)
        self.size += 1 << height

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves by their hashes."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Return the root of the tree as it is."""
        if not self._subtrees:
            return EMPTY_ROOT
        *others, root = self._subtrees
        for subtree in reversed(others):
            root = node_hash(subtree, root)
        return root


def roots_of(leaves: Leaves) -> Roots:
    """Return what gives the root of any range of leaves, from the leaves themselves."""

    def root(start: int, stop: int) -> bytes:
        tree = Frontier()
        tree.extend(leaves(start, stop))
        if tree.size != stop - start:
            raise ValueError(f"of the leaves {start} to {stop - 1} only {tree.size} are there")
        return tree.root()

    return root


def inclusion_proof(roots: Roots, index: int, size: int) -> Sequence[bytes]:
    """Return the proof that a leaf is in the tree of a size: hashes from the leaf's sibling upwards.

    Raises:
        ValueError: There is no such leaf in a tree of that size.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return [roots(start, stop) for start, stop in _path(index, 0, size)]


def consistency_proof(roots: Roots, first: int, second: int) -> Sequence[bytes]:
    """Return the proof that the tree of one size is the beginning of the tree of another.

    Raises:
        ValueError: The first is empty, or larger than the second.
    """
    if not 0 < first <= second:
        raise ValueError(f"no proof leads from a tree of {first} leaves to one of {second}")
    return [roots(start, stop) for start, stop in _subproof(first, 0, second, whole=True)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """See that a leaf is in a tree (section 2.1.3.2).

    Raises:
        NoProof: It is not proven.
    """
    _check_shape(proof, leaf, root)
    if not 0 <= index < size:
        raise NoProof(f"a tree of {size} leaves has no leaf {index}")
    node, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise NoProof("the proof is too long")
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            found = node_hash(found, step)
        node >>= 1
        last >>= 1
    if last:
        raise NoProof("the proof is too short")
    if not hmac.compare_digest(found, root):
        raise NoProof("the proof leads to another root")


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """See that a tree is the beginning of another (section 2.1.4.2).

    Raises:
        NoProof: It is not proven.
    """
    _check_shape(proof, first_root, second_root)
    if not 0 < first <= second:
        raise NoProof(f"no proof leads from a tree of {first} leaves to one of {second}")
    if first == second:
        if proof or first_root != second_root:
            raise NoProof("two trees of one size have the same root and need no proof")
        return
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise NoProof("the proof is too short")
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            raise NoProof("the proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, step)
        node >>= 1
        last >>= 1
    if last:
        raise NoProof("the proof is too short")
    if not hmac.compare_digest(old, first_root):
        raise NoProof("the proof leads to another root of the smaller tree")
    if not hmac.compare_digest(new, second_root):
        raise NoProof("the proof leads to another root of the larger tree")


def _check_shape(proof: Sequence[bytes], *roots: bytes) -> None:
    if len(proof) > MAX_PROOF:
        raise NoProof(f"no proof has {len(proof)} hashes")
    if any(len(one) != HASH_BYTES for one in (*proof, *roots)):
        raise NoProof(f"every hash has {HASH_BYTES} bytes")


def _split(start: int, stop: int) -> int:
    """Return where a range's right subtree begins: after the largest power of two that is less than its length."""
    return start + (1 << ((stop - start - 1).bit_length() - 1))


def _path(index: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges whose roots are the proof of inclusion, the leaf's sibling first (section 2.1.3.1)."""
    if stop - start == 1:
        return
    middle = _split(start, stop)
    if index < middle:
        yield from _path(index, start, middle)
        yield middle, stop
    else:
        yield from _path(index, middle, stop)
        yield start, middle


def _subproof(first: int, start: int, stop: int, *, whole: bool) -> Iterator[tuple[int, int]]:
    """Yield the ranges whose roots are the proof of consistency (section 2.1.4.1).

    `whole` tells that the range begins with the smaller tree itself, whose root the verifier has.
    """
    if first == stop:
        if not whole:
            yield start, stop
        return
    middle = _split(start, stop)
    if first <= middle:
        yield from _subproof(first, start, middle, whole=whole)
        yield middle, stop
    else:
        yield from _subproof(first, middle, stop, whole=False)
        yield start, middle
