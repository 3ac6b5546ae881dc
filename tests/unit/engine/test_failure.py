"""What the end of a session means: whose fault it was, and which of several errors counts."""

import pytest

from ticktrail._engine.failure import failure_of
from ticktrail.errors import ConfigError, PermanentError, TransientError

LOST = TransientError("cut", provider="a")
REFUSED = PermanentError("wrong key", provider="a")


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (LOST, LOST),
        (ExceptionGroup("tasks", [LOST, ExceptionGroup("more", [REFUSED])]), REFUSED),
        (ExceptionGroup("tasks", [REFUSED, LookupError("x")]), REFUSED),
    ],
)
def test_a_permanent_error_outweighs_the_others(exc, expected):
    """Of several tasks' errors, however deep; one alone is itself."""
    assert failure_of(exc, "a") is expected


def test_a_defect_is_the_plugin_s():
    """An exception of no kind of ours: the message says whose authors to tell."""
    found = failure_of(ExceptionGroup("tasks", [LOST, LookupError("x")]), "a")
    assert isinstance(found, PermanentError)
    assert (found.cause, found.provider) == ("defect", "a")
    assert "report it to the plugin's authors" in str(found)


def test_what_a_person_must_mend_is_no_defect():
    """A recording that cannot be read is the person's own file: the message stands as it is."""
    found = failure_of(ConfigError("r.jsonl, line 200: no line of a recording"), "a")
    assert isinstance(found, PermanentError)
    assert (found.cause, str(found)) == ("settings", "r.jsonl, line 200: no line of a recording")
