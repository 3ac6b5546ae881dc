"""Stamps of several tasks that hand over through one intake: they never go back, and nothing else is changed."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.events import VenueTrouble
from ticktrail.net import InOrder
from ticktrail.testing import make_trade

pytestmark = pytest.mark.anyio


class Kept:
    """An intake that keeps what it is given."""

    def __init__(self):
        self.batches = []
        self.told = []

    async def frames(self, payloads, *, recv_ns, mono_ns):
        self.batches.append((payloads, recv_ns, mono_ns))

    async def ticks(self, ticks, *, recv_ns, mono_ns):
        self.batches.append((ticks, recv_ns, mono_ns))

    async def settled(self):
        return len(self.batches) == 1

    def tell(self, event):
        self.told.append(event)


async def test_what_was_overtaken_is_stamped_as_what_overtook_it():
    """By ticks as by frames, and on the ticks themselves; what comes after them has its own stamp again."""
    kept = Kept()
    intake = InOrder(kept)
    first, late = make_trade(id=1, recv_ns=1_020), make_trade(id=2, recv_ns=1_015)
    of_old = make_trade(id=3, recv_ns=7)
    await intake.frames([b"a"], recv_ns=1_000, mono_ns=10)
    await intake.ticks([first], recv_ns=1_020, mono_ns=30)
    await intake.frames([b"b"], recv_ns=1_010, mono_ns=20)
    await intake.ticks([late, of_old], recv_ns=1_015, mono_ns=25)
    await intake.frames([b"c"], recv_ns=1_030, mono_ns=40)
    assert kept.batches == [
        ([b"a"], 1_000, 10),
        ([first], 1_020, 30),
        ([b"b"], 1_020, 30),
        ([make_trade(id=2, recv_ns=1_020), of_old], 1_020, 30),
        ([b"c"], 1_030, 40),
    ]


async def test_a_clock_that_was_set_back_is_told_as_it_is():
    """The monotonic one went on: no task has overtaken another."""
    kept = Kept()
    intake = InOrder(kept)
    await intake.frames([b"a"], recv_ns=5_000, mono_ns=10)
    await intake.frames([b"b"], recv_ns=2_000, mono_ns=20)
    assert kept.batches == [([b"a"], 5_000, 10), ([b"b"], 2_000, 20)]


async def test_the_rest_goes_through():
    """Events are told, and `settled` answers what the intake answers."""
    kept = Kept()
    intake = InOrder(kept)
    event = VenueTrouble(at_ns=1, provider="a", detail="x", retry_in_s=None)
    intake.tell(event)
    assert kept.told == [event]
    assert not await intake.settled()
    await intake.frames([b"a"], recv_ns=1, mono_ns=1)
    assert await intake.settled()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-1_000, 1_000))))
def test_no_order_of_reads_makes_it_go_back(reads):
    """Whatever was read when: the monotonic stamp never goes back, and is later than the read's own, if anything."""
    kept = Kept()

    async def play():
        intake = InOrder(kept)
        for mono_ns, shift_ns in reads:
            await intake.frames([b"a"], recv_ns=mono_ns + shift_ns, mono_ns=mono_ns)

    anyio.run(play)
    monos = [mono_ns for _, _, mono_ns in kept.batches]
    assert monos == sorted(monos)
    assert all(given_ns >= read_ns for given_ns, (read_ns, _) in zip(monos, reads, strict=True))
    pairs = {(mono_ns + shift_ns, mono_ns) for mono_ns, shift_ns in reads}
    assert {(recv_ns, mono_ns) for _, recv_ns, mono_ns in kept.batches} <= pairs
