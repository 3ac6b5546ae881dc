"""A leg's archive at a REST server of the tests' own: made-up rows, and the way through its pages."""

import json
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ticktrail_alpaca.history import open_history
from unit.alpaca.rest_venue import (
    context,
    ok,
    settings_of,
)

NS_PER_S = 1_000_000_000
MINUTE = 60 * NS_PER_S
START = 1_700_000_040 * NS_PER_S  # a whole minute
PERIOD = {"start_ns": START, "end_ns": START + 60 * MINUTE}


@asynccontextmanager
async def history_at(venue, *instruments, clock=None, **settings):
    own = settings_of(venue.url, **settings)
    async with open_history(own, context(*instruments, clock=clock), quiet) as history:
        yield history


def quiet(event):
    """What a leg says of its talks is not what these tests are about."""


async def fetch(history, instrument, channel, start_ns, end_ns, cursor=None):
    """Every page to the last one."""
    pages = []
    while len(pages) < 100:
        page = await history.page(instrument, channel, start_ns=start_ns, end_ns=end_ns, cursor=cursor)
        pages.append(page)
        cursor = page.cursor
        if cursor is None:
            return pages
    raise AssertionError("the pages have no end")


def ticks(pages):
    return [tick for page in pages for tick in page.ticks]


def moment(at_ns):
    return f"{datetime.fromtimestamp(at_ns // NS_PER_S, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%S}.{at_ns % NS_PER_S:09d}Z"


def trade(offset_ns, number=1, **more):
    return {"t": moment(START + offset_ns), "p": 1.5, "s": 2, "i": number, "x": "V", **more}


def page_of(kind, symbol, rows, token=None):
    return ok({kind: {symbol: rows} if rows else {}, "next_page_token": token})


def rows_of(raw, kind, symbol):
    """The recorded rows, read by another parser than the plugin's, with the digits that are written."""
    return json.loads(raw, parse_float=Decimal)[kind].get(symbol, [])
