"""What every test of the workspace has in common."""

import tempfile

import pytest
from hypothesis import settings

from ticktrail._contracts import known_secrets
from ticktrail.net import _allowance
from ticktrail_binance.live import attempts

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def anyio_backend():
    """The backend of production; a folder whose code needs no trio-websocket asks for asyncio as well."""
    return "trio"


@pytest.fixture(scope="session", autouse=True)
def _folders_of_their_own(tmp_path_factory):
    """Let each pytest that a test starts have its temporary folders elsewhere.

    Each closes the folder of this user's temporary folders to everybody else, where other tests let other users in.
    """
    tmp_path_factory.getbasetemp()  # of this run's own; made before
    with tempfile.TemporaryDirectory(prefix="tests-") as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTEST_DEBUG_TEMPROOT", folder)
        yield


@pytest.fixture(autouse=True)
def _allowances_of_its_own(monkeypatch):
    """What a process may ask of a host is remembered by address, and the ports of loopback venues come again.

    A test would wait for what an earlier one had used up of the same port, or under its lower limit.
    """
    monkeypatch.setattr(_allowance, "_allowances", {})
    monkeypatch.setattr(attempts, "_attempts", {})


@pytest.fixture(autouse=True)
def _secrets_of_its_own(monkeypatch):
    """A process keeps every secret that was resolved in it out of all texts: another test's would hide this one's."""
    monkeypatch.setattr(known_secrets, "_forms", {})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let a report travel from the process of the test: text that is no UTF-8, as a test may log, cannot."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report
