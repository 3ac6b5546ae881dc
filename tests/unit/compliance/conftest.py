"""Both event loops, since the log runs in a worker thread of either; both databases; and a bare interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unit.compliance.logs import SQLITE, postgres


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The URL of a database for a new log."""
    if request.param == "sqlite":
        yield SQLITE
        return
    with postgres() as url:
        yield url


def pinned(*names):
    """The lock's lines of some packages, with their hashes."""
    blocks = (Path(__file__).parents[3] / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    return "\n".join(line for line in blocks if line.split("==")[0] in names)


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """An interpreter that has `cryptography` and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "requirements.txt").write_text(pinned("cryptography", "cffi", "pycparser"))
    python = folder / "venv/bin/python"
    pip = [python, "-m", "pip", "--quiet", "install", "--require-hashes", "-r", folder / "requirements.txt"]
    try:
        for command in ([sys.executable, "-m", "venv", folder / "venv"], pip):
            subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    except subprocess.SubprocessError as exc:
        if os.environ.get("TICKTRAIL_REQUIRE_SERVICES"):
            raise
        pytest.skip(f"cryptography cannot be installed here: {exc}")
    return python
