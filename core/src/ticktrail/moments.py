"""Turn the times of messages into nanoseconds and back, to the last digit.

Owns: RFC 3339 texts, seconds with a fraction, and which moments a tick can hold.
Never: passes a time through a float, which has no room for nanoseconds of this century.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

__all__ = ["MOST_NS", "NS_PER_S", "ns_of_rfc3339", "ns_of_seconds", "rfc3339_of_ns"]

NS_PER_S: Final = 1_000_000_000
MOST_NS: Final = 2**63
"""In the year 2262: as many nanoseconds as 64 bits hold. A tick's times are below it."""
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,18}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def ns_of_rfc3339(text: str) -> int:
    """Return the moment of a text such as ``2026-11-30T03:30:26.123456789Z``, UTC nanoseconds since 1970.

    An offset such as ``+09:00`` is reckoned off; what is finer than a nanosecond is cut.

    Raises:
        ValueError: It is no such text, or lies beyond what a tick can hold.

    Source: RFC 3339 section 5.6.
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
    """Return the moment of seconds since 1970, to the nanosecond; what is finer is cut.

    Raises:
        ValueError: They are no number, or lie beyond what a tick can hold.
    """
    if not seconds.is_finite() or not 0 <= seconds < MOST_NS // NS_PER_S:
        raise ValueError(f"{str(seconds)[:40]} s are no time")
    return int(seconds.scaleb(9))


def rfc3339_of_ns(at_ns: int) -> str:
    """Return a moment as RFC 3339 in UTC, with nine digits behind the second."""
    seconds, rest = divmod(at_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


@lru_cache(maxsize=1_024)
def _second(text: str, zone: str) -> int:
    offset = "+00:00" if zone in "Zz" else zone
    return round(datetime.fromisoformat(text.upper() + offset).timestamp())
