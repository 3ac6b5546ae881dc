"""A feed with an anchor, through the program: sound, and found out once its database is put back."""

import json
import shutil

from system.program import run

FEED = """\
[feed]
name = "anchored"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

[clock]
servers = []

[compliance]
key = { file = "audit.key" }
anchors = ["elsewhere/anchor.txt"]
"""


def test_a_database_that_is_put_back_is_found(tmp_path):
    """Two runs, a copy between them: as it is it verifies, with yesterday's copy it does not, and runs no more."""
    (tmp_path / "elsewhere").mkdir()
    feed = tmp_path / "feed.toml"
    feed.write_text(FEED)
    run("run", feed, "--max-ticks", 20)
    shutil.copy(tmp_path / "audit.db", tmp_path / "yesterday.db")
    yesterday = json.loads(run("audit", "verify", feed, "--json").stdout)
    run("run", feed, "--max-ticks", 20)
    today = json.loads(run("audit", "verify", feed, "--json").stdout)
    assert yesterday["checkpoints"] >= 1
    assert today["checkpoints"] >= 2

    proof = run("audit", "prove", feed, today["entries"]).stdout
    assert f"index {today['entries'] - 1}\n" in proof

    shutil.copy(tmp_path / "yesterday.db", tmp_path / "audit.db")
    missing = today["entries"] - yesterday["entries"]
    told = json.loads(run("audit", "verify", feed, "--json", status=1).stdout)
    assert not told["sound"]
    assert told["findings"][0]["seq"] == yesterday["entries"] + 1
    assert f"the tail was cut off: {missing} entries are missing" in told["findings"][0]["what"]
    assert "the tail was cut off" in run("audit", "verify", feed, status=1).stderr
    assert "nothing is signed" in run("run", feed, "--max-ticks", 20, status=2).stderr
    assert "nothing is signed" in run("audit", "checkpoint", feed, status=2).stderr
