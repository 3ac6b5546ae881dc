"""A feed lives through chaos: every promise is kept, whatever the seed."""

import json

import pytest

from system.program import run
from ticktrail_mock.chaos.faults import PATHS, draw


def chaos(folder, seed, seconds, *, limit_s):
    done = run("chaos", "--json", "--seed", seed, "--seconds", seconds, "--out", folder, limit_s=limit_s)
    told = json.loads(done.stdout)
    assert [promise for promise in told["promises"] if not promise["kept"]] == []
    assert len(told["promises"]) == 8
    assert told["kept"]
    return told


def test_forty_seconds_of_it(tmp_path):
    """Two venues, twenty instruments, a fault every nine seconds."""
    told = chaos(tmp_path / "chaos", 1, 40, limit_s=180)
    assert len(told["faults"]) >= 3
    assert len(told["report"]["switches"]) > 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_half_an_hour_of_it(tmp_path, seed):
    """The same for so long that every kind of fault has come to both venues."""
    told = chaos(tmp_path / "chaos", seed, 1_800, limit_s=2_400)
    assert {fault["kind"] for fault in told["faults"]} >= {
        "mute",
        "cut",
        "garble",
        "lie",
        "refuse",
        "slow",
        "forget",
    }
    assert {fault["path"] for fault in told["faults"]} == set(PATHS)


def test_a_seed_gives_its_faults_again():
    """In every run and on every machine; another seed gives others; none comes too soon after another."""
    one, again, other = (draw(seed, 1_800, ["BTCUSDT", "ETHUSDT"]) for seed in (5, 5, 6))
    assert one == again != other
    times = [fault.at_s for fault in one]
    assert times == sorted(times)
    assert len(one) > 100
