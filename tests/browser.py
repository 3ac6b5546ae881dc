"""A browser for tests of pages: Debian's Chromium, driven by Playwright, and what a page may not do under its eyes."""

import json
import os
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from debian import why_without

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIMIT_MS = 60_000  # generous: a test waits for what it wants to see, never for a time
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 780}

VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
});
"""


@contextmanager
def open_browser():
    """Start the browser; skip the test where there is none, unless services are required."""
    if reason := why_without("chromium", "chromium", limit_s=600):
        if os.environ.get("TICKTRAIL_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with _playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _playwright():
    """Drive it; what Playwright's own loop leaves open at its end is not a test's."""
    with sync_playwright() as playwright:
        yield playwright


class Watched:
    """A page of one server, and all that it did: asked for, told the console, and was refused."""

    def __init__(self, browser, url, *, size=WIDE, scheme="light", expected=()):
        self.url = url
        self.context = browser.new_context(viewport=size, color_scheme=scheme)
        self.context.set_default_timeout(LIMIT_MS)
        self.page = self.context.new_page()
        self.page.add_init_script(VIOLATIONS)
        self.requests = []
        self.said = []
        self._expected = expected
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        self.page.goto(url)

    def is_clean(self):
        """Say that the page asked nobody else, broke no policy, and had nothing to complain of."""
        host = urlsplit(self.url).netloc
        strangers = [
            url for url in self.requests if urlsplit(url).netloc != host and not url.startswith("data:")
        ]
        assert strangers == []
        assert self.requests
        assert self.page.evaluate("window.violations") == []
        bad = [line for line in self.said if line.startswith(("error", "warning"))]
        assert [line for line in bad if not any(word in line for word in self._expected)] == []

    def is_accessible(self):
        """Say that axe finds nothing serious or critical."""
        found = Axe().run(self.page).response["violations"]
        serious = {
            violation["id"]: [
                (node["html"][:160], node["failureSummary"][:300]) for node in violation["nodes"][:3]
            ]
            for violation in found
            if violation["impact"] in ("serious", "critical")
        }
        assert serious == {}, json.dumps(serious, indent=2)

    def until(self, expression, argument=None):
        """Wait until a JavaScript expression is true of the page.

        Asked again and again from here: what Playwright puts into a page to wait is against the page's policy.
        """
        deadline = time.monotonic() + LIMIT_MS / 1_000
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < deadline, f"it did not come to {expression}"
            self.page.wait_for_timeout(100)

    def text(self, selector):
        """Return what an element shows."""
        return self.page.inner_text(selector)


@contextmanager
def watching(browser, url, **more):
    """Open a page, and see at its end that it was clean."""
    watched = Watched(browser, url, **more)
    try:
        yield watched
        watched.is_clean()
    finally:
        watched.context.close()


def line_with(stream, word, limit_s=120):
    """Return the first line of a program that has a word in it, and keep its pipe empty from then on."""
    found, seen = threading.Event(), []

    def read():
        for line in stream:
            seen.append(line)
            if word in line:
                found.set()
        found.set()  # it has ended

    threading.Thread(target=read, daemon=True).start()
    assert found.wait(limit_s), f"no line with {word!r}"
    return next((line for line in seen if word in line), None) or pytest.fail("".join(seen))
