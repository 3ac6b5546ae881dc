"""What the status tells people of the next try of a leg."""

import pytest

from ticktrail.cli.ctl import _next_try
from ticktrail.status import LegStatus


@pytest.mark.parametrize(
    ("state", "breaker", "retry_in_s", "words"),
    [
        ("down", "open", 1234.56, ", next try in 1,234.6 s"),
        ("down", "closed", 0.2, ", next try in 0.2 s"),
        ("down", "open", None, ", not tried again by itself"),
        ("live", "closed", None, ""),
    ],
)
def test_the_next_try(state, breaker, retry_in_s, words):
    """When it is, or that nobody but a person will have it tried."""
    leg = LegStatus(
        state=state,
        breaker=breaker,
        failures=1,
        sessions=0,
        received=0,
        retry_in_s=retry_in_s,
        health=None,  # type: ignore[arg-type] # not looked at
    )
    assert _next_try(leg) == words
