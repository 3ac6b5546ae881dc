"""The key of every log here, in a variable: each user of the machine can be given it."""

import pytest

from unit.compliance.access.people import KEY, Place


@pytest.fixture(autouse=True)
def key(monkeypatch):
    for name, value in KEY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def place(tmp_path, database):
    return Place(tmp_path, database)
