"""The search for plain text: it finds every form wherever it stands, and nothing where nothing is."""

import base64
import io
import os
import sqlite3

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_compliance.checks.at_rest import needles_of, places
from ticktrail_compliance.checks.facts import gather
from ticktrail_compliance.checks.plaintext import LEAST_BYTES, Needle, forms_of, prove, search, search_file
from ticktrail_compliance.checks.sample import sample
from unit.compliance.checks.stage import Stage
from unit.compliance.logs import opened, routed, write

PRICE = "61837.63000000"
PAIR = "BTC/USDT"
WRITTEN = {
    "utf-8": lambda text: text.encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "json": lambda text: msgspec.json.encode([text]),
    "msgpack": lambda text: msgspec.msgpack.encode([text]),
    "escaped": lambda text: text.replace("/", "\\/").encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "base64 alone": lambda text: base64.b64encode(text.encode()),
    "base64 behind one": lambda text: base64.b64encode(b"x" + text.encode()),
    "base64 behind two": lambda text: base64.b64encode(b"xy" + text.encode() + b"z"),
}


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("value", [PRICE, PAIR, "EXAMPLE-INSTRUMENT"])
def test_a_text_is_found_in_every_form(form, value):
    """As other programs would write it, between other bytes."""
    data = b"\x00\xff" + WRITTEN[form](value) + b"\xff\x00"
    assert list(search(io.BytesIO(data), forms_of("price", value)))


@pytest.mark.parametrize("value", ["AAPL", 123_456, 2**53])
def test_what_is_short_is_found_behind_its_name(value):
    """As JSON and MessagePack write a tick's field."""
    for encode in (msgspec.json.encode, msgspec.msgpack.encode):
        data = encode({"a": 1, "id": value, "z": 2})
        assert list(search(io.BytesIO(data), forms_of("id", value)))


@given(st.text(min_size=6, max_size=40), st.integers(0, 200))
def test_no_form_is_missed_across_two_reads(value, before):
    """Wherever it lies."""
    for needle in forms_of("price", value):
        assert len(needle.data) >= LEAST_BYTES
        data = bytes(before) + needle.data + bytes(99)
        assert list(search(io.BytesIO(data), [needle], chunk_bytes=32)) == [needle]


def test_the_search_proves_itself():
    """Each needle is planted and found; among random bytes alone there is none."""
    sound = forms_of("instrument", PAIR)
    assert prove(sound) == []
    assert list(search(io.BytesIO(os.urandom(4_000_000)), sound)) == []


def test_no_more_of_a_file_is_read_than_is_asked_for(tmp_path):
    """From its end."""
    needle = Needle("price", "utf-8", PRICE.encode())
    path = tmp_path / "file"
    path.write_bytes(PRICE.encode() + bytes(1_000))
    assert search_file(path, [needle], 1_000) == ([], 1_000)
    assert search_file(path, [needle], 10_000) == ([needle], 1_000 + len(PRICE))


def test_what_is_looked_for_stands_in_the_decrypted_content(tmp_path, database):
    """The needles are of what the log holds: each field's is in a segment's content, as it was before it was sealed."""
    anyio.run(lambda: write(tmp_path, [routed(100_001), routed(100_002)], database=database))
    with opened(tmp_path, database=database) as log:
        taken = sample(log)
    needles = needles_of(taken)
    assert {one.what for one in needles} >= {"instrument", "price", "id", "segment"}
    packed = taken[-1].packed
    assert [one.what for one in search(io.BytesIO(packed), needles) if one.form == "compressed"] == [
        "segment"
    ]
    content = msgspec.msgpack.encode(list(taken[-1].ticks))
    assert {"instrument", "price", "id"} <= {one.what for one in search(io.BytesIO(content), needles)}


@pytest.mark.parametrize(
    "where", ["audit.db-wal", "audit-keys.db", "audit-spool/x", "anchor.txt", ".audit.key.1"]
)
def test_every_place_is_searched(tmp_path, where):
    """Files of the log, its keys, its spool, its anchors, and what is left of making a key."""
    stage = Stage(tmp_path, "sqlite:///audit.db").build()
    path = tmp_path / where
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(tmp_path / "audit.db") as holding:  # so that the write-ahead log stays
        holding.execute("SELECT 1 FROM audit_log").fetchall()
        with path.open("ab") as file:
            file.write(b"about BTC/USDT")
        with stage.named().open() as log:
            facts = gather(stage.named(), stage.feed_file, stage.now_ns, log)
            assert path in places(facts)
            needles = needles_of(sample(log))
    assert search_file(path, needles, 2**20)[0]
