"""Say what the firm did to oversee who serves it.

Owns: one frozen Struct a kind of act.
Never: decides when a review is due; `ticktrail_compliance.oversight` does.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from ticktrail_compliance.acts.base import ActBase, Actor

__all__ = ["ProviderReviewed", "ReviewOutcome"]

ReviewOutcome: TypeAlias = Literal["ok", "concerns", "failed"]
"""What came of a review."""


class ProviderReviewed(ActBase, frozen=True, tag="provider_reviewed"):
    """A service provider was reviewed; `next_review` is the day of the next one, ``YYYY-MM-DD``."""

    actor: Actor
    provider: str
    outcome: ReviewOutcome
    note: str
    next_review: str
