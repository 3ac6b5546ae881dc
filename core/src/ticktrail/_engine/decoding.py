"""Take from a provider what it makes of its frames, whatever that is.

Owns: what stands for a payload that the decoder fails on, and for something that it gives and that is no tick.
Never: lets a decoder's own defect hurt anything but what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, get_args

from ticktrail._contracts.provider import Holding, Provider
from ticktrail._engine.bench import words_of
from ticktrail._engine.fitting import misfit_of_ticks
from ticktrail.model import ProviderId, Tick, Undecodable

__all__ = ["decode", "left_of", "without_strangers"]

_KINDS: Final = frozenset((*get_args(Tick), Undecodable))
_MOST_LETTERS = 10_000


def decode(
    provider: Provider, payloads: Sequence[bytes], recv_ns: int, name: ProviderId
) -> Sequence[Tick | Undecodable]:
    """Return what the payloads hold; each on which the decoder fails by a defect of its own is kept as it came."""
    try:
        return list(provider.decode(payloads, recv_ns))
    except Exception:  # noqa: BLE001 - a decoder is somebody else's code; the loop below says what it cannot read
        ticks: list[Tick | Undecodable] = []
    for payload in payloads:
        try:
            ticks.extend(list(provider.decode((payload,), recv_ns)))
        except Exception as exc:  # noqa: BLE001 - see above
            reason = f"the decoder failed: {words_of(exc)}"
            ticks.append(Undecodable(provider=name, recv_ns=recv_ns, raw=bytes(payload), reason=reason))
    return ticks


def left_of(provider: Provider, failed: Callable[[str], None]) -> Sequence[Tick | Undecodable]:
    """Return what a provider still holds at its end; where it fails to give it, `failed` is told by what."""
    if not isinstance(provider, Holding):
        return ()
    try:
        return list(provider.drain())
    except Exception as exc:  # noqa: BLE001 - see above
        failed(words_of(exc))
        return ()


def without_strangers(
    given: Sequence[object], recv_ns: int, name: ProviderId
) -> Sequence[Tick | Undecodable]:
    """Return the same with what is no tick, or has fields of other types than a tick, replaced by a record of it."""
    return [_taken(one, recv_ns, name) for one in given]


def _taken(one: object, recv_ns: int, name: ProviderId) -> Tick | Undecodable:
    if type(one) not in _KINDS:
        return _stranger(one, recv_ns, name, "which is no tick")
    if why := misfit_of_ticks([one]):
        return _stranger(one, recv_ns, name, f"which is not as its types say ({why})")
    return one  # type: ignore[return-value] # it is of the kinds


def _stranger(found: object, recv_ns: int, name: ProviderId, why: str) -> Undecodable:
    try:
        text = repr(found)
    except Exception:  # noqa: BLE001 - see above
        text = "it cannot be shown"
    return Undecodable(
        provider=name,
        recv_ns=recv_ns,
        raw=text[:_MOST_LETTERS].encode(errors="backslashreplace"),
        reason=f"the provider gave a {type(found).__name__}, {why}; report it to the plugin's authors",
    )
