"""Say what was verified and what was checked.

Owns: one frozen Struct a kind of act.
Never: judges a control; `ticktrail_compliance.checks` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail_compliance.acts.base import ActBase, Actor

__all__ = ["ChecksRun", "ControlResult", "Found", "LogVerified"]

Found: TypeAlias = Literal["passed", "failed", "not_applicable", "unknown"]
"""What was found of a control."""


class ControlResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one control; `evidence` is the entry of the log that shows it, None where none does."""

    control: str
    found: Found
    detail: str
    evidence: int | None = None


class ChecksRun(ActBase, frozen=True, tag="checks_run"):
    """Every control was looked at; `failed` counts those that failed.

    `feed` is the feed file by its path, `feed_sha256` is of its bytes; entries of earlier versions have neither.
    """

    actor: Actor
    failed: int
    results: Sequence[ControlResult]
    feed: str = ""
    feed_sha256: str = ""


class LogVerified(ActBase, frozen=True, tag="log_verified"):
    """The log was verified, up to entry `size`; `head` is the digest of that one.

    `mode` is ``full``, or ``quick`` where contents were not opened; `findings` counts what was not as sealed, up to
    100.
    """

    actor: Actor
    sound: bool
    mode: Literal["full", "quick"]
    size: int
    findings: int
    head: str
