"""Hold what came of one request, whatever it was.

Owns: `Reply`. It crosses from the worker thread as a value: the frames of an exception from there would hold the
request's headers, and with them the secret.
Never: knows how the request was made.
"""

from __future__ import annotations

from dataclasses import dataclass

from ticktrail.net import Carrier

__all__ = ["NO_REPLY", "Reply"]

NO_REPLY = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a request.

    Attributes:
        status: Of HTTP; `NO_REPLY` where nothing came that is an answer.
        answer: The JSON document of a status 200.
        code: The venue's own, where it refuses.
        said: The venue's words where it refuses; where nothing came, why.
        remaining: The header that says how many more requests it takes until `reset`.
        reset: The header that says when it counts anew, in seconds since the epoch.
        retry_after: The header of that name.
        is_untrusted: The certificate was not to be trusted.
        carrier: What protected the connection that brought it; None where nothing came.
    """

    status: int
    answer: object = None
    code: int = 0
    said: str = ""
    remaining: str = ""
    reset: str = ""
    retry_after: str = ""
    is_untrusted: bool = False
    carrier: Carrier | None = None
