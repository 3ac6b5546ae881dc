"""Take from an arbiter what it rules, whatever that is.

Owns: what a ruling must be, so that it can be carried out and recorded; and whose fault it is where it cannot.
Never: carries one out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from ticktrail._contracts.route import (
    Batch,
    Forward,
    Lost,
    Publish,
    Reconnect,
    Rest,
    Ruling,
    Suppress,
    Switch,
    Wake,
)
from ticktrail._engine.bench import words_of
from ticktrail._engine.fitting import misfit_of_event
from ticktrail._engine.node import Node
from ticktrail.errors import FeedError, PluginError

__all__ = ["asked", "sound"]

P = ParamSpec("P")
T = TypeVar("T")


def asked(node: Node, ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what an arbiter answers.

    Raises:
        FeedError: The arbiter's own refusal, such as a `RouteError`.
        PluginError: It failed by a defect of its own.
    """
    try:
        return ask(*args, **kwargs)
    except FeedError:
        raise
    except Exception as exc:
        raise _fault(
            node, f"{getattr(ask, '__name__', 'it')} failed by a defect of its own ({words_of(exc)})"
        ) from exc


def sound(node: Node, rulings: Sequence[Ruling]) -> Sequence[Ruling]:
    """Return an arbiter's rulings if each of them is one that can be carried out, and recorded.

    Raises:
        PluginError: One is not.
    """
    given: object = rulings
    if not isinstance(given, list | tuple):
        raise _fault(node, f"it ruled a {type(given).__name__}; a list of rulings is wanted")
    for ruling in given:
        if why := _why_unsound(ruling, len(node.children)):
            raise _fault(node, why)
    return rulings


def _why_unsound(ruling: object, children: int) -> str:  # noqa: PLR0911 - one for each kind of ruling
    """Return what is wrong with a ruling, empty where nothing is; a plugin may give anything."""
    match ruling:
        case Forward(batch) | Suppress(batch, _) if not _is_batch(batch):
            return f"{type(ruling).__name__} has a {type(batch).__name__} for a batch"
        case Suppress(_, words) | Switch(_, _, words, _) | Reconnect(_, words) if not _is_text(words):
            return f"{type(ruling).__name__} has {words!r} for a reason; a text is wanted"
        case Switch(from_child, to_child, _, silent_ns):
            if type(silent_ns) not in {int, type(None)}:
                return f"Switch has silent_ns = {silent_ns!r}; a whole number or None is wanted"
            named = (to_child,) if from_child is None else (to_child, from_child)
            return next(filter(None, (_why_no_child(child, children) for child in named)), "")
        case Wake(child) | Rest(child) | Reconnect(child):
            return _why_no_child(child, children)
        case Publish(event):
            return misfit_of_event(event)
        case Forward() | Suppress() | Lost():
            return ""
    return f"it ruled {ruling!r}"[:200] + ", which is no ruling"


def _is_batch(given: object) -> bool:
    return isinstance(given, Batch)


def _is_text(words: object) -> bool:
    return isinstance(words, str) and bool(words)


def _why_no_child(child: object, children: int) -> str:
    if type(child) is int and 0 <= child < children:
        return ""
    return f"a ruling names the child {child!r}, and there are those from 0 to {children - 1}"


def _fault(node: Node, why: str) -> PluginError:
    return PluginError(f"the route kind {node.kind} is at fault: {why}; report it to its plugin's authors")
