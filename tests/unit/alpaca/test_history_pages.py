"""Alpaca's archive, page by page: where a period begins and ends, and that its pages come to an end."""

import pytest

from ticktrail.errors import PermanentError, TransientError
from ticktrail_alpaca.history import MOST_IDLE
from unit.alpaca.history_stage import MINUTE, PERIOD, START, fetch, history_at, page_of, ticks, trade
from unit.alpaca.rest_venue import (
    KEY_ID,
    SECRET_KEY,
    Archive,
    answering,
    serving,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


async def test_the_seam_of_two_periods():
    """A trade at the very nanosecond of an end belongs to the period that begins there, whatever the venue includes."""
    rows = [trade(number, number) for number in range(10)]
    archive = Archive({("trades", "AAPL"): rows})
    async with serving(archive.answer) as venue, history_at(venue, page_rows=3) as history:
        for seam in range(1, 10):
            before = ticks(await fetch(history, "AAPL", "trades", START, START + seam))
            after = ticks(await fetch(history, "AAPL", "trades", START + seam, START + 10))
            assert [tick.id for tick in before + after] == [f"V:{number}" for number in range(10)]
            assert len(before) == seam


async def test_rows_that_are_not_of_the_period():
    """A venue that gives more than was asked for does not put it into the feed."""
    rows = [trade(-1, 1), trade(0, 2), trade(60 * MINUTE - 1, 3), trade(60 * MINUTE, 4)]
    async with answering(page_of("trades", "AAPL", rows)) as venue, history_at(venue) as history:
        found = ticks(await fetch(history, "AAPL", "trades", **PERIOD))
    assert [tick.id for tick in found] == ["V:2", "V:3"]


async def test_rows_out_of_order_within_a_page():
    """They are put in order; those of one moment stay as the venue has them."""
    rows = [trade(5, 1), trade(3, 2), trade(5, 3), trade(3, 4)]
    async with answering(page_of("trades", "AAPL", rows)) as venue, history_at(venue) as history:
        found = ticks(await fetch(history, "AAPL", "trades", **PERIOD))
    assert [tick.id for tick in found] == ["V:2", "V:4", "V:1", "V:3"]


@pytest.mark.parametrize("loop", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
async def test_tokens_that_lead_in_a_circle(loop):
    """The history ends with an error before a page comes twice."""
    answers = [page_of("trades", "AAPL", [trade(at, at)], token) for at, token in enumerate(loop)]
    async with answering(*answers) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match="lead in a circle") as caught:
            await fetch(history, "AAPL", "trades", **PERIOD)
    assert caught.value.cause == "defect"
    assert len(venue.asked) == len(loop)


async def test_a_circle_in_another_run():
    """A cursor from elsewhere is known as well."""
    async with answering(page_of("trades", "AAPL", [trade(1)], "a")) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match="lead in a circle"):
            await fetch(history, "AAPL", "trades", **PERIOD, cursor="a")


async def test_the_same_page_may_be_asked_for_again():
    """Who was interrupted asks again, and that is no circle."""
    rows = [trade(number, number) for number in range(6)]
    archive = Archive({("trades", "AAPL"): rows})
    async with serving(archive.answer) as venue, history_at(venue, page_rows=2) as history:
        first = await history.page("AAPL", "trades", **PERIOD, cursor=None)
        await fetch(history, "AAPL", "trades", **PERIOD, cursor=first.cursor)
        again = await history.page("AAPL", "trades", **PERIOD, cursor=None)
        await history.page("AAPL", "trades", **PERIOD, cursor=again.cursor)
        rest = await fetch(history, "AAPL", "trades", **PERIOD, cursor=again.cursor)
    assert [tick.id for tick in ticks([first, *rest])] == [f"V:{number}" for number in range(6)]


async def test_a_page_that_goes_back_in_time():
    """The same rows under a new token, or others out of order: an error, since what was complete was not."""
    answers = [
        page_of("trades", "AAPL", [trade(5, 1), trade(6, 2)], "a"),
        page_of("trades", "AAPL", [trade(5, 1), trade(6, 2)], "b"),
    ]
    async with answering(*answers) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match="begins before the end of the one before it") as caught:
            await fetch(history, "AAPL", "trades", **PERIOD)
    assert caught.value.cause == "defect"


async def test_empty_pages_with_a_token():
    """They are gone through, and the period stays complete as far as it was."""
    answers = [
        page_of("trades", "AAPL", [trade(1, 1)], "a"),
        page_of("trades", "AAPL", [], "b"),
        page_of("trades", "AAPL", [], "c"),
        page_of("trades", "AAPL", [trade(2, 2)]),
    ]
    async with answering(*answers) as venue, history_at(venue) as history:
        pages = await fetch(history, "AAPL", "trades", **PERIOD)
    assert [tick.id for tick in ticks(pages)] == ["V:1", "V:2"]
    assert [page.through_ns - START for page in pages] == [1, 1, 1, 60 * MINUTE]


async def test_nothing_but_empty_pages():
    """So many in a row, and then the caller may try again from the same place."""

    async def empty(asked, stream):
        return page_of("trades", "AAPL", [], f"t{len(venue.asked)}")

    async with serving(empty) as venue, history_at(venue) as history:
        with pytest.raises(TransientError, match=f"{MOST_IDLE} pages in a row"):
            await fetch(history, "AAPL", "trades", **PERIOD)
        assert len(venue.asked) == MOST_IDLE + 1
        cursor = f"t{MOST_IDLE}"
        assert (await history.page("AAPL", "trades", **PERIOD, cursor=cursor)).cursor is not None


@pytest.mark.parametrize(
    "row", [trade(5, 7), trade(-5, 7), trade(5, 7, u="canceled")], ids=["same", "outside", "void"]
)
async def test_pages_that_lead_nowhere(row):
    """The same row again, or one from beside the period, each time with a new token: an error ends it."""

    async def nowhere(asked, stream):
        return page_of("trades", "AAPL", [row], f"t{len(venue.asked)}")

    settings = {"requests_per_minute": 10_000}
    async with serving(nowhere) as venue, history_at(venue, **settings) as history:
        with pytest.raises(PermanentError, match=f"{MOST_IDLE} pages in a row bring nothing new") as caught:
            await fetch(history, "AAPL", "trades", **PERIOD)
    assert caught.value.cause == "defect"
    assert len(venue.asked) <= MOST_IDLE + 2


async def test_many_pages_of_one_moment():
    """As long as each brings another row, they lead on; cancelled trades are rows as well."""
    voids = {"u": "canceled"}
    rows = [trade(5, number) for number in range(30)] + [
        trade(6 + number, number, **voids) for number in range(30)
    ]
    archive = Archive({("trades", "AAPL"): rows})
    settings = {"page_rows": 1, "requests_per_minute": 10_000}
    async with serving(archive.answer) as venue, history_at(venue, **settings) as history:
        pages = await fetch(history, "AAPL", "trades", **PERIOD)
        assert [tick.id for tick in ticks(pages)] == [f"V:{number}" for number in range(30)]
        cursor = pages[2].cursor
        assert len(ticks(await fetch(history, "AAPL", "trades", **PERIOD, cursor=cursor))) == 27
