"""Whoever asks, and whatever is shown: neither the feed nor other pages are harmed."""

import socket
import struct
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from ticktrail.errors import ConfigError
from ticktrail.events import Notice
from ticktrail.plugin import PageOffer, Panel, Secret
from ticktrail_dashboard.web import door
from ticktrail_dashboard.web.address import bind, parse_place
from unit.dashboard.stage import PATIENCE_S, TOKEN, Page, client, served, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def token(tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    return Secret(file="token")


def connected(port, own_port=0):
    """Return a socket from a port of one's choice, which its end resets."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.bind(("127.0.0.1", own_port))
    one.settimeout(PATIENCE_S)
    one.connect(("127.0.0.1", port))
    return one


async def test_a_port_that_comes_again_ends_nobody_else(tmp_path, token):
    """Reset in the middle of a request and connected anew from the same port: both are let go of, the server stays."""
    wrong = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n"
    async with served(tmp_path, token=token) as (dashboard, told):
        first = connected(dashboard.port)
        own = first.getsockname()[1]
        first.sendall(wrong)
        await until(lambda: dashboard.summary()["wrong_tokens"] == 1)
        first.close()
        second = connected(dashboard.port, own)
        await until(lambda: len(dashboard.connections) == 2)
        second.close()
        await until(lambda: len(dashboard.connections) == 0)
        async with client(dashboard) as browser:
            assert (await browser.get("/login")).status_code == 200
        assert (dashboard.trouble(), dashboard.summary()["restarts"], told) == ("", 0, [])


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "http://localhost@evil.example"])
async def test_an_origin_that_is_none_is_refused_and_is_no_trouble(tmp_path, token, origin):
    """Nobody without the token can have the observer say that something is wrong with it."""
    async with served(tmp_path, token=token) as (dashboard, _), client(dashboard) as browser:
        answer = await browser.post("/login", data={"token": TOKEN}, headers={"origin": origin})
        assert answer.status_code == 403
        assert dashboard.trouble() == ""


async def test_two_feeds_on_one_host_keep_their_sessions_apart(tmp_path, token):
    """A browser keeps cookies by host, not by port: a session of one feed does not take the other's place."""
    async with (
        served(tmp_path, token=token) as (one, _),
        served(tmp_path, token=token) as (two, _),
        client(one) as browser,
    ):
        for dashboard in (one, two):
            origin = dashboard.url.rstrip("/")
            entered = await browser.post(f"{origin}/login", data={"token": TOKEN}, headers={"origin": origin})
            assert entered.status_code == 303
        for dashboard in (one, two):
            assert (await browser.get(f"{dashboard.url}healthz")).status_code == 200


async def test_a_stream_ends_with_its_session(tmp_path, token, monkeypatch):
    """A page that was left open is no way round the end of a session: it has to show the token again."""
    monkeypatch.setattr(door, "SESSION_S", 1.0)
    async with served(tmp_path, token=token) as (dashboard, _), client(dashboard) as browser:
        origin = dashboard.url.rstrip("/")
        await browser.post(f"{origin}/login", data={"token": TOKEN}, headers={"origin": origin})
        with trio.fail_after(10):
            async with browser.stream("GET", "/api/events") as answer:
                assert answer.status_code == 200
                with pytest.raises(
                    httpx.RemoteProtocolError
                ):  # cut, and not ended: nothing was the last frame
                    async for _ in answer.aiter_raw():
                        pass
        assert (await browser.get("/api/events")).status_code == 401
        await until(lambda: len(dashboard.connections) <= 1)


def offer(name, panel):
    class Shown:
        async def look(self):
            return panel

    @asynccontextmanager
    async def opened():
        yield Shown()

    return PageOffer(name=name, title=name, every_s=1, open=opened)


async def test_a_page_that_shows_nonsense_harms_no_other(tmp_path):
    """What is no panel, or cannot be sent, is told in its place."""
    offers = (
        offer("none", None),
        offer("odd", Panel(trouble="\udcff")),
        offer("huge", Panel(columns=["a"], rows=[[2**70]])),
        offer("good", Panel(trouble="fine")),
    )
    page = Page()
    async with served(tmp_path, pages=offers) as (dashboard, _), client(dashboard) as browser:
        async with trio.open_nursery() as nursery:
            await nursery.start(page.follow, browser)
            await until(lambda: len(page.parts.get("panels", {})) == 4)
            nursery.cancel_scope.cancel()
        said = {name: seen["panel"].get("trouble", "") for name, seen in page.parts["panels"].items()}
        assert (
            said["none"]
            == "this page cannot be shown: TypeError: a Panel is wanted of a page, not a NoneType"
        )
        assert said["odd"].startswith("this page cannot be shown: UnicodeEncodeError")
        assert said["good"] == "fine"
        assert dashboard.trouble() == ""


async def test_a_defect_of_the_dashboard_is_told_and_ends_no_feed(tmp_path):
    """A status that cannot be had, a record that nobody can read: the observer goes on, and says so once."""

    def status():
        raise LookupError("an observer that cannot count")

    async with served(tmp_path, status=status) as (dashboard, told), client(dashboard) as browser:
        await dashboard.observe([object()])
        await dashboard.observe([object()])
        async with browser.stream("GET", "/api/events") as answer:
            assert answer.status_code == 200
            await until(lambda: dashboard.hub.watching)
        (notice,) = told
        assert isinstance(notice, Notice)
        assert (notice.source, notice.name, notice.severity) == ("dashboard", "defect", "warning")
        assert dashboard.trouble() == notice.text
        assert (await browser.get("/")).status_code == 200
        assert (await browser.get("/healthz")).status_code == 500


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
def test_a_host_that_no_name_can_be_is_a_fault_of_the_address(host):
    """It is told as one that cannot be served at, with its key."""
    with pytest.raises(ConfigError, match=r"\[dashboard\] address: nothing can be served at"):
        bind(parse_place(f"{host}:8787"))
