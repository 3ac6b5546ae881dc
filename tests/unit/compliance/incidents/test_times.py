"""Times as the firm says them: days and times without a zone are of its own, and letters tell them in words."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click
import pytest

from ticktrail.errors import ConfigError
from ticktrail_compliance.incidents.notices import fields_of, filled, template_text
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.times import FirmTimeType, in_words, period_in_words
from unit.compliance.incidents.making import incident

NEW_YORK = ZoneInfo("America/New_York")


def ns(text):
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def said(text, *, last=False):
    return FirmTimeType(last=last).convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-01-05", "2026-01-05T05:00:00Z", "2026-01-06T05:00:00Z"),
        ("2026-W02-1", "2026-01-05T05:00:00Z", "2026-01-06T05:00:00Z"),
        ("2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),  # of 23 hours
        ("2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),  # of 25 hours
    ],
)
def test_a_date_alone_is_that_day_of_the_firm(text, first, last):
    """From its first nanosecond to its last, also where clocks change."""
    assert said(text).at_ns(NEW_YORK) == ns(first)
    assert said(text, last=True).at_ns(NEW_YORK) == ns(last) - 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-05T19:00", "2026-01-06T00:00:00Z"),
        ("2026-07-05 19:00", "2026-07-05T23:00:00Z"),
        ("2026-01-05T19:00Z", "2026-01-05T19:00:00Z"),
        ("2026-01-05T19:00+01:00", "2026-01-05T18:00:00Z"),
        (str(ns("2026-01-05T19:00:00Z")), "2026-01-05T19:00:00Z"),
    ],
)
def test_a_time_is_of_the_firm_unless_it_names_its_zone(text, moment):
    """And is the same whether it is the first or the last."""
    assert said(text).at_ns(NEW_YORK) == said(text, last=True).at_ns(NEW_YORK) == ns(moment)


@pytest.mark.parametrize(
    ("text", "how"), [("2026-11-01T01:30", "comes twice"), ("2026-03-08T02:30", "left out")]
)
def test_a_time_that_is_none_or_two_is_refused(text, how):
    """With the remedy."""
    with pytest.raises(ConfigError, match=rf"{how} in America/New_York.*write it in UTC"):
        said(text).at_ns(NEW_YORK)
    assert said(text).at_ns(ZoneInfo("UTC")) == ns(f"{text}Z")


@pytest.mark.parametrize("text", ["yesterday", "9999-12-31", "0001-01-01"])
def test_what_is_no_time(text):
    """Told by the option."""
    with pytest.raises(click.BadParameter, match="nanoseconds"):
        said(text, last=True)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-01-06T00:00:30Z", "5 January 2026, 19:00 EST"),
        ("2026-07-06T00:00:00Z", "5 July 2026, 20:00 EDT"),
        ("2026-01-05T05:00:00Z", "5 January 2026"),
    ],
)
def test_a_time_in_words(at, words):
    """Of the firm's zone; the beginning of a day is that day."""
    assert in_words(ns(at), NEW_YORK) == words
    assert in_words(said("2026-01-05", last=True).at_ns(NEW_YORK), NEW_YORK) == "5 January 2026"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-01-05", "2026-01-05", "on 5 January 2026"),
        ("2026-01-05", "2026-01-07", "between 5 January 2026 and 7 January 2026"),
        ("2026-01-05", None, "from 5 January 2026 on"),
        (None, "2026-01-07", ""),
    ],
)
def test_a_period_in_words(first, last, words):
    """Days stay days."""
    begins = None if first is None else said(first).at_ns(NEW_YORK)
    ends = None if last is None else said(last, last=True).at_ns(NEW_YORK)
    assert period_in_words(begins, ends, NEW_YORK) == words


@pytest.mark.parametrize("audience", ["individuals", "provider", "regulator"])
def test_no_notice_has_a_stamp(audience):
    """Whoever reads it is told days and times as people write them."""
    of = incident(
        aware_ns=ns("2026-01-06T00:00:00Z"),
        occurred_from_ns=said("2026-01-05").at_ns(NEW_YORK),
        provider="Mail Inc.",
    )
    known = fields_of(of, IncidentSettings(zone="America/New_York"), "Firm", ns("2026-01-07T01:00:00Z"))
    given = dict.fromkeys(("information", "measures", "contact", "systems", "affected", "ground"), "x")
    text = filled(template_text("shipped", audience), known, given)
    assert "2026-0" not in text
    assert "\n6 January 2026\n" in text
    assert "5 January 2026, 19:00 EST" in text
    if audience != "provider":
        assert "from 5 January 2026 on" in text
