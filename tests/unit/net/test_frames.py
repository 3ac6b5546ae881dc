"""The splitter sees what wsproto would, however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from ticktrail.net._frames import FrameError, FrameSplitter

LIMIT = 70_000


def frame(opcode, payload, *, fin=True, rsv=0, mask=False):
    head = bytes([(0x80 if fin else 0) | (rsv << 4) | opcode])
    flag = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65_536:
        head += bytes([flag | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + len(payload).to_bytes(8, "big")
    return head + (b"\0\0\0\0" if mask else b"") + payload


def cuts(data, sizes):
    """Cut the data at the sizes, over and over, and leave nothing out."""
    start = 0
    while start < len(data):
        for size in sizes:
            yield data[start : start + size]
            start += size
            if start >= len(data):
                return


text = st.text(max_size=400).map(str.encode)
sizes = st.one_of(st.integers(0, 140), st.sampled_from([125, 126, 127, 65_535, 65_536, 66_000]))
messages = st.lists(
    st.one_of(
        st.tuples(st.just("text"), text),
        st.tuples(st.just("binary"), sizes),
        st.tuples(st.just("ping"), st.binary(max_size=125)),
        st.tuples(st.just("pong"), st.binary(max_size=125)),
        st.tuples(st.just("parts"), st.lists(text.filter(bool), min_size=1, max_size=4)),
    ),
    max_size=12,
)
OPCODES = {"text": 1, "binary": 2, "ping": 9, "pong": 10}


def on_the_wire(sent, *, ping_within=b""):
    for kind, what in sent:
        if kind == "parts":
            for number, part in enumerate(what):
                yield frame(0 if number else 1, part, fin=number == len(what) - 1) + ping_within
        else:
            yield frame(OPCODES[kind], b"x" * what if kind == "binary" else what)


def by_wsproto(data):
    """Return data messages and control events as the reference sees them."""
    reference = Connection(ConnectionType.CLIENT)
    reference.receive_data(data)
    payloads, control, parts = [], [], []
    for event in reference.events():
        if isinstance(event, TextMessage | BytesMessage):
            part = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
            parts.append(part)
            if event.message_finished:
                payloads.append(b"".join(parts))
                parts.clear()
        else:
            control.append(event)
    return payloads, control


@given(sent=messages, sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=8))
def test_messages_and_control_frames_are_those_of_the_reference(sent, sizes):
    """Whatever a server sends, in whatever pieces: the same messages in the same order, the same control frames."""
    data = b"".join(on_the_wire(sent, ping_within=frame(9, b"within")))
    expected_payloads, expected_control = by_wsproto(data)
    splitter = FrameSplitter(max_bytes=LIMIT)
    payloads, control = [], b""
    for piece in cuts(data, sizes):
        split = splitter.feed(piece)
        payloads += split.messages
        control += split.control
        assert not split.last
    assert payloads == expected_payloads
    assert by_wsproto(control) == ([], expected_control)
    assert all(isinstance(event, Ping | Pong) for event in expected_control)


@given(data=st.binary(max_size=300), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_no_bytes_break_it(data, sizes):
    """Garbage is passed on or refused by name; it never raises anything else, and the cut never matters."""

    def outcome(pieces):
        splitter = FrameSplitter(max_bytes=100)
        seen = []
        try:
            for piece in pieces:
                seen += splitter.feed(piece).messages
        except FrameError as exc:
            return seen, exc.code
        return seen, None

    whole, code = outcome([data])
    cut, cut_code = outcome(cuts(data, sizes))
    if code is None:
        assert (whole, code) == (cut, cut_code)
    else:
        assert code == cut_code
        assert code in {1002, 1009}


def test_a_close_frame_ends_the_session():
    """A close frame goes to the protocol library with all that follows, and is said to be the last."""
    data = frame(1, b"one") + frame(8, b"\x03\xe8bye") + frame(1, b"after")
    split = FrameSplitter(max_bytes=LIMIT).feed(data)
    assert list(split.messages) == [b"one"]
    assert split.last
    reference = Connection(ConnectionType.CLIENT)
    reference.receive_data(split.control)
    (event,) = list(reference.events())
    assert event == CloseConnection(code=1000, reason="bye")
    assert reference.state is ConnectionState.REMOTE_CLOSING


@pytest.mark.parametrize(
    "broken",
    [frame(1, b"masked", mask=True), frame(1, b"bits", rsv=4), frame(3, b"reserved"), frame(9, b"x" * 126)],
    ids=["masked", "compressed", "reserved opcode", "long ping"],
)
def test_what_no_server_may_send_is_left_to_the_protocol_library(broken):
    """A frame out of the rules is passed through with all that follows it: the library knows how to refuse it."""
    split = FrameSplitter(max_bytes=LIMIT).feed(frame(1, b"good") + broken + frame(1, b"after"))
    assert list(split.messages) == [b"good"]
    assert split.control == broken + frame(1, b"after")
    assert split.last


@pytest.mark.parametrize("cut", [4, 5_000], ids=["by its head", "whole"])
def test_a_message_over_the_limit_is_refused_before_it_is_held(cut):
    """The size in the frame's head decides, so that no more than the limit is ever kept."""
    with pytest.raises(FrameError, match="max_message_bytes = 1000") as caught:
        FrameSplitter(max_bytes=1_000).feed(frame(1, b"x" * 1_001)[:cut])
    assert caught.value.code == 1009


def test_fragments_count_together_against_the_limit():
    """A message in parts is held to the limit as a whole."""
    splitter = FrameSplitter(max_bytes=1_000)
    splitter.feed(frame(1, b"x" * 600, fin=False))
    with pytest.raises(FrameError):
        splitter.feed(frame(0, b"x" * 600))


def test_a_message_within_a_message_is_a_protocol_error():
    """RFC 6455 section 5.4: fragments of two messages must not be interleaved."""
    splitter = FrameSplitter(max_bytes=1_000)
    splitter.feed(frame(1, b"first", fin=False))
    with pytest.raises(FrameError) as caught:
        splitter.feed(frame(1, b"second"))
    assert caught.value.code == 1002
