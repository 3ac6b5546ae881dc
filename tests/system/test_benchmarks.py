"""The benchmarks run: what they measure is nobody's business here, that they still can is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recordings import recording

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("script", "options"), [("run.py", ["--ticks", "2000"]), ("rules.py", ["--ticks", "2000"])]
)
def test_a_benchmark_runs(script, options):
    """One round over the beginning of the recording, told as JSON."""
    command = [sys.executable, str(BENCHMARKS / script), "--recording", str(recording()), "--rounds", "1"]
    done = subprocess.run(
        [*command, "--json", *options], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
