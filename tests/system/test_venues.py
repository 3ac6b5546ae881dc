"""The loopback venues as commands: what they print can be used, and what cannot be done is told."""

import json
import tomllib

import httpx
import pytest

from recordings import recording
from system.program import run, running

ALPACA = ("venue", "alpaca", "--market")


@pytest.mark.parametrize(("market", "feed"), [("stocks", "iex"), ("crypto", "us")])
def test_the_table_of_a_loopback_alpaca(market, feed):
    """It is TOML, its addresses answer, and the variables that it names are the ones to be set."""
    with running(*ALPACA, market, "--synthetic") as process:
        text = "".join(iter(process.stdout.readline, "its keys, for the feed's process:\n"))
        assert process.stdout.readline() == "\n"
        keys = dict(pair.split("=") for pair in process.stdout.readline().split()[1:])
        table = tomllib.loads(text.partition("\n")[2])["providers"]["alpaca"]
        headers = {
            "APCA-API-KEY-ID": keys[table["key_id"]["env"]],
            "APCA-API-SECRET-KEY": keys[table["secret_key"]["env"]],
        }
        base = "v2/stocks" if market == "stocks" else "v1beta3/crypto/us"
        answer = httpx.get(f"{table['rest_url']}/{base}/trades?symbols=X", headers=headers, timeout=30)
        assert answer.json() == {"trades": {}, "next_page_token": None}
    assert (table["market"], table["feed"]) == (market, feed)
    assert table["ws_url"] == table["rest_url"].replace("http", "ws")
    assert process.returncode == 0


def test_a_loopback_alpaca_for_programs():
    """One JSON object."""
    with running(*ALPACA, "stocks", "--synthetic", "--json") as process:
        addresses = json.loads(process.stdout.readline())
    assert addresses["ws_url"] == f"ws://127.0.0.1:{addresses['port']}"


def test_what_a_loopback_alpaca_cannot_do(tmp_path):
    """A recording of another market, a symbol of another one, a fault of another venue, no tape, no market."""
    script = tmp_path / "faults.toml"
    script.write_text('[[fault]]\nkind = "old_book"\nat_s = 1\n')
    pairs = recording("alpaca_crypto/official_doc_examples.jsonl.gz")
    for arguments, says in [
        (("stocks", "--recording", pairs), "the tape is of crypto"),
        (("crypto", "--synthetic", "--instrument", "AAPL"), "no symbol of Alpaca's crypto"),
        (("stocks", "--synthetic", "--faults", script), "no fault 'old_book'"),
        (("stocks",), "--recording FILE or --synthetic"),
        (("stocks", "--synthetic", "--archive"), "a made-up market has no end"),
        (("bonds", "--synthetic"), "'bonds' is not one of"),
    ]:
        done = run(*ALPACA, *arguments, status=2)
        assert says in done.stderr
        assert "Traceback" not in done.stderr
