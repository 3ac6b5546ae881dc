"""The verifier's own decoders: zstd against the reference, MessagePack against msgspec, both on hostile bytes."""

import random
import struct
import time
import tracemalloc

import msgspec
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ticktrail_compliance.export.verify_export import (
    MOST_CONTENT,
    BrokenError,
    Message,
    frame_of,
    unpack_slowly,
    unpack_with,
    unpacker,
    xxh64,
)

pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"BTC/USDT", b"provider", b"binance", b"\0\0\0\0", b'{"price":"61000.50"}']),
    st.integers(0, 1 << 40).map(lambda number: str(number).encode()),
)
contents = st.one_of(
    st.binary(max_size=3000),
    st.lists(pieces, max_size=200).map(b"".join),
    st.tuples(st.lists(pieces, max_size=30).map(b"".join), st.integers(1, 400)).map(
        lambda two: two[0] * two[1]
    ),
    st.tuples(st.integers(0, 999), st.integers(1, 40_000), st.integers(1, 256)).map(
        lambda three: bytes(random.Random(three[0]).choices(range(three[2]), k=three[1]))
    ),
)


def packed(content, level=3, **options):
    return zstandard.ZstdCompressor(level=level, **options).compress(content)


@settings(max_examples=150)
@given(contents, st.sampled_from([1, 3, 19]), st.booleans())
@example(b"", 3, True)
@example(bytes(1_000_000), 3, True)
def test_what_the_reference_packs_is_unpacked(content, level, checked):
    frame = packed(content, level, write_checksum=checked)
    assert unpack_slowly(frame) == content
    assert unpack_with(zstandard, frame) == content


@pytest.mark.parametrize("level", [1, 3, 19])
def test_many_blocks_of_ticks_are_unpacked(level):
    """Blocks that take over tables and offsets from those before, in a content beyond one block's 128 KiB."""
    ticks = [
        {
            "type": "trade",
            "id": number,
            "price": f"{61000 + number * 7919 % 977}.{number % 100:02}",
            "side": "buy",
        }
        for number in range(15_000)
    ]
    content = msgspec.msgpack.encode(ticks)
    assert len(content) > 4 * 128 * 1024
    assert unpack_slowly(packed(content, level, write_checksum=True)) == content
    assert list(Message(content).records()) == ticks


@settings(max_examples=200)
@given(contents, st.sampled_from([1, 3, 19]), st.data())
def test_a_corrupted_frame_is_an_error_of_its_own(content, level, data):
    """Whatever a frame became, it is refused, or it is what the reference makes of it."""
    frame = bytearray(packed(content, level))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    del frame[data.draw(st.sampled_from([len(frame), len(frame) // 2, len(frame) - 1])) :]
    answers = []
    for unpack in (unpack_slowly, lambda frame: unpack_with(zstandard, frame)):
        try:
            answers.append(unpack(bytes(frame)))
        except BrokenError:
            continue
    assert len(set(answers)) <= 1


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_behind_a_header_end_in_an_error_of_its_own(data):
    frame = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", 1 << 20) + data
    with pytest.raises(BrokenError):
        unpack_slowly(frame)


@pytest.mark.parametrize("unpack", [unpack_slowly, lambda frame: unpack_with(zstandard, frame)])
def test_a_checksum_is_checked(unpack):
    frame = bytearray(packed(b"ticks" * 100, write_checksum=True))
    frame[-1] ^= 1
    with pytest.raises(BrokenError):
        unpack(bytes(frame))


@pytest.mark.parametrize("unpack", [unpack_slowly, lambda frame: unpack_with(zstandard, frame)])
@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x28\xb5\x2f\xfd",
        packed(b"abc", write_content_size=False),
        packed(b"abc") + b"\0",
        packed(b"abc") + packed(b"def"),
        packed(b"abc" * 100)[:-1],
        b"\x50\x2a\x4d\x18\0\0\0\0",
        packed(b"") + b"\0",
        packed(b"")[:-1],
        b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", MOST_CONTENT + 1),
        b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", (1 << 64) - 1) + b"\3\0\0\0",
    ],
)
def test_what_is_no_single_frame_that_tells_its_size_is_refused(unpack, frame):
    with pytest.raises(BrokenError):
        unpack(frame)


@pytest.mark.parametrize("unpack", [unpack_slowly, lambda frame: unpack_with(zstandard, frame)])
def test_a_bomb_takes_no_more_than_the_frame_says(unpack):
    """Blocks that repeat one byte stop at the size that was told, however many there are."""
    block = struct.pack("<I", 128 * 1024 << 3 | 1 << 1)[:3] + b"x"
    frame = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", 1 << 20) + block * 100_000
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(BrokenError):
        unpack(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
    assert time.monotonic() - began < 30


def test_the_package_is_taken_where_it_is_here():
    assert unpacker()[0] in {"compression.zstd", "zstandard"}
    assert frame_of(packed(b"abc" * 300), MOST_CONTENT)[0] == 900


@given(st.binary(max_size=200))
def test_the_checksum_is_that_of_the_reference(content):
    frame = packed(content, write_checksum=True)
    assert frame[-4:] == struct.pack("<I", xxh64(content) & 0xFFFFFFFF)


# --- MessagePack

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40) | st.text(min_size=300, max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=20), inner, max_size=20),
    max_leaves=40,
)  # fmt: skip


def whole(data):
    message = Message(data)
    value = message.value()
    message.end()
    return value


@given(values)
def test_what_msgspec_packs_is_read(value):
    assert whole(msgspec.msgpack.encode(value)) == value


@given(st.binary(max_size=300))
def test_bytes_come_as_rows_have_them(data):
    assert whole(msgspec.msgpack.encode(data)) == msgspec.to_builtins(data)
    assert whole(msgspec.msgpack.encode(float("nan"))) is None


@settings(max_examples=500)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for read in (whole, lambda data: list(Message(data).records())):
        try:
            read(data)
        except BrokenError:
            continue


@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 100_000,
        b"\x81\xa1a" * 100_000,
        b"\x82\xa1a\1\xa1a\2",
        b"\x81\1\2",
        b"\xd4\1\2",
        b"\xa1\xff",
        b"\1\1",
        b"",
    ],
)
def test_claims_that_the_bytes_do_not_bear_are_refused(data):
    with pytest.raises(BrokenError):
        whole(data)


def test_a_record_of_too_many_values_is_refused(monkeypatch):
    monkeypatch.setattr("ticktrail_compliance.export.verify_export.MOST_VALUES", 1000)
    assert len(list(Message(b"\xdc\x07\xd0" + b"\x80" * 2000).records())) == 2000
    with pytest.raises(BrokenError, match="values"):
        list(Message(b"\x91\xdc\x07\xd0" + b"\x80" * 2000).records())
