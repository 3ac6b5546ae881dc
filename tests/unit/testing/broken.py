"""Show that a law of the kit can be broken."""

from collections.abc import Iterable

import pytest

from ticktrail.testing._laws import law_of, laws_of


def expect_broken(suite: type, number: str, case: object) -> None:
    """Fail unless the law's check fails for the case, and says the law's number."""
    with pytest.raises(AssertionError, match=rf"^{number}: "):
        getattr(suite(), check_of(suite, number))(case)


def check_of(suite: type, number: str) -> str:
    """Return the name of a law's check."""
    [check] = [
        name for name in dir(suite) if (found := law_of(getattr(suite, name))) and found.number == number
    ]
    return check


def expect_all_proven(suite: type, numbers: Iterable[str]) -> None:
    """Fail unless these are the numbers of all laws of the suite, and each check of it is a law."""
    assert {one.number for one in laws_of(suite)} == set(numbers)
    checks = [name for name in dir(suite) if name.startswith("test_")]
    assert [name for name in checks if law_of(getattr(suite, name)) is None] == []
    assert len({one.number for one in laws_of(suite)}) == len(checks)
