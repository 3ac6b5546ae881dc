"""The demonstration keeps its promises, on a made-up market and on a recorded one."""

import json

from recordings import recording
from system.program import run


def test_the_demonstration_keeps_its_promises(tmp_path):
    """Status 0 and every promise kept; its files can be verified afterwards by anybody."""
    told = json.loads(run("demo", "--json", "--out", tmp_path / "demo").stdout)
    assert told["kept"]
    assert [promise["name"] for promise in told["promises"] if not promise["kept"]] == []
    assert len(told["promises"]) == 8
    assert told["report"]["audit"]["ticks"] == told["verification"]["ticks"] > 1_000
    run("audit", "verify", told["files"]["feed"])
    text = run("audit", "show", told["files"]["feed"], "--event", "leg_switched").stdout
    assert text.count("leg_switched") == 4


def test_the_demonstration_on_a_recorded_market(tmp_path):
    """The same against real messages, their times moved to now."""
    told = json.loads(run("demo", "--json", "--recording", recording(), "--out", tmp_path / "demo").stdout)
    assert [promise for promise in told["promises"] if not promise["kept"]] == []


def test_a_recording_that_is_none_is_told(tmp_path):
    """Path and reason, status 2, no traceback."""
    done = run("demo", "--recording", tmp_path / "none.jsonl", "--out", tmp_path / "demo", status=2)
    assert "none.jsonl" in done.stderr
    assert "Traceback" not in done.stderr
