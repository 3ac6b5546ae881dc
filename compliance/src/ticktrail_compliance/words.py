"""Write times and values as people read them in the lines of `audit show` and of the reports.

Owns: how a moment, a share and a field of a record look.
Never: prints.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from ticktrail.events import Event
from ticktrail_compliance.acts import Act

__all__ = ["counted", "fields", "moment", "share", "value"]

_NS_PER_S = 1_000_000_000


def moment(at_ns: int) -> str:
    """Return a time as ISO 8601 in UTC, with all nine digits of its fraction."""
    whole = datetime.fromtimestamp(at_ns // _NS_PER_S, tz=UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at_ns % _NS_PER_S:09d}Z"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count and what is counted, in the singular or the plural; None: with an ``s``."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def share(count: int, of: int) -> str:
    """Return a count, with its share where there is one."""
    return f"{count:,}" if not count or not of else f"{count:,} ({count / of:.3%})"


def value(found: object) -> str:
    """Return a field's value: text and decimals as they are, everything else as JSON."""
    return str(found) if isinstance(found, str | Decimal) else msgspec.json.encode(found).decode()


def fields(event: Event | Act, *, without: Collection[str]) -> str:
    """Return an event's fields that hold anything, name by name."""
    held = ((name, getattr(event, name)) for name in event.__struct_fields__ if name not in without)
    return ", ".join(f"{name} {value(found)}" for name, found in held if found is not None)
