"""Plugins are found, listed and pinned as well where another reader of metadata takes the place of Python's own.

``importlib_metadata`` does so in each process that imports it, as the libraries of OpenTelemetry do.
"""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]


def test_what_holds_of_plugins_holds_beside_another_reader_of_metadata(tmp_path):
    """The tests of the host and of its commands, once more."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "importlib_metadata", "-p", "no:cacheprovider"),
            *("--basetemp", str(tmp_path / "base"), "--deselect", "tests/unit/host/test_backport.py"),
            *(str(TESTS / "unit" / "host"), str(TESTS / "unit" / "cli" / "test_plugins.py")),
        ],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
    assert " passed" in done.stdout
