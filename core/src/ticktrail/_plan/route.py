"""Compose ``[route]``: the tree of nodes, each leg at most once.

Owns: the default route, and the resolution of kinds and legs.
Never: knows a kind; a spec says what its children are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ticktrail._contracts.route import RouteRef, RouteSpec
from ticktrail._contracts.settings import Settings
from ticktrail._host import Host
from ticktrail._plan.model import NodePlan
from ticktrail._settings.decode import decode, decode_rest
from ticktrail._settings.document import Document, Table, nearest, spell
from ticktrail._settings.positions import Path
from ticktrail.errors import ConfigError, PluginError
from ticktrail.model import InstrumentId, ProviderId

__all__ = [
    "LEAF_KIND",
    "LeafTable",
    "assign",
    "cold_legs_of",
    "compose_route",
    "instruments_of",
    "legs_of",
    "mute_legs_of",
]

_TOP: Path = ("route",)
LEAF_KIND = "provider"
"""The kind that is a single leg, written as a table; every other kind is a plugin's."""


class LeafTable(Settings, frozen=True):
    """A ``[route]`` of one leg, by its name."""

    provider: str


def compose_route(
    document: Document, host: Host, legs: tuple[str, ...]
) -> tuple[NodePlan | None, Sequence[ProviderId]]:
    """Return the route tree, or None where it has faults, which are noted in the document.

    With it come the legs that are named for all instruments, whatever else is at fault.

    Args:
        document: The feed file. Without ``[route]``, its only provider is the route.
        host: Knows the kinds of node.
        legs: The names under ``[providers]``.
    """
    if "route" in document.tables:
        composer = _Composer(document, host, legs)
        return composer.node(document.tables["route"], _TOP), composer.whole
    if len(legs) == 1:
        return _leaf(legs[0]), [ProviderId(legs[0])]
    document.blame(
        (),
        f"the table [route] is missing; with {len(legs)} providers ({spell(legs)}) it must say which speaks: "
        f'route = "{legs[0]}" above all tables, or [route] with a kind',
    )
    return None, ()


def legs_of(node: NodePlan) -> tuple[ProviderId, ...]:
    """Return the legs of a tree, in its order."""
    if node.leg is not None:
        return (node.leg,)
    return tuple(leg for child in node.children for leg in legs_of(child))


def cold_legs_of(node: NodePlan) -> frozenset[ProviderId]:
    """Return the legs that rest until an arbiter wakes them."""
    return frozenset(_resting(node, rests=False))


def _resting(node: NodePlan, *, rests: bool) -> Iterator[ProviderId]:
    if node.leg is not None:
        if rests:
            yield node.leg
        return
    for number, child in enumerate(node.children):
        yield from _resting(child, rests=rests or number in node.cold)


def mute_legs_of(node: NodePlan) -> frozenset[ProviderId]:
    """Return the legs of a tree that are never delivered."""
    return frozenset(
        leg
        for number, child in enumerate(node.children)
        for leg in (legs_of(child) if number in node.mute else mute_legs_of(child))
    )


def assign(document: Document, node: NodePlan, instruments: tuple[InstrumentId, ...]) -> NodePlan:
    """Return the tree with the instruments that each node routes; faults are noted in the document."""
    if node.spec is None or node.settings is None:
        return replace(node, instruments=instruments)
    shares: Sequence[Sequence[InstrumentId]] = [instruments] * len(node.children)
    if node.spec.assign is not None:
        try:
            shares = node.spec.assign(node.settings, instruments)
        except ConfigError as exc:
            for problem in exc.problems:
                document.blame(node.at, problem)
    children = tuple(
        assign(document, child, tuple(share)) for child, share in zip(node.children, shares, strict=True)
    )
    return replace(node, instruments=instruments, children=children)


def instruments_of(node: NodePlan) -> Mapping[ProviderId, tuple[InstrumentId, ...]]:
    """Return what each leg of an assigned tree is asked for."""
    if node.leg is not None:
        return {node.leg: node.instruments}
    return {leg: names for child in node.children for leg, names in instruments_of(child).items()}


def _leaf(leg: str) -> NodePlan:
    return NodePlan(label=leg, leg=ProviderId(leg))


class _Composer:
    """Walk a route from the top down, and remember where each leg was named.

    Attributes:
        whole: Legs that are named, and not below a node that gives each child a part of the instruments.
    """

    def __init__(self, document: Document, host: Host, legs: tuple[str, ...]) -> None:
        self._document = document
        self._host = host
        self._legs = legs
        self._named: dict[str, Path] = {}
        self._dividing = 0
        self.whole: list[ProviderId] = []

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
        if not self._dividing:
            self.whole.append(ProviderId(name))
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
        self._dividing += spec.assign is not None
        children: Sequence[NodePlan | None] = ()
        if settings is not None:
            refs, cold, mute = _children(spec, settings)
            if not refs:
                self._document.blame(
                    at, f"the {kind} node has no children; name a leg, or a node, that it routes"
                )
            children = [self.node(ref, (*at, *_place(own, ref))) for ref in refs]
        else:
            self._look_through(spec, own, at)
        self._dividing -= spec.assign is not None
        if settings is None or not children:
            return None
        whole = tuple(child for child in children if child is not None)
        if len(whole) < len(children):
            return None
        label = f"{kind}({spell(child.label for child in whole)})"
        return NodePlan(
            label=label, spec=spec, settings=settings, children=whole, cold=cold, mute=mute, at=at
        )

    def _look_through(self, spec: RouteSpec, own: Table, at: Path) -> None:
        """Find the faults of the children of a node that is at fault itself, as far as it is plain which they are."""
        rest = decode_rest(self._document, at, own, spec.settings)
        if rest is not None:
            for ref in _children(spec, rest)[0]:
                self.node(ref, (*at, *_place(own, ref)))
            return
        for key, value in own.items():
            if isinstance(value, Mapping) and "kind" in value:
                self.node(value, (*at, key))
            for number, item in enumerate(value if isinstance(value, list) else ()):
                if isinstance(item, Mapping) and "kind" in item:
                    self.node(item, (*at, key, number))


def _children(
    spec: RouteSpec, settings: Settings
) -> tuple[tuple[RouteRef, ...], frozenset[int], frozenset[int]]:
    try:
        return tuple(spec.children(settings)), spec.cold(settings), spec.mute(settings)
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
        for number, item in enumerate(value if isinstance(value, list) else ()):
            for own, part in item.items() if isinstance(item, Mapping) else ():
                if part == ref:
                    return (key, number, own)
    return ()
