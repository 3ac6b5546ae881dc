"""Find what a feed for production must not have.

Owns: what the profile refuses, and its words: made-up data, plain text over a network, ticks that nobody journals.
Never: knows a venue or a journal; the specs of the plugins say where they speak and what they keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from ticktrail._contracts.observer import ObserverSpec
from ticktrail._contracts.provider import ProviderSpec
from ticktrail._contracts.settings import Settings
from ticktrail._contracts.sink import SinkSpec
from ticktrail._plan.model import LegPlan, ObserverPlan, SinkPlan
from ticktrail._settings.document import Document, spell
from ticktrail._settings.positions import Path
from ticktrail.address import find_plain_text
from ticktrail.errors import PluginError

__all__ = ["Unfit", "find_unfit", "judge"]

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s]*?(?=[\s,;]+[A-Za-z][A-Za-z0-9+.-]*://|\s|$)")
"""Each address of a text that may hold several: a comma before another scheme ends one, a comma between hosts not."""


_INSTALL: Final = "install a plugin that keeps one, such as ours: pip install 'ticktrail[compliance]'"


@dataclass(frozen=True, slots=True)
class Unfit:
    """One reason why a feed is not for production: where it stands, what it is, and what to do."""

    at: Path
    what: str
    remedy: str


def find_unfit(
    document: Document,
    legs: Sequence[LegPlan],
    sinks: Sequence[SinkPlan],
    observers: Sequence[ObserverPlan],
    known: Mapping[str, ObserverSpec],
) -> tuple[Unfit, ...]:
    """Return every reason, each once.

    Args:
        document: The feed file.
        legs: Those of the route; what stands outside of it is not opened.
        sinks: Those without a fault.
        observers: Those whose tables stand in the file without a fault.
        known: All that are installed.

    Raises:
        PluginError: A plugin cannot say where it speaks, or what it keeps.
    """
    found = (
        *_made_up(legs),
        *_plain_text(document, legs, sinks, observers),
        *_not_journalled(document, observers, known),
    )
    return tuple(dict.fromkeys(found))


def judge(
    document: Document, profile: Literal["production", "development"], found: Iterable[Unfit]
) -> tuple[str, ...]:
    """Return what was found with its places, or, in a feed for production, note each as a fault."""
    if profile == "production":
        for one in found:
            document.blame(
                one.at,
                f'{one.what}, which a production feed refuses; {one.remedy}, or set profile = "development" in [feed]',
            )
        return ()
    return tuple(document.locate(one.at, f"{one.what}; {one.remedy}") for one in found)


def _made_up(legs: Iterable[LegPlan]) -> Iterator[Unfit]:
    for leg in legs:
        if leg.capabilities.synthetic:
            yield Unfit(
                ("providers", leg.name), f'leg "{leg.name}" makes its data up', "take it out of the route"
            )


def _plain_text(
    document: Document,
    legs: Iterable[LegPlan],
    sinks: Iterable[SinkPlan],
    observers: Iterable[ObserverPlan],
) -> Iterator[Unfit]:
    parts: tuple[tuple[Path, ProviderSpec | SinkSpec | ObserverSpec, Settings], ...] = (
        *((("providers", leg.name), leg.spec, leg.settings) for leg in legs),
        *((sink.at, sink.spec, sink.settings) for sink in sinks),
        *(((observer.spec.name,), observer.spec, observer.settings) for observer in observers),
    )
    for at, spec, settings in parts:
        for key, url in _addresses(spec, settings):
            plain = find_plain_text(url)
            if plain is not None:
                place = (*at, *key)
                yield Unfit(place if place in document.positions else at, plain.what, plain.remedy)


def _addresses(
    spec: ProviderSpec | SinkSpec | ObserverSpec, settings: Settings
) -> Iterable[tuple[Path, str]]:
    """Return where a part of the feed speaks, by key: as its spec says, or else every URL of its table."""
    if spec.addresses is None:
        return _urls((), settings)
    try:
        return [(tuple(key.split(".")), url) for key, url in spec.addresses(settings).items()]
    except Exception as exc:
        raise PluginError(
            f"{spec.name} cannot say where it speaks ({type(exc).__name__}: {exc}); mend or remove its plugin"
        ) from exc


def _urls(at: Path, value: object) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        for found in _URL.findall(value):
            yield at, found
    elif isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _urls((*at, field.encode_name), getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _urls((*at, str(key)), part)
    elif isinstance(value, list | tuple | set | frozenset):
        for number, part in enumerate(value):
            yield from _urls((*at, number), part)


def _not_journalled(
    document: Document, observers: Iterable[ObserverPlan], known: Mapping[str, ObserverSpec]
) -> Iterator[Unfit]:
    """Tell that no observer keeps a journal; one whose table has a fault is taken to keep it, once that is mended."""
    able = sorted(name for name, spec in known.items() if spec.unjournalled is not None)
    off: list[Unfit] = []
    sound = {observer.spec.name: observer for observer in observers}
    for name in able:
        if name not in document.tables:
            continue
        why = _unjournalled(sound[name]) if name in sound else None
        if why is None:
            return
        off.append(_at_key(document, name, why))
    if off:
        yield from off
        return
    remedy = f"add {spell(f'[{name}]' for name in able)}" if able else _INSTALL
    at: Path = ("feed", "profile")
    yield Unfit(
        at if at in document.positions else ("feed",), "no observer of this file journals the ticks", remedy
    )


def _unjournalled(observer: ObserverPlan) -> str | None:
    ask = observer.spec.unjournalled
    try:
        return None if ask is None else ask(observer.settings)
    except Exception as exc:
        raise PluginError(
            f"observer {observer.spec.name} cannot say what it keeps ({type(exc).__name__}: {exc}); "
            "mend or remove its plugin"
        ) from exc


def _at_key(document: Document, name: str, why: str) -> Unfit:
    key, _, rest = why.partition(": ")
    what, _, remedy = rest.partition("; ")
    at = (name, key) if (name, key) in document.positions else (name,)
    return Unfit(at, what, remedy)
