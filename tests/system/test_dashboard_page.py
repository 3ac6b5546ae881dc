"""The dashboard's page in a browser, at a real feed: a failover is seen, everything is found, nobody else is asked."""

import json
import re

import pytest

from browser import NARROW, WIDE, line_with, open_browser, watching
from relay import relay
from system.program import running, venue

INSTRUMENTS = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"]
FEED = """\
[feed]
name = "page"
profile = "production"
instruments = {instruments}
channels = ["trades", "quotes"]

[providers.primary]
plugin = "binance"
ws_url = "ws://127.0.0.1:{wire}/a"
rest_url = "{rest_url}/a"

[providers.fallback]
plugin = "binance"
ws_url = "{ws_url}/b"
rest_url = "{rest_url}/b"

[route]
kind = "hybrid"
primary = "primary"
fallback = "fallback"
stale_after_s = {{ trades = 1.0, quotes = 1.0 }}
failback_after_s = 2.0

[backoff]
first_s = 0.2
cap_s = 1.0

[clock]
servers = []

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
"""
SPEAKS = """(name) => [...document.querySelectorAll("#route .branch[data-speaks] .leg-name")]
  .some((node) => node.textContent === name)"""


@pytest.fixture(scope="module")
def browser():
    """The browser of these tests."""
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A feed with a hybrid route that runs, as (address of its page, the wire of its first leg)."""
    folder = tmp_path_factory.mktemp("page")
    market = [word for name in INSTRUMENTS for word in ("--instrument", name)]
    with venue("--synthetic", *market, "--rate", 200) as addresses, relay(addresses["port"]) as wire:
        feed = folder / "feed.toml"
        feed.write_text(FEED.format(instruments=json.dumps(INSTRUMENTS), wire=wire.port, **addresses))
        with running("run", feed, "--dashboard", "127.0.0.1:0") as process:
            line = line_with(process.stderr, "dashboard: http")
            yield re.search(r"http://[^\s\"]+", line)[0], wire


@pytest.fixture
def page(browser, stage):
    """The page, wide and light, once ticks come through."""
    with watching(browser, stage[0]) as watched:
        watched.until(SPEAKS, "primary")
        yield watched


def test_the_head_tells_which_feed_and_how_it_does(page):
    """Name, profile, a life sign of the page, and rates that are not nought."""
    page.until("document.querySelector('#link').dataset.link === 'live'")
    page.until("parseFloat(document.querySelector('#fact-in').textContent) > 0")
    assert page.text("#feed-name") == "page"
    assert page.text("#feed-profile") == "production"
    assert page.page.title().endswith("page · ticktrail")
    page.until("document.querySelectorAll('#rows tbody tr[data-state=live]').length === 4")


def test_a_failover_is_seen_in_the_tree_on_the_chart_and_in_the_timeline(page, stage):
    """The wire is cut: the fallback speaks, the primary is not live. It is mended: the primary speaks again."""
    _, wire = stage
    page.until("document.querySelector('#chart-price canvas') !== null")
    wire.cut()
    try:
        page.until(SPEAKS, "fallback")
        page.until("document.querySelector('#route .leg').dataset.state !== 'live'")
        page.until("document.querySelector('.verdict').dataset.tone !== 'good'")
        assert "primary" in page.text("#verdict-text")
        page.until("document.querySelector('.chart-mark[data-kind=switch]') !== null")
        words = page.page.get_attribute(".chart-mark[data-kind=switch]", "aria-label")
        assert "fallback" in words
        page.page.hover(".chart-mark[data-kind=switch]")
        assert page.text("#chart-tip") == words
        page.until(
            "[...document.querySelectorAll('#timeline .what')].some((node) => /fallback/.test(node.textContent))"
        )
    finally:
        wire.mend()
    page.until(SPEAKS, "primary")
    page.until("document.querySelector('#route .leg').dataset.state === 'live'")


def test_the_timeline_is_filtered_by_kind_and_text(page):
    """What is shown fits; the count says how many; what fits nothing says so."""
    page.until("document.querySelectorAll('#timeline li').length > 5")
    everything = page.page.locator("#timeline li").count()
    for kind in ("route", "rule", "sink", "clock", "person", "notice", "feed"):
        page.page.uncheck(f"#timeline-kinds input[value={kind}]")
    kinds = set(page.page.locator("#timeline .tag").all_inner_texts())
    assert kinds == {"leg"}
    assert page.page.locator("#timeline li").count() < everything
    assert " of " in page.text("#timeline-note")
    page.page.fill("#timeline-find", "no such event at all")
    assert page.page.locator("#timeline li").count() == 0
    assert page.text("#timeline-empty") == "No event fits the filter."
    page.page.fill("#timeline-find", "primary")
    assert page.page.locator("#timeline li").count() > 0
    page.page.locator("#timeline summary").first.press("Enter")
    assert page.page.locator("#timeline details[open] dd").count() == 4


def test_a_row_is_chosen_by_keyboard_and_the_chart_shows_it(page):
    """Arrow keys and Enter; the order by a column is told to screen readers."""
    table = page.page.locator("#rows")
    table.focus()
    table.press("Home")
    table.press("ArrowDown")
    active = table.get_attribute("aria-activedescendant")
    assert page.page.get_attribute(f"#{active}", "data-name") == "ETH/USDT"
    table.press("Enter")
    assert page.text("#h-chart") == "ETH/USDT"
    assert page.page.get_attribute(f"#{active}", "aria-selected") == "true"
    head = page.page.locator("#rows th.c-last")
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    lasts = _lasts(page)
    assert lasts == sorted(lasts)
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    lasts = _lasts(page)
    assert lasts == sorted(lasts, reverse=True)
    page.page.fill("#rows-find", "sol")
    assert page.page.locator("#rows tbody tr[data-name]").count() == 1


def _lasts(page):
    return [float(text) for text in page.page.locator("#rows tbody td.c-last").all_inner_texts()]


def test_colours_are_chosen_and_remembered(page):
    """The system's at first; what is chosen outlives the page."""
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.page.evaluate(ground)
    page.page.click("[data-theme-choice=dark]")
    dark = page.page.evaluate(ground)
    assert dark != light
    page.page.reload()
    page.until(SPEAKS, "primary")
    assert page.page.evaluate(ground) == dark
    assert page.page.get_attribute("[data-theme-choice=dark]", "aria-pressed") == "true"
    page.page.click("[data-theme-choice=system]")
    assert page.page.evaluate(ground) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_everybody_can_use_it(browser, stage, scheme, size):
    """Axe finds nothing serious or critical, and nothing is wider than the screen."""
    with watching(browser, stage[0], scheme=scheme, size=size) as page:
        page.until(SPEAKS, "primary")
        page.until("document.querySelector('#chart-price canvas') !== null")
        page.is_accessible()
        assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.activeElement.className") == "skip"
