"""The page by itself, at frames that are played to it: rare states, hostile text, silence, thousands of rows."""

import hashlib
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

import ticktrail_dashboard
from browser import NARROW, WIDE, open_browser, watching

STAGED = Path(__file__).parent / "staged.py"
STATIC = Path(ticktrail_dashboard.__file__).parent / "static"
LIVE = "document.documentElement.dataset.link === 'live'"
MOST_ELEMENTS = 60  # rows of the table that are elements, of two thousand


@pytest.fixture(scope="module")
def browser():
    """The browser of these tests."""
    with open_browser() as opened:
        yield opened


@contextmanager
def staged(kind, rows=24):
    """Play a scene; gives the address, and a function that gives it an order."""
    with subprocess.Popen(
        [sys.executable, STAGED, kind, str(rows)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip()
            yield url, lambda order: urllib.request.urlopen(f"{url}/stage/{order}", b"", 60).close()
        finally:
            process.terminate()


def test_the_vendored_library_is_the_one_that_its_readme_names():
    """To the byte."""
    readme = (STATIC / "vendor/uplot/README.md").read_text()
    for name in ("uPlot.esm.js", "uPlot.min.css"):
        assert hashlib.sha256((STATIC / "vendor/uplot" / name).read_bytes()).hexdigest() in readme
    assert "MIT" in (STATIC / "vendor/uplot/LICENSE").read_text()


def test_nothing_of_the_page_stands_inline_or_elsewhere():
    """No inline script, style or handler, and no other host: what the policy forbids is not even tried."""
    for path in STATIC.glob("*.html"):
        text = path.read_text()
        assert "<style" not in text
        assert " style=" not in text
        assert "javascript:" not in text
        assert "<script>" not in text
        assert "http" not in text
        assert not [word for word in text.split() if word.startswith("on") and "=" in word]
    for path in (*STATIC.glob("js/*.js"), *STATIC.glob("css/*.css")):
        text = path.read_text()
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert text.count("\n") <= 400


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_rare_states_are_told_by_shape_word_and_colour(browser, scheme, size):
    """Every state of a leg and of an instrument is there, as a word; what a venue wrote is text."""
    with staged("rare") as (url, _), watching(browser, url, scheme=scheme, size=size) as page:
        page.until(LIVE)
        page.until("document.querySelectorAll('#route .leg').length === 5")
        states = page.page.locator("#route .leg-state").all_inner_texts()
        assert sorted(states) == ["connecting", "degraded", "down", "live", "resting"]
        tones = page.page.evaluate(
            "[...document.querySelectorAll('.leg .mark')].map((node) => node.dataset.tone)"
        )
        assert len(set(tones)) == 5
        assert {"live", "quiet", "waiting", "out", "quarantined"} <= set(
            page.page.locator("#rows tbody td.c-state").all_inner_texts()
        )
        assert "<img src=x onerror=alert(1)>" in page.page.locator("#rows tbody th").all_inner_texts()
        assert page.page.locator("#rows img").count() == 0
        assert "Needs somebody" in page.text("#verdict-text")
        assert "Failed: connection refused" in page.text("#sinks")
        assert "does not answer" in page.text("#panels")
        page.until("document.querySelector('#chart-price canvas') !== null")
        page.is_accessible()
        assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_page_without_a_feed_looks_so_and_comes_back(browser):
    """Since when, why, and that the values are old; then it is live again, by itself or at once on request."""
    expected = ("503",)
    with staged("steady") as (url, order), watching(browser, url, expected=expected) as page:
        page.until(LIVE)
        order("drop")
        page.until("document.documentElement.dataset.link === 'lost'")
        assert "Not connected since" in page.text("#banner-text")
        assert page.text("#link-word").startswith("reconnecting since ")
        page.until("document.querySelector('#verdict-text').textContent.startsWith('As of ')")
        assert "grayscale" in page.page.evaluate("getComputedStyle(document.querySelector('main')).filter")
        page.until("document.querySelector('#banner-text').textContent.includes('as many pages are open')")
        page.is_accessible()
        age = page.page.locator("#rows tbody td.c-age").first
        before = age.inner_text()
        page.page.wait_for_timeout(2_500)
        assert age.inner_text() == before
        order("serve")
        page.page.click("#banner-retry")
        page.until(LIVE)
        assert not page.page.is_visible("#banner")


def test_a_feed_that_has_ended_is_told_and_not_missed(browser):
    """One sentence, and no word of a lost connection."""
    with staged("steady") as (url, order), watching(browser, url, expected=("503",)) as page:
        page.until(LIVE)
        order("end")
        page.until("document.documentElement.dataset.link === 'ended'")
        assert "has ended" in page.text("#banner-text")
        assert "ended" in page.text("#verdict-text")
        page.page.wait_for_timeout(2_500)
        assert page.page.evaluate("document.documentElement.dataset.link") == "ended"
        page.is_accessible()


def test_a_feed_of_which_nothing_is_known_yet_has_words_for_it(browser):
    """No part is blank."""
    with staged("empty") as (url, _), watching(browser, url) as page:
        page.until(LIVE)
        page.until("document.querySelector('#rows-empty').hidden === false")
        for part in ("#route", "#chart-empty", "#rows-empty", "#timeline-empty"):
            assert len(page.text(part)) > 10, part
        assert "told of no leg yet" in page.text("#verdict-text")
        page.is_accessible()


def test_a_page_that_no_feed_has_answered_says_so(browser):
    """Every part waits, in words; the banner does not speak of values that nobody sees."""
    with staged("steady") as (url, order):
        order("drop")
        with watching(browser, url, expected=("503",)) as page:
            page.until("document.documentElement.dataset.link === 'lost'")
            assert "Nothing is known of the feed yet" in page.text("#banner-text")
            for part in ("#route", "#chart-empty", "#rows-empty", "#timeline-empty", "#rules", "#sinks"):
                assert page.text(part) == "Waiting for the feed …"
            page.is_accessible()
            order("serve")
            page.page.click("#banner-retry")
            page.until(LIVE)
            page.until("!document.querySelector('main').textContent.includes('Waiting for the feed')")


def test_a_critical_event_is_announced_once(browser):
    """Politely, and not those that had been there before."""
    with staged("steady") as (url, order), watching(browser, url) as page:
        page.until(LIVE)
        page.until("document.querySelectorAll('#timeline li[data-tone=bad]').length === 3")
        assert page.page.evaluate("document.querySelector('#announce').textContent") == ""
        order("failover")
        page.until("document.querySelector('#announce').textContent === 'Critical: primary is down: hung up'")
        assert page.page.get_attribute("#announce", "aria-live") == "polite"


def test_two_thousand_rows_are_few_elements(browser):
    """Only the rows in sight are elements, also after a jump to the end; how long the main thread was busy is told."""
    with staged("steady", 2_000) as (url, _), watching(browser, url) as page:
        page.until(LIVE)
        page.page.evaluate(
            """() => {
              window.long = [];
              new PerformanceObserver((list) => window.long.push(...list.getEntries().map((one) => one.duration)))
                .observe({type: "longtask"});
            }"""
        )
        rows = page.page.locator("#rows tbody tr[data-name]")
        assert page.page.get_attribute("#rows", "aria-rowcount") == "2001"
        for _ in range(30):
            page.page.evaluate("document.querySelector('#rows-scroll').scrollBy(0, 900)")
            page.page.wait_for_timeout(100)
            assert 0 < rows.count() < MOST_ELEMENTS
        page.page.focus("#rows")
        page.page.keyboard.press("End")
        page.until("document.querySelector('#rows tr[data-active]')?.dataset.name === 'XRP/USDT'")
        assert rows.count() < MOST_ELEMENTS
        assert page.page.locator("#rows tr[data-active]").get_attribute("aria-rowindex") == "2001"
        sys.stdout.write(f"long tasks, ms: {page.page.evaluate('window.long')}\n")


def test_the_way_in_takes_a_token_and_says_when_it_is_wrong(browser):
    """A wrong one is told where it was asked for; the right one leads to the feed."""
    with staged("steady") as (url, _), watching(browser, f"{url}/login", expected=("401",)) as page:
        page.page.fill("#token", "wrong")
        page.page.click("button[type=submit]")
        page.until("document.documentElement.dataset.failed === 'true'")
        assert "not the token" in page.text("#failed")
        page.is_accessible()
        page.page.fill("#token", "right")
        page.page.keyboard.press("Enter")
        page.page.wait_for_url(f"{url}/")
        page.until(LIVE)


def test_parts_of_the_page_by_themselves(browser):
    """Events that come in pieces are put together; marks that are near are one; words for numbers."""
    with staged("steady") as (url, _), watching(browser, url) as page:
        page.until(LIVE)
        split = """async () => {
          const { Events } = await import("/js/stream.js");
          const events = new Events();
          const text = ": hi\\n\\nid: 4\\nevent: frame\\ndata: [1,\\ndata: 2]\\r\\n\\r\\nevent: frame\\ndata:2\\n\\n";
          return [...text].flatMap((letter) => [...events.feed(letter)]);
        }"""
        assert page.page.evaluate(split) == [["frame", "[1,\n2]"], ["frame", "2"]]
        near = """async () => {
          const { cluster, words } = await import("/js/marks.js");
          const marks = [0, 3, 400].map((at_ms) => ({ at_ms, kind: "reject", text: "x" }));
          return cluster(marks, (ms) => ms).map((one) => one.members.length);
        }"""
        assert page.page.evaluate(near) == [2, 1]
        told = """async () => {
          const f = await import("/js/format.js");
          return [f.duration(59_999), f.duration(3_723_000), f.percent(99.999), f.micros(1240), f.rate(9.94)];
        }"""
        assert page.page.evaluate(told) == ["59 s", "1 h 02 min", "> 99.99 %", "1.24 ms", "9.9"]
