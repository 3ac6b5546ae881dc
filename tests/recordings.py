"""Find the recordings that tests play; they lie beside the project and are not copied into it."""

import os
from pathlib import Path

import pytest

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
SPOT = "binance_spot/hft_btcusdt_20240808-09.jsonl.gz"


def recording(name: str = SPOT) -> Path:
    """Return a recording's path; skip the test where there is none, fail it in CI."""
    path = RECORDINGS / name
    if not path.exists():
        reason = f"no recording at {path}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return path
