"""Where bars end."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_alpaca.spans import bar_end_ns
from unit.alpaca.history_stage import NS_PER_S


def test_where_bars_end():
    """Minutes and hours by their length; days, weeks and months at midnight by the clocks of the market."""

    def end(begin, timeframe, market="stocks", zone="America/New_York"):
        start = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo(zone))
        end_ns = bar_end_ns(int(start.timestamp()) * NS_PER_S, timeframe, market)
        return f"{datetime.fromtimestamp(end_ns // NS_PER_S, ZoneInfo(zone)):%Y-%m-%dT%H:%M}"

    assert end("2026-11-25T09:30", "5Min") == "2026-11-25T09:35"
    assert end("2026-11-25T09:00", "4Hour") == "2026-11-25T13:00"
    assert end("2026-03-08", "1Day") == "2026-03-09T00:00"  # of 23 hours
    assert end("2026-11-01", "1Day") == "2026-11-02T00:00"  # of 25
    assert end("2026-10-26", "1Week") == "2026-11-02T00:00"
    assert end("2026-11-01", "3Month") == "2027-02-01T00:00"
    assert end("2026-01-01", "12Month") == "2027-01-01T00:00"
    assert end("2026-03-08", "1Day", "crypto", "UTC") == "2026-03-09T00:00"
    assert end("2021-12-08", "1Day", "crypto", "America/Chicago") == "2021-12-09T00:00"
    assert end("2026-03-08", "1Day", "crypto", "America/Chicago") == "2026-03-09T00:00"
    assert end("2026-03-08T03:00", "1Day", "crypto", "UTC") == "2026-03-09T03:00"  # nobody's midnight
    with pytest.raises(ValueError, match="a timeframe of"):
        bar_end_ns(0, "1Fortnight", "stocks")


@given(
    start_s=st.integers(1_450_000_000, 2_000_000_000),
    timeframe=st.sampled_from(["1Min", "59Min", "1Hour", "23Hour", "1Day", "1Week", "1Month", "12Month"]),
    market=st.sampled_from(["stocks", "crypto"]),
)
def test_every_bar_ends_after_it_begins(start_s, timeframe, market):
    """Wherever it begins, and on whatever day."""
    length_s = bar_end_ns(start_s * NS_PER_S, timeframe, market) // NS_PER_S - start_s
    assert 0 < length_s <= 367 * 86_400
