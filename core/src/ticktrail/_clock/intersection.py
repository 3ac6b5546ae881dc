"""Find the time that a majority of sources agrees on, and who cannot be right.

Owns: the agreement of several measurements. Pure.
Never: asks anybody, or judges whether the clock is in tolerance.

Each measurement is an interval that holds the true offset if its source is honest. As in the select algorithm of
RFC 5905 (June 2010), section 11.2.1, after Marzullo, the outermost points that a majority of the intervals covers are
looked for, and an interval that lies outside of them is a false ticker. The RFC assumes as few false tickers as the
intervals allow, and so may be left with less than the truth where a liar overlaps the honest; here as many are assumed
as a majority can bear. The price is a wider interval; what it buys is proof: while most of the sources are honest, the
truth lies within `bound_ns`, whatever the others say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ticktrail._clock.ntp import Measurement, best

__all__ = ["Agreement", "intersect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """True time = local time + `offset_ns`, within ± `bound_ns`, if most of the sources are honest.

    `server` is the used source that knows best; its offset is taken, `bound_ns` reaches to the far end of what the
    majority covers.
    """

    server: str
    offset_ns: int
    bound_ns: int
    used: Sequence[Measurement]
    false_tickers: Sequence[Measurement]


def intersect(measurements: Iterable[Measurement]) -> Agreement | None:
    """Return what most of the measurements agree on; None where no majority does, or there is none at all.

    One measurement alone is its own majority; of two, both must agree.
    """
    found = sorted(measurements, key=lambda one: (one.offset_ns, one.bound_ns, one.server))
    majority = len(found) // 2 + 1
    low = _outermost(
        [(one.offset_ns - one.bound_ns, one.offset_ns + one.bound_ns) for one in found], majority
    )
    mirrored = _outermost(
        [(-one.offset_ns - one.bound_ns, -one.offset_ns + one.bound_ns) for one in found], majority
    )
    if low is None or mirrored is None:
        return None
    high = -mirrored
    used = [
        one for one in found if one.offset_ns - one.bound_ns <= high and one.offset_ns + one.bound_ns >= low
    ]
    central = [one for one in used if low <= one.offset_ns <= high]
    chosen = best(central or used)
    offset_ns = min(max(chosen.offset_ns, low), high)
    return Agreement(
        server=chosen.server,
        offset_ns=offset_ns,
        bound_ns=max(high - offset_ns, offset_ns - low),
        used=used,
        false_tickers=[one for one in found if one not in used],
    )


def _outermost(intervals: Sequence[tuple[int, int]], majority: int) -> int | None:
    """Return the least point that a majority of the intervals covers; their ends are part of them."""
    opening, closing = 0, 1
    edges = sorted([(low, opening) for low, _ in intervals] + [(high, closing) for _, high in intervals])
    covering = 0
    for point, kind in edges:
        covering += 1 if kind == opening else -1
        if covering >= majority:
            return point
    return None
