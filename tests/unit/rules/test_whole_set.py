"""All rules of a leg together, over ticks that no venue would send: nothing raises, and nothing vanishes."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.model import BookDelta, BookSnapshot, Gap, Quote, Trade
from ticktrail.testing import make_trade
from ticktrail.testing._ticks import INSTRUMENT, RECV_NS, one_of_each
from unit.rules.injected import judge_of

ODD = [
    Decimal(text)
    for text in (
        *(
            "NaN",
            "sNaN",
            "Infinity",
            "-Infinity",
            "0",
            "-0",
            "-1",
            "1E-30",
            "9E+30",
            "1E+999999",
            "1E-999999",
        ),
        *("100", "100.01", "111", "99.5", "0." + "3" * 60, "1" * 60),
    )
]
TIMES = [None, 0, -1, RECV_NS, RECV_NS - 1, RECV_NS + 10**9, -(2**63), 2**63 - 1, RECV_NS - 3_600 * 10**9]
IDS = [0, 1, 2, 3, 10**9, 2**63 - 1, -1, "K:1", "", "K:1"]
KINDS = [tick for tick in one_of_each() if tick.instrument == INSTRUMENT]


@st.composite
def ticks(draw):
    """A tick of any kind, each of its numbers, times and ids perhaps an odd one."""
    tick = draw(st.sampled_from(KINDS))
    changes = {}
    for name in tick.__struct_fields__:
        value = getattr(tick, name)
        if isinstance(value, Decimal) and draw(st.booleans()):
            changes[name] = draw(st.sampled_from(ODD))
        elif name == "event_ns":
            changes[name] = draw(st.sampled_from(TIMES))
        elif name == "id" and isinstance(tick, Trade):
            changes[name] = draw(st.sampled_from(IDS))
        elif name == "update_id" and isinstance(tick, Quote):
            changes[name] = draw(st.sampled_from([None, 0, 1, 5, 2**63 - 1]))
        elif name == "backfilled":
            changes[name] = draw(st.booleans())
    return msgspec.structs.replace(tick, **changes)


@given(st.lists(st.tuples(ticks(), st.integers(-5, 5)), max_size=60), st.integers(0, 60))
def test_every_tick_is_in_one_place(steps, session_at):
    """It goes on or it is kept back, once, in order; what is flagged goes on; no rule fails, whatever the times do."""
    told = []
    judge = judge_of([make_trade()], offset_ns=None, tell=told.append)
    judge.learn(INSTRUMENT, Decimal("0.01"), Decimal(1))
    at_ns = RECV_NS
    for number, (tick, step) in enumerate(steps):
        if number == session_at:
            judge.begin_session()
        at_ns += step * 10**9
        verdict = judge.judge((tick,), at_ns, at_ns)
        went = [one for one in verdict.good if type(one) is not Gap or type(tick) is Gap]
        assert len(went) + len(verdict.rejected) == 1
        assert len(verdict.good) == len(went) + (
            bool(verdict.rejected) and type(tick) in {BookDelta, BookSnapshot}
        )
        assert [one.tick for one in verdict.flagged] == [one for one in went if one.flagged]
        msgspec.msgpack.encode(verdict.rejected)
    assert not [event for event in told if type(event).__name__ in {"RuleFailing", "RuleDisabled"}]
