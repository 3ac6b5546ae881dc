"""Answer requests: the page and its files, the stream of frames, charts, and the way in.

Owns: the routes, and what every request must satisfy first.
Never: changes anything of a feed: all there is to ask for can only be read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec
import trio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from ticktrail_dashboard.state.encoding import encode
from ticktrail_dashboard.view import Chart
from ticktrail_dashboard.web.connection import Connections
from ticktrail_dashboard.web.door import SESSION_S, Door
from ticktrail_dashboard.web.files import StaticFile
from ticktrail_dashboard.web.hub import Hub

__all__ = ["App", "Machine"]

Machine = Callable[[str], tuple[int, bytes, str]]
"""Answers a program that asks, by what it accepts: status, body, content type."""

MOST_FORM: Final = 4_096
FORM_WITHIN_S: Final = 5.0
MOST_TARGET: Final = 2_048
MOST_HEAD: Final = 16 * 1024
_LOGIN: Final = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ticktrail: sign in</title>
<form method="post" action="/login">
<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Look</button>
</form>
</html>
"""


class App:
    """The application.

    Args:
        door: Who may look.
        hub: What open pages are told; None: no pages are served.
        files: The page's files.
        chart: Returns the chart of an instrument; None: the feed has no such instrument.
        connections: Those that are open.
        machines: By path, what programs may ask for.
    """

    def __init__(
        self,
        *,
        door: Door,
        hub: Hub | None,
        files: Mapping[str, StaticFile],
        chart: Callable[[str], Chart | None],
        connections: Connections,
        machines: Mapping[str, Machine],
    ) -> None:
        self._door = door
        self._hub = hub
        self._files = files
        self._chart = chart
        self._connections = connections
        self._machines = machines
        self._is_secure = door.cookie.startswith("__Host-")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a defect is answered too, and told without a traceback."""
        if scope["type"] != "http":
            return  # a web socket or a life-span message: nobody here speaks those, and hypercorn closes it
        began = False

        async def sent(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
            if answer is not None:
                await answer(scope, receive, sent)
            else:
                await self._stream(request, sent)
        except ClientDisconnect:
            return  # there is nobody left to answer
        except Exception as exc:  # noqa: BLE001 - whatever it is, the next request is answered
            self._connections.fail(exc)
            if not began:
                await _error(500, "this request failed by a defect; the feed's observer tells more")(
                    scope, receive, sent
                )

    async def _answer(self, request: Request) -> Response | None:  # noqa: PLR0911 - one for each thing that may be wrong
        """Return the answer; None: it is the stream of frames."""
        headers, path, method = request.headers, request.url.path, request.method
        if request.scope["http_version"] not in ("1.0", "1.1"):
            return _error(505, "HTTP/1.1 is served here")
        if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > MOST_TARGET:
            return _error(414, "the address is too long")
        if sum(len(name) + len(value) for name, value in headers.raw) > MOST_HEAD:
            return _error(431, "the head of the request is too large", {"connection": "close"})
        own = request.scope["server"]
        if len(headers.getlist("host")) != 1 or not self._door.knows_host(
            headers["host"], own[0] if own else ""
        ):
            return _error(
                421, "this name is not served here: [dashboard] hosts lists the names by which may be asked"
            )
        if method == "POST" and path == "/login":
            return await self._log_in(request)
        if method not in ("GET", "HEAD"):
            return _error(405, "all there is can only be read", {"allow": "GET, HEAD"})
        if headers.get("transfer-encoding") or headers.get("content-length", "0") != "0":
            return _error(413, "a question has no body", {"connection": "close"})
        if path == "/login":
            return self._file(request, "login.html") or Response(
                _LOGIN, media_type="text/html; charset=utf-8"
            )
        if (
            path not in ("/", "/index.html")
            and (file := self._file(request, path.removeprefix("/"))) is not None
        ):
            return file
        if not self._door.is_open_to(headers):
            return await self._turn_away(request)
        return self._inside(request)

    def _inside(self, request: Request) -> Response | None:  # noqa: PLR0911 - one for each address
        """Answer somebody who may look."""
        path = request.url.path
        if path in ("/", "/index.html"):
            return self._file(request, "index.html") or _error(
                404, "the page is not part of this distribution"
            )
        if path.startswith("/api/") and self._hub is None:
            return _error(404, "pages are not served here: [dashboard] parts")
        if path == "/api/events":
            return None if request.method == "GET" else Response(media_type="text/event-stream")
        if path == "/api/chart":
            chart = self._chart(request.query_params.get("instrument", ""))
            if chart is None:
                return _error(404, "the feed has no such instrument: /api/chart?instrument=NAME")
            return Response(
                encode(chart),
                media_type="application/json",
                headers={"cache-control": "no-store"},
            )
        if (machine := self._machines.get(path)) is not None:
            status, body, media_type = machine(", ".join(request.headers.getlist("accept")))
            return Response(body, status, {"cache-control": "no-store"}, media_type)
        return _error(404, "there is nothing at this address")

    def _file(self, request: Request, path: str) -> Response | None:
        file = self._files.get(path)
        if file is None:
            return None
        headers = {"etag": file.etag, "cache-control": file.caching}
        known = request.headers.get("if-none-match", "")
        if file.etag in (part.strip().removeprefix("W/") for part in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(file.body, headers=headers, media_type=file.media_type)

    async def _turn_away(self, request: Request) -> Response:
        """Send a person to the way in, and tell a program that it needs a token."""
        if "authorization" in request.headers:
            if not await self._door.hold_back():
                return _error(429, "too many wrong tokens", {"retry-after": "5"})
        elif request.url.path in ("/", "/index.html"):
            return RedirectResponse("/login", 303, {"cache-control": "no-store"})
        return _error(
            401,
            "a token is needed: Authorization: Bearer TOKEN, or /login in a browser",
            {"www-authenticate": 'Bearer realm="ticktrail"'},
        )

    async def _log_in(self, request: Request) -> Response:
        """Begin a session, where the form comes from a page of this server and its token is right."""
        headers = request.headers
        if not _is_own(headers):
            return _error(403, "a form of another site is not taken")
        form = await _read_form(request)
        if form is None:
            return _error(413, f"a form of {MOST_FORM} bytes at most is taken", {"connection": "close"})
        session = self._door.begin_session(form.get("token", ""))
        if session is None:
            if not await self._door.hold_back():
                return _error(429, "too many wrong tokens", {"retry-after": "5"})
            return _error(401, "this is not the token", {"refresh": "2; url=/login"})
        answer = RedirectResponse("/", 303, {"cache-control": "no-store"})
        answer.set_cookie(
            self._door.cookie,
            session,
            max_age=SESSION_S,
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="strict",
        )
        return answer

    async def _stream(self, request: Request, send: Send) -> None:
        """Tell a page of changes until it leaves, or the feed ends."""
        hub = self._hub
        assert hub is not None  # noqa: S101 - `_inside` has seen to that
        with hub.page() as page:
            if page is None:
                refusal = _error(
                    503,
                    "as many pages are open as [dashboard] most_pages allows",
                    {
                        "retry-after": "5",
                        "connection": "close",
                    },  # or a crowd would keep out who asks for metrics
                )
                await refusal(request.scope, request.receive, send)
                return
            client = request.scope["client"]
            connection = None if client is None else self._connections.get(tuple(client)[:2])
            if connection is not None:
                connection.keep(told=True)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.cancel_scope.deadline = self._door.open_until(request.headers)
                    nursery.start_soon(_await_leaving, request.receive, nursery.cancel_scope)
                    await self._tell(page_next=lambda: hub.next(page), send=send)
                    nursery.cancel_scope.cancel()
            finally:
                if connection is not None:
                    connection.keep(told=False)

    async def _tell(self, *, page_next: Callable[[], Awaitable[bytes | None]], send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while (event := await page_next()) is not None:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _await_leaving(receive: Receive, scope: trio.CancelScope) -> None:
    """Cancel the stream once the page has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _is_own(headers: Headers) -> bool:
    """Tell whether a form was sent by a page of this server, by what a browser says of it."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    try:
        return urlsplit(origin).netloc.lower() == headers["host"].lower()
    except ValueError:  # no browser sends such: it is nobody's page
        return False


async def _read_form(request: Request) -> Mapping[str, str] | None:
    """Return a form's fields; None: it is too large, or too slow."""
    body = bytearray()
    with trio.move_on_after(FORM_WITHIN_S):
        async with aclosing(request.stream()) as parts:
            async for part in parts:
                body += part
                if len(body) > MOST_FORM:
                    return None
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
        return {name: values[0] for name, values in fields.items()}
    return None


def _error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a small answer that says what is wrong."""
    return Response(
        msgspec.json.encode({"error": text}),
        status,
        {"cache-control": "no-store", **(headers or {})},
        "application/json",
    )
