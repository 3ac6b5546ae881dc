"""Keep the whole tiles of a log's tree, so that a proof reads a few of them and not the log.

Owns: which tiles there are once a log has so many entries, and the root of any range of leaves by them.
Never: trusts them for more than speed: verification computes each anew.

A tile is 256 hashes that lie side by side: of level 0 leaf hashes, of level 1 the roots of whole tiles of level 0, and
so on. Only whole tiles are kept; what is right of them is read from the entries.

Source: C2SP tlog-tiles, https://c2sp.org/tlog-tiles (read 2026-11-25), for the height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ticktrail_compliance.proof.merkle import HASH_BYTES, Frontier, Leaves, Roots
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import bounded_columns

__all__ = [
    "HEIGHT",
    "TILE",
    "Tile",
    "TileBuilder",
    "TileRoots",
    "roots_by_tiles",
    "stored_tiles",
    "tile_roots",
]

HEIGHT = 8
TILE = 1 << HEIGHT
"""Hashes in a tile."""

TileRoots: TypeAlias = Callable[[int, int, int], Sequence[bytes]]
"""Gives the roots of the tiles of a level from one place up to another that is not in it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One whole tile: its level, its place among those of the level, its hashes, and the root above them."""

    level: int
    position: int
    hashes: Sequence[bytes]
    root: bytes


class TileBuilder:
    """The tiles that become whole as leaves are added.

    Args:
        size: Leaves that are there already.
        right_edge: Gives the hashes of a level from one place up to another: asked for once, level by level, for what
            stands right of the last whole tile.
    """

    def __init__(self, size: int, right_edge: Callable[[int, int, int], Sequence[bytes]]) -> None:
        self._counts: list[int] = []
        self._open: list[list[bytes]] = []
        level, count = 0, size
        while count:
            whole = count // TILE * TILE
            self._counts.append(count)
            self._open.append(list(right_edge(level, whole, count)) if count > whole else [])
            level, count = level + 1, count // TILE

    def add(self, leaf: bytes) -> Iterator[Tile]:
        """Add a leaf, and yield the tiles that are whole by it, the lowest first."""
        level, found = 0, leaf
        while True:
            if level == len(self._open):
                self._counts.append(0)
                self._open.append([])
            hashes = self._open[level]
            hashes.append(found)
            self._counts[level] += 1
            if len(hashes) < TILE:
                return
            tree = Frontier()
            tree.extend(hashes)
            found = tree.root()
            yield Tile(level, self._counts[level] // TILE - 1, tuple(hashes), found)
            hashes.clear()
            level += 1


def roots_by_tiles(tile_roots: TileRoots, leaves: Leaves, size: int) -> Roots:
    """Return what gives the root of a range of leaves of a log of `size`: by tiles as far as they go.

    Args:
        tile_roots: Gives the roots of tiles of a level, from one place up to another.
        leaves: Gives leaf hashes, for what no tile covers.
        size: Entries of the log; tiles beyond it are not looked at.
    """

    def root(start: int, stop: int) -> bytes:
        tree = Frontier()  # counted from `start`, which is a multiple of every subtree's leaves in the range
        at = start
        while at < stop:
            height = _highest(at, stop)
            if height:
                until = _same_height(at, stop, height)
                for one in tile_roots(height // HEIGHT - 1, at >> height, until >> height):
                    tree.append_subtree(one, height)
                if tree.size != until - start:
                    raise ValueError(f"of the tiles above entries {at + 1} to {until} some are missing")
            else:
                until = min(stop, (at // TILE + 1) * TILE)
                tree.extend(leaves(at, until))
            at = until
        return tree.root()

    def _highest(at: int, stop: int) -> int:
        height = 0
        while True:
            above = 1 << (height + HEIGHT)
            if at % above or stop - at < above or at + above > size:
                return height
            height += HEIGHT

    def _same_height(at: int, stop: int, height: int) -> int:
        step, above = 1 << height, 1 << (height + HEIGHT)
        boundary = (at // above + 1) * above
        return min(boundary, at + (stop - at) // step * step)

    return root


def stored_tiles(connection: Connection, after: tuple[int, int]) -> Sequence[tuple[object, ...]]:
    """Return some rows of tiles, in order, after a level and position, whatever stands in them."""
    table = schema.tiles
    level, position = after
    beyond = (table.c.level > level) | ((table.c.level == level) & (table.c.position > position))
    wanted = select(*bounded_columns(table, connection.dialect.name)).where(beyond)
    return [
        tuple(row) for row in connection.execute(wanted.order_by(table.c.level, table.c.position).limit(256))
    ]


def tile_roots(connection: Connection, level: int, first: int, stop: int) -> Sequence[bytes]:
    """Return the roots of tiles of a level, from one place up to another; none where one of them is missing."""
    table = schema.tiles
    columns = bounded_columns(table, connection.dialect.name, ("position", "root"))
    wanted = select(*columns).where(
        table.c.level == level, table.c.position >= first, table.c.position < stop
    )
    rows = connection.execute(wanted.order_by(table.c.position)).all()
    if [row.position for row in rows] != list(range(first, stop)):
        return ()
    return [row.root for row in rows if isinstance(row.root, bytes) and len(row.root) == HASH_BYTES]
