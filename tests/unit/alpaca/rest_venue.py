"""Alpaca's REST side on the loopback interface: scripted answers, or an archive that pages as the venue does."""

import gzip
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import msgspec
import trio

from recordings import recording
from ticktrail.plugin import ProviderContext, SystemClock
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.settings import AlpacaSettings

KEY_ID, SECRET_KEY = "PKTESTKEYIDENTITY0", "sEcReTsEcReTsEcReTsEcReT"
QUICK = {"answer_s": 2.0, "connect_s": 2.0}
GO_SDK = "alpaca_rest/alpaca_go_sdk_responses.jsonl.gz"


def responses():
    """The recorded answers, by the line of the test that holds them."""
    with gzip.open(recording(GO_SDK), "rt") as lines:
        return {line["src"].rpartition(":")[2]: line["raw"].encode() for line in map(json.loads, lines)}


@dataclass
class Asked:
    """A request; its headers stand in no repr, since they hold the secret."""

    path: str
    params: dict
    headers: dict = field(repr=False)


def http(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ok(document, *headers):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return http(200, body, "Content-Type: application/json", *headers)


class Venue:
    """What was asked, and where; `answer` takes a request and the stream, for who wants to answer in pieces."""

    def __init__(self, answer):
        self.asked = []
        self.url = ""
        self._answer = answer

    async def serve(self, stream):
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                try:
                    piece = await stream.receive_some(65_536)
                except trio.BrokenResourceError:
                    return
                if not piece:
                    return
                head += piece
            request, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
            url = urlsplit(request.split(" ")[1])
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            asked = Asked(url.path, dict(parse_qsl(url.query)), headers)
            self.asked.append(asked)
            try:
                answer = await self._answer(asked, stream)
                if answer is not None:
                    await stream.send_all(answer)
            except trio.BrokenResourceError:
                pass


@asynccontextmanager
async def serving(answer, *, tls=None):
    """A venue that answers by an async function of the request and its stream."""
    venue = Venue(answer)
    opens = trio.serve_tcp if tls is None else partial(trio.serve_ssl_over_tcp, ssl_context=tls)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(opens, venue.serve, 0)
        listener = listeners[0] if tls is None else listeners[0].transport_listener
        port = listener.socket.getsockname()[1]
        venue.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        yield venue
        nursery.cancel_scope.cancel()


def answering(*answers):
    """A venue that gives these bytes, one after the other, the last for ever."""
    left = list(answers)

    async def answer(asked, stream):
        return left.pop(0) if len(left) > 1 else left[0]

    return serving(answer)


class Archive:
    """Rows by kind and symbol, given as the venue does: both ends included, so many a page, by tokens.

    Rows of several symbols stand one symbol after the other, by name; a page may end amid one.
    """

    def __init__(self, rows, known=()):
        self.rows = rows
        self.known = {symbol for _, symbol in rows} | set(known)

    async def answer(self, asked, stream):
        tail = asked.path.rpartition("/")[2]
        symbols = sorted(asked.params["symbols"].split(","))
        if tail == "snapshots":
            found = {symbol: {} for symbol in symbols if symbol in self.known}
            return ok({"snapshots": found} if "crypto" in asked.path else found)
        start, end = moment_ns(asked.params["start"]), moment_ns(asked.params["end"])
        inside = [
            (symbol, row)
            for symbol in symbols
            for row in self.rows.get((tail, symbol), ())
            if start <= moment_ns(row["t"]) <= end
        ]
        first = int(asked.params.get("page_token", "p0").removeprefix("p"))
        last = first + int(asked.params["limit"])
        page = {}
        for symbol, row in inside[first:last]:
            page.setdefault(symbol, []).append(row)
        token = f"p{last}" if last < len(inside) else None
        return ok({tail: page, "next_page_token": token})


def settings_of(url, **settings):
    keys = {"key_id": {"env": "TEST_KEY_ID"}, "secret_key": {"env": "TEST_SECRET_KEY"}}
    return msgspec.convert({"rest_url": url, **QUICK, **keys, **settings}, AlpacaSettings)


def context(*instruments, clock=None, base_dir=None):
    return ProviderContext(
        name="leg",
        instruments=instruments or ("AAPL",),
        channels=frozenset({"trades", "quotes", "bars"}),
        clock=clock or SystemClock(),
        base_dir=base_dir,
        registry=None,
    )
