"""The page on watching a feed says what is so."""

import re
from pathlib import Path

import pytest

from ticktrail._plan.compose import compose
from ticktrail_dashboard.web.connection import MOST_CONNECTIONS_BESIDE_PAGES, Limits
from ticktrail_dashboard.web.door import SESSION_S, TELL_AFTER
from unit.dashboard.stage import FEED

PAGE = (Path(__file__).parents[3] / "docs/how-to/watch-a-feed.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_every_table_composes(tmp_path, table):
    """What is to be written into a feed file can be."""
    path = tmp_path / "feed.toml"
    feed = FEED.format(route="", providers='[providers.one]\nplugin = "synthetic"\n', rest="")
    path.write_text(feed.partition("[dashboard]")[0] + table)
    assert [observer.spec.name for observer in compose(path).observers] == ["dashboard"]


def test_the_bounds_are_those_of_the_code():
    """The figures of the page are what the server goes by."""
    assert (MOST_CONNECTIONS_BESIDE_PAGES, TELL_AFTER, SESSION_S) == (32, 5, 12 * 3600)
    assert Limits() == Limits(write_s=5, plain_life_s=60, headers_s=5)
    assert f"{MOST_CONNECTIONS_BESIDE_PAGES} connections beside them" in PAGE
