"""Turn the venue's times into nanoseconds since the epoch, UTC, without a float on the way.

Owns: RFC 3339 as the web socket writes it, and seconds with a fraction as REST does.
Never: rounds: what is finer than a nanosecond is cut off.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

__all__ = ["ns_of_seconds", "ns_of_text", "text_of_ns"]

NS_PER_S = 1_000_000_000
MOST_NS = 2**63
"""In the year 2262: as many nanoseconds as 64 bits hold."""
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@lru_cache(maxsize=1_024)
def _second(text: str, zone: str) -> int:
    offset = "+00:00" if zone in "Zz" else zone
    return round(datetime.fromisoformat(text.upper() + offset).timestamp())


def ns_of_text(text: str) -> int:
    """Return the moment of an RFC 3339 text, such as ``2026-11-30T03:30:26.123456789Z``.

    Raises:
        ValueError: It is none, or lies beyond what a tick can hold.
    """
    parts = _RFC3339.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text[:40]!r} is no time as RFC 3339 writes it")
    second, fraction, zone = parts.groups()
    at_ns = _second(second, zone) * NS_PER_S + int((fraction or "0")[:9].ljust(9, "0"))
    if not 0 <= at_ns < MOST_NS:
        raise ValueError(f"{text[:40]!r} lies beyond the times that a tick can have")
    return at_ns


def ns_of_seconds(seconds: Decimal) -> int:
    """Return the moment of seconds since the epoch.

    Raises:
        ValueError: They are no number, or lie beyond what a time could be.
    """
    if not seconds.is_finite() or not 0 <= seconds < MOST_NS // NS_PER_S:
        raise ValueError(f"{seconds} s are no time")
    return int(seconds.scaleb(9))


def text_of_ns(at_ns: int) -> str:
    """Return a moment as the web socket writes it, to the nanosecond."""
    moment = datetime.fromtimestamp(at_ns // NS_PER_S, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % NS_PER_S:09d}Z"
