"""Make the pictures of the dashboard in ``docs/_static``: of a feed that has a bad price and a failover behind it.

Run from the workspace: ``.venv/bin/python docs/make_screenshots.py``. It takes two minutes, needs Chromium, and nothing
beyond loopback.
"""

import json
import re
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from browser import line_with, open_browser, watching  # noqa: E402 - from the tests
from system.program import running, venue  # noqa: E402
from time_servers import time_server  # noqa: E402

COINS = (
    "BTC",
    "ETH",
    "SOL",
    "XRP",
    "BNB",
    "ADA",
    "DOGE",
    "AVAX",
    "DOT",
    "LINK",
    "LTC",
    "ATOM",
    "NEAR",
    "UNI",
    "XLM",
    "ETC",
)
INSTRUMENTS = [f"{coin}/USDT" for coin in COINS]
STORY_S = 80  # what is to be seen has happened by then
GROWN_S = 30
MARGIN_PX = 14
MOST_BYTES = 400_000
FAULTS = """\
[[fault]]
kind = "lie"
at_s = 40.0
for_s = 0.2
factor = 1.2
path = "/a"

[[fault]]
kind = "mute"
at_s = 70.0
for_s = 8.0
path = "/a"
"""
FEED = """\
[feed]
name = "spot-eu"
profile = "production"
instruments = {instruments}
channels = ["trades", "quotes"]

[providers.primary]
plugin = "binance"
ws_url = "{ws_url}/a"
rest_url = "{rest_url}/a"

[providers.fallback]
plugin = "binance"
ws_url = "{ws_url}/b"
rest_url = "{rest_url}/b"

[route]
kind = "hybrid"
primary = "primary"
fallback = "fallback"
stale_after_s = {{ trades = 2.0, quotes = 2.0 }}
failback_after_s = 5.0

[clock]
servers = ["{clock}"]
chrony = "off"
samples = 4
every_min_s = 8
every_max_s = 12

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
"""
WIDE, NARROW = {"width": 1440, "height": 1200}, {"width": 390, "height": 1400}
PICTURES = {  # from the upper edge of one part to the lower edge of another
    "wide": (WIDE, ".head", ".area-instruments"),
    "measures": (WIDE, ".area-rules", ".panels"),
    "narrow": (NARROW, ".head", ".area-chart"),
}
EDGES = """([upper, lower]) => [
  document.querySelector(upper).getBoundingClientRect().top + window.scrollY,
  document.querySelector(lower).getBoundingClientRect().bottom + window.scrollY,
]"""


def main() -> None:
    """Let a feed live through its story, and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "faults.toml").write_text(FAULTS)
        market = [word for instrument in INSTRUMENTS for word in ("--instrument", instrument)]
        with (
            time_server(offset_s=0.0012) as clock,
            venue("--synthetic", *market, "--rate", 300, "--faults", folder / "faults.toml") as addresses,
        ):
            feed = folder / "feed.toml"
            feed.write_text(
                FEED.format(instruments=json.dumps(INSTRUMENTS), clock=clock.address, **addresses)
            )
            with running("run", feed, "--dashboard", "127.0.0.1:0") as process:
                url = re.search(r"http://[^\s\"]+", line_with(process.stderr, "dashboard: http"))[0]
                time.sleep(STORY_S)
                take(url)


def take(url: str) -> None:
    """Take the pictures of the page at an address, once sparklines have grown."""
    target = HERE / "_static"
    target.mkdir(exist_ok=True)
    with open_browser() as browser, ExitStack() as stack:
        pages = [
            (
                f"{name}-{scheme}",
                upper,
                lower,
                stack.enter_context(watching(browser, url, size=size, scheme=scheme)),
            )
            for name, (size, upper, lower) in PICTURES.items()
            for scheme in ("light", "dark")
        ]
        time.sleep(GROWN_S)
        for name, upper, lower, watched in pages:
            page = watched.page
            page.bring_to_front()
            watched.until("document.querySelector('#chart-price canvas') !== null")
            page.uncheck("#timeline-kinds input[value=clock]")  # measured often here, for a longer line
            page.evaluate("window.scrollTo(0, 0)")
            page.wait_for_timeout(5_000)
            top, bottom = page.evaluate(EDGES, [upper, lower])
            top = max(0, top - MARGIN_PX)
            clip = {
                "x": 0,
                "y": top,
                "width": page.viewport_size["width"],
                "height": bottom + MARGIN_PX - top,
            }
            path = target / f"dashboard-{name}.png"
            page.screenshot(path=path, full_page=True, clip=clip)
            size = path.stat().st_size
            if size > MOST_BYTES:
                sys.exit(f"{path} has {size} bytes: {MOST_BYTES} at most")
            sys.stdout.write(f"{path}: {size} bytes\n")


if __name__ == "__main__":
    main()
