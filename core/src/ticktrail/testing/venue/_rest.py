"""Hold what every venue's REST answers have in common, faults included.

Owns: the form of an answer, the record of a request, and what the fault script answers in a venue's place.
Never: knows what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from ticktrail.testing.venue._path import VenuePath

__all__ = ["Answer", "hindrance"]

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>cloudfront</body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body, and the headers that matter."""

    status: int
    body: bytes
    retry_after_s: int = 0
    content_type: str = "application/json;charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()


async def hindrance(path: VenuePath, refused: bytes) -> Answer | None:
    """Return what the fault script answers in place of what was asked for, or None; may take its time.

    Args:
        path: Whose faults.
        refused: The body of a refusal.
    """
    refusal = path.refusal()
    if refusal is not None:
        status, wait_s = refusal
        return Answer(status, refused, wait_s)
    late = path.take("late_rest")
    if late is not None:
        await trio.sleep(late.for_s)
    page = path.take("html")
    return None if page is None else Answer(page.status, HTML, content_type="text/html")
