"""Say what a case of a sink must bring, and compare what is stored with what was written.

Owns: `SinkCase`, the comparison, and that a law is skipped where nothing was compared.
Never: checks anything by itself; says how a sink stores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args
from unittest import SkipTest

from ticktrail.model import Tick
from ticktrail.plugin import Settings, Sink, SinkContext, SinkSpec
from ticktrail.testing._expect import expect
from ticktrail.wire import encode_lines

__all__ = ["SinkCase", "expect_same", "kept_of", "skip_unread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkCase:
    """One sink under given settings.

    Attributes:
        spec: As the plugin declares it.
        settings: Open an empty sink.
        context: What it is told on opening.
        stored: Reads back what the sink holds, while it is open; None for a sink that only shows: laws that compare
            are skipped then.
        stored_after: Reads back what is there once it has closed; None where nothing outlives the sink.
        keeps: What is kept of a tick, such as the columns of a row: `stored` and `stored_after` give these in place of
            ticks. Of a tick for which it gives None nothing is kept. Without it whole ticks are kept, and all of them.
        breaks: Makes an open sink unable to take anything more, such as by a full disk; None where nothing can.
        unusable: Settings under which it cannot be opened; None where there are none.
        secrets: Values that its settings refer to, and that nobody may see.
    """

    spec: SinkSpec
    settings: Settings
    context: SinkContext
    stored: Callable[[Sink], Sequence[object]] | None
    stored_after: Callable[[], Sequence[object]] | None = None
    keeps: Callable[[Tick], object] | None = None
    breaks: Callable[[Sink], None] | None = None
    unusable: Settings | None = None
    secrets: Sequence[str] = ()


def skip_unread(reads: object) -> None:
    """Skip a law for which nothing was compared."""
    if reads is None:
        raise SkipTest("the case cannot read back what was stored (stored is None)")


def kept_of(case: SinkCase, ticks: Sequence[Tick]) -> list[object]:
    """Return what is kept of ticks, as the case's `stored` gives it."""
    if case.keeps is None:
        return list(ticks)
    return [kept for tick in ticks if (kept := case.keeps(tick)) is not None]


def _as_told(case: SinkCase, kept: Sequence[object]) -> list[object]:
    """Return whole ticks in their wire form: 1.50 and 1.5 are the same number, and not the same tick."""
    if case.keeps is not None:
        return list(kept)
    return [encode_lines([one]).decode().rstrip() if isinstance(one, get_args(Tick)) else one for one in kept]


def expect_same(case: SinkCase, stored: Sequence[object], written: Sequence[Tick], when: str) -> None:
    """Fail unless what is stored is what is kept of the ticks that were written.

    Raises:
        SkipTest: Nothing is kept of them, and nothing is there.
    """
    name, found, wanted = case.spec.name, _as_told(case, stored), _as_told(case, kept_of(case, written))
    what = "ticks" if case.keeps is None else "things"
    differing = next(
        (
            f"{one!r:.200} in place of {other!r:.200}"
            for one, other in zip(found, wanted, strict=False)
            if one != other
        ),
        "the first ones are the same",
    )
    expect(
        found == wanted,
        f"{name} holds other {what} than were written, or in another order ({len(found)} of {len(wanted)}) {when}: "
        f"{differing}",
    )
    if not wanted:
        raise SkipTest(f"{name} keeps nothing of what was written (keeps gives None for it)")
