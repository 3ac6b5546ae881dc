"""Declare the kind of route `acme`, and be it.

The next child speaks once the present one is down or silent.

A hook only declares: it returns specs, and reads no credentials, clock or network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta
from ticktrail.plugin import (
    Arbiter,
    Batch,
    Forward,
    RouteContext,
    RouteRef,
    RouteSpec,
    Ruling,
    Settings,
    Suppress,
    Switch,
    hookimpl,
    route_spec,
)

TICKTRAIL_API = 1
"""The version of ticktrail's plugin interface that this is written for."""


class AcmeSettings(Settings, frozen=True):
    """The keys of ``[route]`` beside `kind`; a docstring says what each is for.

    Attributes:
        children: Legs, or tables of other nodes; they speak in turn, the first one first.
        silent_s: Without a word for so long a child loses its turn.
    """

    children: tuple[RouteRef, ...]
    silent_s: Annotated[float, Meta(gt=0)] = 10.0


class AcmeRoute:
    """The arbiter. Pure: it knows no clock; time is an argument, in nanoseconds that never go back.

    Args:
        count: How many children.
        silent_s: As in the settings.
    """

    def __init__(self, count: int, silent_s: float) -> None:
        self._up = [False] * count
        self._silent_ns = round(silent_s * 1e9)
        self._speaker = 0
        self._since_ns = 0
        """When the speaker was heard last, or got its turn."""
        self._heard_ns: list[int | None] = [None] * count

    @property
    def up(self) -> bool:
        """Whether a child can deliver."""
        return any(self._up)

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Rule on a batch: every tick is forwarded or suppressed, once."""
        self._heard_ns[child] = now_ns
        if child != self._speaker:
            return [Suppress(batch, "another child speaks")]
        self._since_ns = now_ns
        return [Forward(batch)]

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Note that a child can deliver; it gets the turn of one that cannot."""
        self._up[child] = True
        if child == self._speaker:
            self._since_ns = now_ns
        return [] if self._up[self._speaker] else self._turn("down", now_ns)

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Note that a child cannot deliver."""
        self._up[child] = False
        return self._turn(cause, now_ns) if child == self._speaker else []

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Rule on what time alone decides: has the speaker been silent for too long?"""
        due_ns = self.deadline_ns()
        return [] if due_ns is None or now_ns < due_ns else self._turn("silent", now_ns)

    def deadline_ns(self) -> int | None:
        """Return when `on_time` must be called next; None while nobody else could speak."""
        others = (up for child, up in enumerate(self._up) if child != self._speaker)
        return self._since_ns + self._silent_ns if any(others) else None

    def drain(self) -> Sequence[Ruling]:
        """Rule on what is held back: nothing ever is."""
        return []

    def _turn(self, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Let the next child speak that is up; without one all stays as it is."""
        count = len(self._up)
        for step in range(1, count):
            child = (self._speaker + step) % count
            if self._up[child]:
                last_ns = self._heard_ns[self._speaker]
                silent_ns = None if last_ns is None else now_ns - last_ns
                switch = Switch(self._speaker, child, cause, silent_ns)
                self._speaker, self._since_ns = child, now_ns
                return [switch]
        return []


def children_of(settings: AcmeSettings) -> Sequence[RouteRef]:
    """Return the children, in the order of their numbers."""
    return settings.children


def open_route(settings: AcmeSettings, context: RouteContext) -> Arbiter:
    """Return the arbiter of one node."""
    return AcmeRoute(len(context.children), settings.silent_s)


@hookimpl
def ticktrail_routes() -> Iterable[RouteSpec]:
    """Declare the kind."""
    return [
        route_spec(
            kind="acme",
            summary="acme: the next child speaks once this one is silent",
            settings=AcmeSettings,
            children=children_of,
            open=open_route,
        )
    ]
