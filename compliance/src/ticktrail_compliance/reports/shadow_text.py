"""Tell the report on shadows to people.

Owns: the words, and the table.
Never: counts; `ticktrail_compliance.reports.shadow` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor

from ticktrail.events import ShadowHealth
from ticktrail_compliance.reports.shadow import ShadowLine, ShadowPair, ShadowReport
from ticktrail_compliance.words import moment

__all__ = ["shadow_lines"]

_HEAD = (
    "instrument",
    "channel",
    "speaker",
    "candidate",
    "coverage",
    "missing",
    "extra",
    "not compared",
    "bp mean / max",
    "speaker ms mean / p99",
    "candidate ms mean / p99",
    "later ms",
)
_TEXTS = 2


def shadow_lines(found: ShadowReport) -> Iterator[str]:
    """Yield the lines of the report."""
    if not found.pairs:
        yield (
            "the log has no summary of a shadow in this period: they are recorded every report_every_s of a shadow "
            "node and when a feed stops; a run that was killed has none of its last part"
        )
        return
    for pair in found.pairs:
        yield from _pair(pair)


def _pair(pair: ShadowPair) -> Iterator[str]:
    yield (
        f"{pair.candidate.child} in the shadow of {pair.speaker.child}: {pair.summaries:,} summaries over "
        f"{pair.over_s:,.1f} s, recorded from {moment(pair.first_ns)} to {moment(pair.last_ns)}"
    )
    for child in pair.never_up:
        yield f"  NOTHING IS PROVEN: {child} was never up in this time, so that nothing was compared"
    for line in pair.totals:
        yield f"  {line.counts.channel}: {', '.join(_decisive(line))}"
    for side in (pair.speaker, pair.candidate):
        yield f"  {_health(side)}"
    rows = [_cells(line) for line in (*pair.totals, *pair.rows)]
    yield from (f"  {line}" for line in _table([_HEAD, *rows]))
    if pair.rows_left_out:
        yield (
            f"  {pair.rows_left_out:,} rows of instruments were left out of summaries for want of room (report_rows): "
            "the totals contain them, the rows do not"
        )


def _decisive(line: ShadowLine) -> Iterator[str]:
    """Yield what a reader decides from, as far as there is any."""
    counts, figures = line.counts, line.figures
    if counts.matched_by is None:
        yield f"{counts.speaker.ticks:,} of the speaker, {counts.candidate.ticks:,} of the candidate"
    else:
        yield f"coverage {_percent(figures.coverage)}"
        yield f"{counts.missing:,} {counts.channel} missing"
        yield f"{counts.extra:,} extra"
    if figures.price_max_abs_bp is not None:
        what = "mid price" if counts.channel == "quotes" else "price"
        yield f"{what} within {figures.price_max_abs_bp:,.3g} bp"
    if figures.later_ms is not None:
        yield f"{abs(figures.later_ms):,.3f} ms {'later' if figures.later_ms >= 0 else 'earlier'}"


def _health(side: ShadowHealth) -> str:
    return f"{side.child}: down for {side.down_s:,.1f} s, {side.failures:,} failures, {side.rejected:,} ticks rejected"


def _cells(line: ShadowLine) -> tuple[str, ...]:
    counts, figures = line.counts, line.figures
    is_matched = counts.matched_by is not None
    uncompared = counts.speaker.uncompared, counts.candidate.uncompared
    return (
        counts.instrument or "all",
        counts.channel,
        f"{counts.speaker.ticks:,}",
        f"{counts.candidate.ticks:,}",
        _percent(figures.coverage),
        f"{counts.missing:,}" if is_matched else "-",
        f"{counts.extra:,}" if is_matched else "-",
        " / ".join(f"{count:,}" for count in uncompared) if is_matched else "-",
        _both(figures.price_mean_abs_bp, figures.price_max_abs_bp),
        _both(figures.speaker_mean_ms, figures.speaker_p99_ms),
        _both(figures.candidate_mean_ms, figures.candidate_p99_ms),
        "-" if figures.later_ms is None else f"{figures.later_ms:+,.3f}",
    )


def _percent(share: float | None) -> str:
    """Return a share in per cent, rounded down: 100 % is said of all alone."""
    return "-" if share is None else f"{floor(round(share * 10_000, 6)) / 100:.2f} %"


def _both(one: float | None, other: float | None) -> str:
    return "-" if one is None or other is None else f"{one:,.3f} / {other:,.3f}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows of equal width, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if place < _TEXTS else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
