"""What is answered to whom, over real sockets: headers, names, tokens, limits."""

import re
import socket

import httpx
import pytest
import trio
import trustme

from ticktrail.plugin import Secret
from ticktrail_dashboard.web.connection import Limits
from ticktrail_dashboard.web.door import MOST_HELD_BACK, TELL_AFTER
from unit.dashboard.stage import PATIENCE_S, TOKEN, client, raw, served, until

pytestmark = pytest.mark.anyio
UPGRADE = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: %s\r\n"
SOCKET = (
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
GET = b"GET /api/chart HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def token(tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    return Secret(file="token")


def is_guarded(headers):
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers
    return True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/index.html", 200),
        ("GET", "/login", 200),
        ("GET", "/nothing", 404),
        ("GET", "/api/chart?instrument=NO/SUCH", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 503),
        ("HEAD", "/api/events", 200),
        ("POST", "/", 405),
        ("PUT", "/api/events", 405),
        ("DELETE", "/login", 405),
        ("OPTIONS", "/", 405),
        ("TRACE", "/", 405),
        ("POST", "/login", 403),
        ("GET", "/" + "a" * 3_000, 414),
    ],
)
async def test_every_answer_is_guarded(tmp_path, method, path, status):
    """Whatever is asked: the answer has the headers that hold a browser back, and no traceback."""
    async with served(tmp_path) as (dashboard, _), client(dashboard) as browser:
        answer = await browser.request(method, path)
        assert answer.status_code == status
        assert is_guarded(answer.headers)
        assert "Traceback" not in answer.text
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 50,
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ],
)
async def test_a_malformed_request_is_answered_and_the_connection_ended(tmp_path, head):
    """Also what never reaches the application is guarded; the next one is served as ever."""
    async with served(tmp_path) as (dashboard, _):
        got = await raw(dashboard.port, head)
        assert re.match(rb"HTTP/1\.1 4\d\d ", got)
        assert b"content-security-policy: default-src 'none'" in got
        async with client(dashboard) as browser:
            assert (await browser.get("/")).status_code == 200
        await until(lambda: len(dashboard.connections) == 0)
        assert dashboard.trouble() == ""


@pytest.mark.parametrize(
    "head",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)),
        UPGRADE % b"h2c" + b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: \r\n\r\n",
        UPGRADE % b"websocket" + SOCKET,
    ],
)
async def test_no_other_protocol_is_served(tmp_path, head):
    """Who asks for HTTP/2 in plain text, or for a web socket, learns nothing; the connection ends."""
    limits = Limits(headers_s=1, plain_life_s=2)
    async with served(tmp_path, limits=limits) as (dashboard, _):
        got = await raw(dashboard.port, head)
        assert b"<!doctype" not in got
        async with client(dashboard) as browser:
            assert (await browser.get("/")).status_code == 200
        await until(lambda: len(dashboard.connections) == 0)
        assert dashboard.trouble() == ""


async def test_only_the_names_of_the_server_are_answered(tmp_path):
    """A name of a stranger's that leads to this machine (DNS rebinding) gets nothing."""
    async with served(tmp_path, hosts=("watch.example",)) as (dashboard, _), client(dashboard) as browser:
        for name, status in {
            "127.0.0.1": 200,
            f"127.0.0.1:{dashboard.port}": 200,
            "localhost:1": 200,
            "[::1]:5": 200,
            "watch.example": 200,
            "WATCH.example:443": 200,
            "evil.example": 421,
            "127.0.0.1.evil.example": 421,
            "localhost.evil.example:80": 421,
            "10.0.0.1": 421,
            "": 421,
        }.items():
            answer = await browser.get("/", headers={"host": name})
            assert (name, answer.status_code) == (name, status)
            assert (
                await browser.get("/api/events" if status != 200 else "/", headers={"host": name})
            ).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/../plugin.py",
        "/..%2fplugin.py",
        "/%2e%2e/settings.py",
        "/static/../../settings.py",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/..\\plugin.py",
        "/index.html%00.js",
    ],
)
async def test_nothing_outside_of_the_page_is_served(tmp_path, path):
    """Files are found by name among those of the package's page, never by path."""
    async with served(tmp_path) as (dashboard, _):
        got = await raw(
            dashboard.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        assert got.startswith(b"HTTP/1.1 404 ")
        assert b"import" not in got


async def test_a_file_that_is_known_is_not_sent_again(tmp_path):
    """The tag of a file's bytes is answered with 304 and no body."""
    async with served(tmp_path) as (dashboard, _), client(dashboard) as browser:
        first = await browser.get("/")
        assert first.headers["content-type"] == "text/html; charset=utf-8"
        again = await browser.get("/", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await browser.get("/", headers={"if-none-match": '"other"'})
        assert other.content == first.content


async def test_without_the_token_nothing_is_told(tmp_path, token):
    """A program is asked for it, a person is led to the way in; with it both are served."""
    async with served(tmp_path, token=token) as (dashboard, _), client(dashboard) as browser:
        for path in ("/api/events", "/api/chart?instrument=X", "/nothing"):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
        led = await browser.get("/")
        assert (led.status_code, led.headers["location"]) == (303, "/login")
        wrong = await browser.get("/", headers={"authorization": f"Bearer {TOKEN}x"})
        assert wrong.status_code == 401
        assert TOKEN not in wrong.text
        for shown in (f"Bearer {TOKEN}", f"bearer {TOKEN}"):
            assert (await browser.get("/", headers={"authorization": shown})).status_code == 200


async def test_a_browser_gets_a_session_for_the_token(tmp_path, token):
    """The cookie holds a random id, is for this site's own requests alone, and no script sees it."""
    async with served(tmp_path, token=token) as (dashboard, _), client(dashboard) as browser:
        own = {"origin": dashboard.url.rstrip("/")}
        entered = await browser.post("/login", data={"token": TOKEN}, headers=own)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie
        assert TOKEN not in cookie
        assert (await browser.get("/")).status_code == 200
        async with client(dashboard, cookies={f"ticktrail-{dashboard.port}": "guess"}) as stranger:
            assert (await stranger.get("/api/chart")).status_code == 401


async def test_a_form_of_another_site_is_not_taken(tmp_path, token):
    """Neither with the origin of another, nor without one; a browser's own word for it counts."""
    async with served(tmp_path, token=token) as (dashboard, _), client(dashboard) as browser:
        form = {"token": TOKEN}
        for headers, status in (
            ({}, 403),
            ({"origin": "null"}, 403),
            ({"origin": "http://evil.example"}, 403),
            ({"origin": dashboard.url.rstrip("/") + "0"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"sec-fetch-site": "same-origin"}, 303),
        ):
            assert (await browser.post("/login", data=form, headers=headers)).status_code == status


async def test_wrong_tokens_are_slowed_counted_and_told_once(tmp_path, token):
    """Many at once are refused without a comparison's worth of time each; the right one is served meanwhile."""
    async with served(tmp_path, token=token) as (dashboard, told), client(dashboard) as browser:
        statuses = []

        async def guess(number):
            headers = {"origin": dashboard.url.rstrip("/")}
            answer = await browser.post("/login", data={"token": f"guess {number}"}, headers=headers)
            statuses.append(answer.status_code)

        async with trio.open_nursery() as nursery:
            for number in range(MOST_HELD_BACK * 3):
                nursery.start_soon(guess, number)
            await until(lambda: 429 in statuses)
            served_meanwhile = await browser.get("/", headers={"authorization": f"Bearer {TOKEN}"})
            assert served_meanwhile.status_code == 200
        assert statuses.count(401) >= MOST_HELD_BACK
        assert statuses.count(429) >= 1
        assert dashboard.summary()["wrong_tokens"] == MOST_HELD_BACK * 3 >= TELL_AFTER
        warnings = [notice for notice in told if notice.name == "wrong_tokens"]
        assert len(warnings) == 1
        assert "[dashboard] token" in warnings[0].text
        assert TOKEN not in warnings[0].text
        assert "guess" not in warnings[0].text.replace("guesses", "")


async def test_a_form_is_small_or_refused(tmp_path, token):
    """Nothing is kept of one that is too large."""
    async with served(tmp_path, token=token) as (dashboard, _), client(dashboard) as browser:
        headers = {"origin": dashboard.url.rstrip("/")}
        large = await browser.post("/login", data={"token": "x" * 100_000}, headers=headers)
        assert large.status_code == 413
        await until(lambda: len(dashboard.connections) <= 1)


async def test_slow_requests_are_given_up(tmp_path):
    """Who sends the head of a request byte by byte is disconnected, however busy they keep."""
    async with served(tmp_path, limits=Limits(headers_s=1)) as (dashboard, _):
        stream = await trio.open_tcp_stream("127.0.0.1", dashboard.port)
        async with stream:
            ended = trio.Event()

            async def drip():
                try:
                    while True:
                        await stream.send_all(b"x")
                        await trio.sleep(0.05)
                except trio.BrokenResourceError:
                    ended.set()

            with trio.fail_after(PATIENCE_S):
                async with trio.open_nursery() as nursery:
                    await stream.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
                    nursery.start_soon(drip)
                    await ended.wait()
                    nursery.cancel_scope.cancel()
        await until(lambda: len(dashboard.connections) == 0)


async def test_a_connection_that_is_no_page_ends(tmp_path):
    """However it is used: nobody holds one for ever, but a page that is told of changes."""
    async with served(tmp_path, limits=Limits(plain_life_s=0.5, headers_s=60)) as (dashboard, _):
        assert await raw(dashboard.port, b"GET / HTTP/1.1\r\n") == b""
        assert dashboard.summary()["dropped"] == 0


async def test_too_many_connections_are_refused(tmp_path):
    """One more than there is room for is told to come again, and memory stays bounded."""
    async with served(tmp_path, most_pages=1) as (dashboard, _):
        streams = [
            await trio.open_tcp_stream("127.0.0.1", dashboard.port) for _ in range(dashboard.connections.most)
        ]
        await until(lambda: len(dashboard.connections) == dashboard.connections.most)
        got = await raw(dashboard.port)
        assert got.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5" in got
        assert b"content-security-policy" in got
        for stream in streams:
            await trio.aclose_forcefully(stream)
        await until(lambda: len(dashboard.connections) == 0)


async def test_pages_beyond_their_number_keep_nobody_out(tmp_path):
    """Who is refused a page is sent away at once, however long they hold on: programs still get their answers."""
    async with served(tmp_path, most_pages=1) as (dashboard, _):
        beside = dashboard.connections.most - 1
        crowd = [await trio.open_tcp_stream("127.0.0.1", dashboard.port) for _ in range(beside)]
        for stream in crowd:
            await stream.send_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: len(dashboard.connections) == 1)
        async with client(dashboard) as program:
            assert (await program.get("/metrics")).status_code == 200
        for stream in crowd:
            await trio.aclose_forcefully(stream)


async def test_https_is_served(tmp_path, token):
    """With a certificate; the session's cookie then goes over HTTPS alone."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    (tmp_path / "chain.pem").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    keys = {"certificate": "chain.pem", "certificate_key": "key.pem", "token": token}
    async with served(tmp_path, **keys) as (dashboard, _):
        assert dashboard.url.startswith("https://127.0.0.1:")
        context = httpx.create_ssl_context()
        authority.configure_trust(context)
        async with client(dashboard, verify=context) as browser:
            entered = await browser.post(
                "/login", data={"token": TOKEN}, headers={"origin": dashboard.url.rstrip("/")}
            )
            assert entered.headers["set-cookie"].startswith(f"__Host-ticktrail-{dashboard.port}=")
            assert "secure" in entered.headers["set-cookie"].lower()
            assert (await browser.get("/")).status_code == 200
        assert await raw(dashboard.port, GET + b"\r\n") == b""  # plain text to it is no handshake


async def test_a_server_that_fails_is_told_once_and_served_again(tmp_path):
    """The feed's observer goes on; the port is the same as before."""
    async with served(tmp_path) as (dashboard, told), client(dashboard) as browser:
        dashboard.listener.shutdown(socket.SHUT_RDWR)
        await until(lambda: dashboard.summary()["restarts"] == 1)
        await dashboard.observe([])
        assert "the dashboard is not served" in dashboard.trouble()
        await until(lambda: dashboard.trouble() == "")
        assert (await browser.get("/")).status_code == 200
        notices = [(notice.name, notice.is_over) for notice in told]
        assert notices == [("not_served", False), ("not_served", True)]


async def test_pages_can_be_left_out(tmp_path):
    """Where only metrics or health are wanted, no page and no stream is served."""
    async with served(tmp_path, parts=("metrics",)) as (dashboard, _), client(dashboard) as browser:
        for path in ("/", "/api/events", "/api/chart"):
            assert (await browser.get(path)).status_code == 404
