"""Give what is told of a service provider its form, for text and JSON alike.

Owns: the Structs of ``ticktrail compliance providers``.
Never: reads or words anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail_compliance.oversight.history import LegHistory

__all__ = ["IncidentTold", "Listed", "PluginTold", "ReviewTold", "Shown"]


class PluginTold(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin as it took part in the feed's last run; `sha256` is over the files of its distribution."""

    name: str
    distribution: str
    version: str
    sha256: str


class ReviewTold(msgspec.Struct, frozen=True, kw_only=True):
    """A review, which entry `seq` tells of."""

    seq: int
    at_ns: int
    by: str
    outcome: str
    note: str
    next_review: str


class IncidentTold(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the log tells of an incident, in entry `seq`; `event` is the kind of record."""

    seq: int
    at_ns: int
    event: str


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A provider: what the policy says of it, and when it is to be reviewed; dates are ``YYYY-MM-DD``."""

    name: str
    kind: str
    legs: Sequence[str]
    contact: str
    contract_date: str | None
    notice_hours: int
    certifications: Sequence[str]
    plugins: Sequence[PluginTold]
    last_review: ReviewTold | None
    next_review: str | None
    overdue: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, and what the log says of it in a period."""

    provider: Listed
    from_ns: int | None
    to_ns: int | None
    legs: Sequence[LegHistory]
    reviews: Sequence[ReviewTold]
    incidents: Sequence[IncidentTold]
