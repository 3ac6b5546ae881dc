"""Compose ``[route]``: the tree of nodes, each leg at most once.

Owns: the default route, and the resolution of kinds and legs.
Never: knows a kind; a spec says what its children are.
"""

from __future__ import annotations

from collections.abc import Mapping

from ticktrail._contracts.route import RouteRef, RouteSpec
from ticktrail._contracts.settings import Settings
from ticktrail._host import Host
from ticktrail._plan.model import NodePlan
from ticktrail._settings.decode import decode
from ticktrail._settings.document import Document, Table, nearest, spell
from ticktrail._settings.positions import Path
from ticktrail.errors import PluginError
from ticktrail.model import ProviderId

__all__ = ["LEAF_KIND", "LeafTable", "compose_route", "legs_of"]

_TOP: Path = ("route",)
LEAF_KIND = "provider"
"""The kind that is a single leg, written as a table; every other kind is a plugin's."""


class LeafTable(Settings, frozen=True):
    """A ``[route]`` of one leg, by its name."""

    provider: str


def compose_route(document: Document, host: Host, legs: tuple[str, ...]) -> NodePlan | None:
    """Return the route tree, or None where it has faults; they are noted in the document.

    Args:
        document: The feed file. Without ``[route]``, its only provider is the route.
        host: Knows the kinds of node.
        legs: The names under ``[providers]``.
    """
    if "route" in document.tables:
        return _Composer(document, host, legs).node(document.tables["route"], _TOP)
    if len(legs) == 1:
        return _leaf(legs[0])
    document.blame(
        (),
        f"the table [route] is missing; with {len(legs)} providers ({spell(legs)}) it must say which speaks: "
        f'route = "{legs[0]}" above all tables, or [route] with a kind',
    )
    return None


def legs_of(node: NodePlan) -> tuple[ProviderId, ...]:
    """Return the legs of a tree, in its order."""
    if node.leg is not None:
        return (node.leg,)
    return tuple(leg for child in node.children for leg in legs_of(child))


def _leaf(leg: str) -> NodePlan:
    return NodePlan(label=leg, leg=ProviderId(leg))


class _Composer:
    """Walk a route from the top down, and remember where each leg was named."""

    def __init__(self, document: Document, host: Host, legs: tuple[str, ...]) -> None:
        self._document = document
        self._host = host
        self._legs = legs
        self._named: dict[str, Path] = {}

    def node(self, ref: object, at: Path) -> NodePlan | None:
        if isinstance(ref, str):
            return self._leg(ref, at)
        if isinstance(ref, Mapping):
            return self._inner(ref, at)
        self._document.blame(at, 'must be the name of a leg in quotes, or a table with a kind = "…"')
        return None

    def _leg(self, name: str, at: Path) -> NodePlan | None:
        if name not in self._legs:
            self._document.blame(
                at,
                f'there is no leg "{name}"; {nearest(name, self._legs)} '
                f"(legs are the tables under [providers]: {spell(self._legs)})",
            )
            return None
        if name in self._named:
            line = self._document.line(self._named[name])
            self._document.blame(
                at, f'leg "{name}" stands in the route already, in line {line}; name each leg once'
            )
            return None
        self._named[name] = at
        return _leaf(name)

    def _inner(self, table: Table, at: Path) -> NodePlan | None:
        kinds = {LEAF_KIND: None, **self._host.routes()}
        kind = table.get("kind")
        if not isinstance(kind, str):
            fault = "is no text" if "kind" in table else "is missing"
            self._document.blame(at, f'the key kind {fault}; write kind = "…", one of {spell(sorted(kinds))}')
            return None
        own = {key: value for key, value in table.items() if key != "kind"}
        if kind == LEAF_KIND:
            leaf = decode(self._document, at, own, LeafTable)
            return None if leaf is None else self._leg(leaf.provider, (*at, "provider"))
        spec = kinds.get(kind)
        if spec is None:
            self._document.blame((*at, "kind"), self._host.unknown("route kind", kind, kinds))
            return None
        settings = decode(self._document, at, own, spec.settings)
        if settings is None:
            return None
        refs, cold = _children(spec, settings)
        children = [self.node(ref, (*at, *_place(own, ref))) for ref in refs]
        whole = tuple(child for child in children if child is not None)
        if len(whole) < len(children):
            return None
        label = f"{kind}({spell(child.label for child in whole)})"
        return NodePlan(label=label, spec=spec, settings=settings, children=whole, cold=cold)


def _children(spec: RouteSpec, settings: Settings) -> tuple[tuple[RouteRef, ...], frozenset[int]]:
    try:
        return tuple(spec.children(settings)), spec.cold(settings)
    except Exception as exc:
        raise PluginError(
            f"route kind {spec.kind} cannot say what its children are ({type(exc).__name__}: {exc}); "
            "mend or remove its plugin"
        ) from exc


def _place(table: Table, ref: RouteRef) -> Path:
    """Return where a child stands in its parent's table: the spec gives the child, not its key."""
    for key, value in table.items():
        if value == ref:
            return (key,)
        if isinstance(value, list) and ref in value:
            return (key, value.index(ref))
    return ()
