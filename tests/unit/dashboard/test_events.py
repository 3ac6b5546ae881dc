"""What open pages are told of a feed: over real sockets, of feeds that run, fail over, fall behind and end."""

import re
import socket
import tracemalloc

import anyio
import pytest
import trio

from ticktrail.events import FeedStopped, FeedStopping
from ticktrail.model import ProviderId
from ticktrail.plugin import Figure, PageOffer, Panel, Routed, SystemClock
from ticktrail.testing import make_quote, make_trade
from ticktrail_dashboard.web.connection import Limits
from unit.dashboard.stage import PATIENCE_S, Page, client, raw, served, until, watched_feed

pytestmark = pytest.mark.anyio

TWO = """
[providers.one]
plugin = "synthetic"
ticks = {ticks}
[providers.two]
plugin = "synthetic"
"""
HYBRID = '[route]\nkind = "hybrid"\nprimary = "one"\nfallback = "two"\nstale_after_s = { trades = 0.5, quotes = 0.5 }\n'
SUBSCRIBE = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
MANY = [f"I{number:04}/USDT" for number in range(2_000)]


def batch(names, number=1):
    """Records of a trade of each instrument."""
    return [
        Routed(
            provider=ProviderId("one"),
            recv_ns=number,
            delivered=[make_trade(instrument=name, id=number, provider="one") for name in names],
        )
    ]


async def test_a_page_knows_what_the_feed_knows(tmp_path):
    """After the first frame, which is whole, changes lead to what the report says in the end, and the stream ends."""
    page = Page()
    providers = '[providers.one]\nplugin = "synthetic"\nrate = 200\n'
    async with (
        trio.open_nursery() as nursery,
        watched_feed(tmp_path, providers=providers) as (runner, browser),
    ):
        await nursery.start(page.follow, browser)
        await until(lambda: len(page.frames) >= 6 and len(page.rows) == 2 and page.parts.get("counts"))
        assert page.frames[0]["whole"]
        assert not any(frame.get("whole") for frame in page.frames[1:])
        chart = (await browser.get("/api/chart", params={"instrument": "BTC/USDT"})).json()
        assert len({len(chart[key]) for key in ("at_ms", "last", "bid", "ask")}) == 1
        runner.stop()
        await until(lambda: page.parts.get("state") == "ended")
    report = runner.report()
    assert page.ids == list(range(page.ids[0], page.ids[0] + len(page.ids)))
    assert page.parts["feed"] == "watched"
    assert page.parts["counts"]["delivered"] == sum(report.delivered.values())
    assert sum(row[9] for row in page.rows.values()) == sum(report.delivered.values())
    assert page.parts["legs"]["one"]["received"] == sum(report.received["one"].values())
    assert page.parts["lanes"]["memory"]["written"] == report.sinks["memory"].written
    assert sum(page.parts["latency"]["counts"]) == report.sinks["memory"].written
    assert page.parts["latency"]["p50_us"] == round(report.latency_us.p50, 1)
    assert page.parts["latency"]["p99_us"] == round(report.latency_us.p99, 1)
    numbers = [item["number"] for item in page.timeline]
    assert numbers == list(range(1, len(numbers) + 1))
    events = [item["event"] for item in page.timeline]
    assert events[-1] == "feed_stopped"
    assert "feed_started" in events
    assert "leg_up" in events


async def test_a_page_sees_a_failover(tmp_path):
    """Who speaks, since when, for which instruments, and the sentence of it; the chart has a mark."""
    page = Page()
    feed = watched_feed(tmp_path, providers=TWO.format(ticks=120), route=HYBRID)
    async with trio.open_nursery() as nursery, feed as (runner, browser):
        await nursery.start(page.follow, browser)
        await until(lambda: any(item["event"] == "leg_switched" for item in page.timeline))
        await until(lambda: all(row[6] == "two" for row in page.rows.values()))
        await until(lambda: page.parts["route"][0]["speaks_for"] == {"one": 0, "two": 2})
        chart = (await browser.get("/api/chart", params={"instrument": "BTC/USDT"})).json()
        runner.stop()
    switched = next(item for item in page.timeline if item["event"] == "leg_switched")
    assert (switched["kind"], switched["about"]) == ("route", "two")
    assert switched["text"].startswith("speaks for ")
    assert " in place of one (" in switched["text"]
    (node,) = page.parts["route"]
    assert node["children"] == {"one": "one", "two": "two"}
    assert node["since_ms"]["two"] == switched["at_ms"]
    assert [mark["kind"] for mark in chart["marks"]] == ["switch"]
    assert page.parts["legs"]["one"]["state"] == "down"
    assert page.parts["counts"]["switches"] == 1


async def test_pages_of_plugins_are_told(tmp_path):
    """One that can be looked at is; one that raises, hangs or cannot be opened shows its trouble."""

    async def good():
        return Panel(figures=[Figure(label="open", value="3")], columns=["a"], rows=[["x"]] * 200)

    async def bad():
        raise LookupError("no such thing")

    class Offered:
        def __init__(self, look, *, opens=True):
            self.look, self.opens = look, opens

        async def __aenter__(self):
            if not self.opens:
                raise OSError("no key")
            return self

        async def __aexit__(self, *exc):
            return None

    offers = [
        PageOffer(name=name, title=name.title(), every_s=1, open=lambda page=page: page)
        for name, page in {
            "good": Offered(good),
            "bad": Offered(bad),
            "hung": Offered(anyio.sleep_forever),
            "closed": Offered(good, opens=False),
        }.items()
    ]
    page = Page()
    async with served(tmp_path, pages=offers) as (dashboard, _), client(dashboard) as browser:
        dashboard.panels.within_s = 0.2
        assert dashboard.panels.seen() == {}
        async with trio.open_nursery() as nursery:
            await nursery.start(page.follow, browser)
            await until(lambda: len(page.parts.get("panels", {})) == 4)
            nursery.cancel_scope.cancel()
    panels = page.parts["panels"]
    assert panels["good"]["panel"]["figures"] == [
        {"label": "open", "value": "3", "mood": "plain", "note": ""}
    ]
    assert len(panels["good"]["panel"]["rows"]) == 100
    assert panels["bad"]["panel"]["trouble"] == "this page cannot be shown: LookupError: no such thing"
    assert panels["hung"]["panel"]["trouble"] == "this page gave no answer within 0.2 s"
    assert panels["closed"]["panel"]["trouble"] == "this page cannot be opened: OSError: no key"


async def test_all_pages_get_the_same_bytes_and_a_late_one_starts_whole(tmp_path):
    """A frame is built once, however many look; who comes later has the same in the end."""
    pages = [Page() for _ in range(5)]
    async with (
        served(tmp_path) as (dashboard, _),
        client(dashboard) as browser,
        trio.open_nursery() as nursery,
    ):
        for page in pages:
            await nursery.start(page.follow, browser)
        for number in range(1, 6):
            await dashboard.observe(batch(MANY[:50], number))
            await trio.sleep(0.3)
        late = Page()
        await nursery.start(late.follow, browser)
        await until(lambda: late.frames)
        assert late.frames[0]["whole"]
        await dashboard.observe(batch(MANY[:50], 6))
        await until(lambda: all(page.rows.get(MANY[0], [0] * 10)[9] == 6 for page in (*pages, late)))
        assert all(page.rows == late.rows for page in pages)
        nursery.cancel_scope.cancel()


async def test_nobody_looks_and_nothing_is_built(tmp_path):
    """Without a page no frame is made, and the feed is not asked how it stands."""
    asked = []
    async with (
        served(tmp_path, status=lambda: asked.append(1)) as (dashboard, _),
        client(dashboard) as browser,
    ):
        await dashboard.observe(batch(MANY[:10]))
        await trio.sleep(0.6)
        assert asked == []
        page = Page()
        async with trio.open_nursery() as nursery:
            await nursery.start(page.follow, browser)
            await until(lambda: page.frames)
            nursery.cancel_scope.cancel()
        assert asked
        await until(lambda: dashboard.hub.watching == 0)
        before = len(asked)
        await trio.sleep(2.2)
        assert len(asked) <= before + 1


async def test_a_page_that_does_not_read_is_dropped(tmp_path):
    """Its socket fills, its write meets the deadline; the observer and a page beside it never wait."""
    limits = Limits(write_s=6)
    async with served(tmp_path, limits=limits) as (dashboard, _), client(dashboard) as browser:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.connect(("127.0.0.1", dashboard.port))
            deaf.sendall(SUBSCRIBE)
            await until(lambda: dashboard.hub.watching == 1)
            page, number = Page(), 0
            async with trio.open_nursery() as nursery:
                await nursery.start(page.follow, browser)
                with trio.fail_after(PATIENCE_S):
                    while dashboard.summary()["dropped"] == 0:
                        number += 1
                        with trio.fail_after(5):  # a write that it waited for would take longer in the end
                            await dashboard.observe(batch(MANY, number))
                        await trio.sleep(0.1)
                await until(lambda: dashboard.hub.watching == 1)
                await until(lambda: page.rows.get(MANY[-1], [0] * 10)[9] == number)
                nursery.cancel_scope.cancel()
        assert dashboard.trouble() == ""


async def test_a_page_that_reads_slowly_gets_the_last_of_it_whole(tmp_path):
    """It misses frames, and knows the same as everybody when it has read on."""
    async with served(tmp_path) as (dashboard, _):
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        deaf.connect(("127.0.0.1", dashboard.port))
        deaf.setblocking(False)
        async with trio.SocketStream(trio.socket.from_stdlib_socket(deaf)) as stream:
            await stream.send_all(SUBSCRIBE)
            await until(lambda: dashboard.hub.watching == 1)
            for number in range(1, 9):
                await dashboard.observe(batch(MANY, number))
                await trio.sleep(0.5)
            got = b""
            newest = re.compile(rb'"I1999/USDT",[^]]*,8,0]')
            with trio.fail_after(PATIENCE_S):
                while not newest.search(got[-300_000:]) or not got.endswith(b"\n\n\r\n"):
                    got += await stream.receive_some(65_536)
        page = Page()
        for event in events_of(got):
            page.take(*event)
        assert sum(bool(frame.get("whole")) for frame in page.frames) >= 2
        assert all(row[9] == 8 for row in page.rows.values())


def events_of(got):
    """Return the events of a chunked answer, the last one only if it is whole."""
    _, _, rest = got.partition(b"\r\n\r\n")
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16) if size else 0
        if len(rest) < length + 2:
            break
        body, rest = body + rest[:length], rest[length + 2 :]
    for event in body.split(b"\n\n")[:-1]:
        number, name, data = (line.partition(b": ")[2].decode() for line in event.split(b"\n"))
        yield name, data, int(number)


async def test_two_hundred_at_once_are_within_bounds(tmp_path):
    """As many as may look do; the others are told to come again, and memory does not grow with them."""
    async with served(tmp_path, most_pages=20) as (dashboard, _):
        await dashboard.observe(batch(MANY[:100]))
        answers, statuses = [], []

        async def look():
            stream = await trio.open_tcp_stream("127.0.0.1", dashboard.port)
            async with stream:
                await stream.send_all(SUBSCRIBE)
                answers.append(stream)
                got = b""
                while b"\r\n\r\n" not in got:
                    part = await stream.receive_some()
                    if not part:
                        break
                    got += part
                statuses.append(got[9:12])
                if got[9:12] == b"503":
                    assert b"retry-after: 5" in got
                    return
                await trio.sleep_forever()

        tracemalloc.start()
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(200):
                    nursery.start_soon(look)
                await until(lambda: len(statuses) == 200)
                assert statuses.count(b"200") == 20
                assert statuses.count(b"503") == 180
                assert len(dashboard.connections) <= dashboard.connections.most
                assert tracemalloc.get_traced_memory()[1] < 64_000_000
                nursery.cancel_scope.cancel()
        finally:
            tracemalloc.stop()
        await until(lambda: dashboard.hub.watching == 0)
        assert dashboard.summary()["refused"] == 180
        assert dashboard.trouble() == ""


async def test_a_feed_that_ends_tells_its_pages_and_lets_them_go(tmp_path):
    """The last frame says so; a page that does not read holds up nobody, however long a write may take."""
    page = Page()
    limits = Limits(write_s=60, plain_life_s=60)  # longer than the test's patience
    async with trio.open_nursery() as nursery:
        with socket.socket() as deaf, trio.fail_after(PATIENCE_S):
            async with served(tmp_path, limits=limits) as (dashboard, _):
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                deaf.connect(("127.0.0.1", dashboard.port))
                deaf.sendall(SUBSCRIBE)
                browser = await nursery_client(nursery, dashboard)
                await nursery.start(page.follow, browser)
                for number in range(1, 6):
                    await dashboard.observe(batch(MANY, number))
                    await trio.sleep(0.3)
                await dashboard.observe([FeedStopping(at_ns=1, cause="requested"), STOPPED])
        await until(lambda: page.parts.get("state") == "ended")
    assert page.timeline[-1]["event"] == "feed_stopped"
    with pytest.raises(OSError, match=r"refused|failed"):
        await raw(dashboard.port, b"")


STOPPED = FeedStopped(
    at_ns=2, cause="requested", received={}, delivered={}, rejected={}, suppressed={}, undecodable=0
)


async def test_a_feed_that_fails_does_not_wait_for_a_page(tmp_path):
    """Where the observer's context is left by an error, a write that nobody reads ends with it."""
    limits = Limits(write_s=60, plain_life_s=60)  # longer than the test's patience

    async def fail(deaf):
        async with served(tmp_path, limits=limits) as (dashboard, _):
            deaf.connect(("127.0.0.1", dashboard.port))
            deaf.sendall(SUBSCRIBE)
            await until(lambda: dashboard.hub.watching == 1)
            for number in range(1, 6):
                await dashboard.observe(batch(MANY, number))
                await trio.sleep(0.4)
            raise LookupError("of the feed")

    with socket.socket() as deaf, trio.fail_after(PATIENCE_S):
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with pytest.raises(BaseExceptionGroup) as caught:
            await fail(deaf)
    assert caught.group_contains(LookupError)


async def nursery_client(nursery, dashboard):
    """Return a client that lives as long as the nursery."""

    async def live(task_status):
        async with client(dashboard) as browser:
            task_status.started(browser)
            await until(lambda: dashboard.hub.has_ended)
            await trio.sleep(0.5)

    return await nursery.start(live)


async def test_what_an_instrument_is_is_told(tmp_path):
    """Decimals are the venue's own digits; a row has the spread, and goes quiet when nothing comes any more."""
    page = Page()
    async with served(tmp_path, fresh_s=0.5) as (dashboard, _), client(dashboard) as browser:
        now = SystemClock().now_ns
        quote = make_quote(instrument="A/B", bid="100.10", ask="100.250", provider="one", recv_ns=now())
        trade = make_trade(instrument="A/B", price="0.00000010", provider="one", recv_ns=now())
        async with trio.open_nursery() as nursery:
            await nursery.start(page.follow, browser)
            await dashboard.observe([Routed(provider="one", recv_ns=now(), delivered=[quote, trade])])
            await until(lambda: "A/B" in page.rows)
            assert page.rows["A/B"][1:5] == ["0.00000010", "100.10", "100.250", "0.150"]
            assert page.rows["A/B"][6] == "one"
            await until(lambda: page.rows["A/B"][8] == "quiet")
            nursery.cancel_scope.cancel()
