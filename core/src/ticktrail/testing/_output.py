"""Keep what a plugin shows, logs and prints, and look for secrets in it.

Owns: the forms in which a secret is looked for.
Never: hides anything; what a plugin may not show is its own matter.
"""

from __future__ import annotations

import base64
import contextlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from ticktrail.testing._expect import expect

__all__ = ["Output", "expect_no_secret", "kept_output"]


class Output:
    """What was logged, at any level, and printed."""

    def __init__(self) -> None:
        self._printed = io.StringIO()
        self._logged = io.StringIO()
        self.handler = logging.StreamHandler(self._logged)

    @property
    def printed(self) -> io.StringIO:
        """Stands in for standard output and standard error."""
        return self._printed

    def text(self) -> str:
        """Return all of it."""
        return self._printed.getvalue() + self._logged.getvalue()


@contextlib.contextmanager
def kept_output() -> Iterator[Output]:
    """Keep what is logged and printed until the body ends."""
    output = Output()
    root = logging.getLogger()
    level = root.level
    root.addHandler(output.handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(output.printed), contextlib.redirect_stderr(output.printed):
            yield output
    finally:
        root.removeHandler(output.handler)
        root.setLevel(level)


def expect_no_secret(secrets: Sequence[str], shown: Mapping[str, str], name: str) -> None:
    """Fail where a secret stands in one of these texts, as it is or as it is often encoded."""
    for where, text in shown.items():
        for secret in secrets:
            expect(not any(form in text for form in _forms(secret)), f"{name}: a secret stands in {where}")


def _forms(secret: str) -> tuple[str, ...]:
    raw = secret.encode()
    return (
        secret,
        repr(secret)[1:-1],
        quote(secret, safe=""),
        raw.hex(),
        base64.b64encode(raw).decode("ascii").rstrip("="),
        base64.urlsafe_b64encode(raw).decode("ascii").rstrip("="),
    )
