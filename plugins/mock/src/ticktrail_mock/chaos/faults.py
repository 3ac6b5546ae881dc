"""Draw up what goes wrong, when and where.

Owns: the schedule of a seed: which faults, on which of the two venues, for how long.
Never: lets both venues fail at the same time for longer than a moment: a feed cannot bring what nobody sends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ticktrail.testing.venue import Fault

__all__ = ["PATHS", "QUIET_S", "draw"]

PATHS = ("/a", "/b")
QUIET_S = 6.0
"""Seconds without a new fault at the beginning and at the end, and after each fault at least."""
_LONGEST_S = 4.0


def draw(seed: int, seconds: float, symbols: Sequence[str]) -> Sequence[Fault]:
    """Return the faults of so many seconds, the same for the same seed.

    Args:
        seed: Of everything that is drawn.
        seconds: How long the run is.
        symbols: In the venue's words, such as ``BTCUSDT``: one at a time is hit alone.
    """
    random = Random(f"ticktrail chaos {seed}")  # noqa: S311 - repeatable on purpose
    faults: list[Fault] = []
    at_s = QUIET_S
    while at_s < seconds - QUIET_S - _LONGEST_S:
        path = PATHS[0] if random.random() < 0.7 else PATHS[1]
        kind = random.choice(list(_KINDS))
        faults += _KINDS[kind](random, path, at_s, random.choice(symbols).lower())
        at_s += random.uniform(QUIET_S, 2 * QUIET_S)
    return faults


def _mute(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    del symbol
    return [Fault(kind="mute", path=path, at_s=at_s, for_s=random.uniform(1.5, _LONGEST_S))]


def _half_dead(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    """One instrument's trades alone fall silent, while its quotes and all others go on."""
    return [
        Fault(
            kind="mute", path=path, at_s=at_s, for_s=random.uniform(1.5, _LONGEST_S), stream=f"{symbol}@trade"
        )
    ]


def _forgotten(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    """The venue forgets a subscription; a cut some seconds later brings it back."""
    return [
        Fault(kind="forget", path=path, at_s=at_s, stream=f"{symbol}@bookTicker"),
        Fault(kind="cut", path=path, at_s=at_s + random.uniform(2.0, _LONGEST_S)),
    ]


def _cut(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    del random, symbol
    return [Fault(kind="cut", path=path, at_s=at_s)]


def _refused(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    """Cut, and not let in again for a while."""
    del symbol
    return [
        Fault(kind="refuse", path=path, at_s=at_s, for_s=random.uniform(1.0, _LONGEST_S)),
        Fault(kind="cut", path=path, at_s=at_s),
    ]


def _garbled(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    del symbol
    return [Fault(kind="garble", path=path, at_s=at_s, count=random.randint(1, 60))]


def _skipped(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    return [Fault(kind="skip", path=path, at_s=at_s, count=random.randint(1, 5), stream=f"{symbol}@trade")]


def _lying(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    """Prices that are wrong by half, of one instrument or of all."""
    stream = f"{symbol}@trade" if random.random() < 0.5 else ""
    return [
        Fault(kind="lie", path=path, at_s=at_s, for_s=random.uniform(0.5, 2.0), stream=stream, factor=1.5)
    ]


def _slow(random: Random, path: str, at_s: float, symbol: str) -> Sequence[Fault]:
    del symbol
    return [
        Fault(kind="slow", path=path, at_s=at_s, for_s=random.uniform(0.5, 1.5), rate=random.uniform(50, 200))
    ]


_KINDS: dict[str, Callable[[Random, str, float, str], Sequence[Fault]]] = {
    "mute": _mute,
    "half_dead": _half_dead,
    "forgotten": _forgotten,
    "cut": _cut,
    "refused": _refused,
    "garbled": _garbled,
    "skipped": _skipped,
    "lying": _lying,
    "slow": _slow,
}
