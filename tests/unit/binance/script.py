"""A venue of which every word is written by the test: REST answers by a function, streams by hand."""

import json
import time
from contextlib import asynccontextmanager

import trio
import trio_websocket

from unit.binance.test_rest import http

SYMBOLS = ("BTC", "ETH", "XRP", "LTC", "DOT")
LISTING = {
    "symbols": [
        {"symbol": f"{name}USDT", "baseAsset": name, "quoteAsset": "USDT", "status": "TRADING"}
        for name in SYMBOLS
    ]
}


class Scripted:
    """What `scripted` gives: the addresses, what was asked, and the connections with what each is subscribed to."""

    def __init__(self, reply):
        self.asked = []
        self.connections = []
        self.accept_after_s = []
        self._reply = reply

    def ws_url(self):
        return self._ws_url

    def rest_url(self):
        return self._rest_url

    async def rest(self, stream):
        request = await stream.receive_some()
        if not request:
            return
        target = request.split(b" ")[1].decode()
        self.asked.append(target)
        body = self._reply(target)
        if body is None:
            body = LISTING if "exchangeInfo" in target else {"serverTime": 1}
        try:
            await stream.send_all(body if isinstance(body, bytes) else http(200, json.dumps(body).encode()))
            await stream.send_eof()
        except trio.BrokenResourceError:
            return  # whoever asked has gone

    async def web_socket(self, request):
        if self.accept_after_s:
            await trio.sleep(self.accept_after_s.pop(0))
        connection = await request.accept()
        connection.streams = set()
        self.connections.append(connection)
        try:
            while True:
                message = json.loads(await connection.get_message())
                result = None
                if message["method"] == "SUBSCRIBE":
                    connection.streams |= set(message["params"])
                elif message["method"] == "UNSUBSCRIBE":
                    connection.streams -= set(message["params"])
                else:
                    result = sorted(connection.streams)
                await connection.send_message(json.dumps({"result": result, "id": message["id"]}))
        except trio_websocket.ConnectionClosed:
            return

    async def say(self, stream, on=-1, **data):
        text = json.dumps({"stream": stream, "data": data}, separators=(",", ":"))
        await self.connections[on].send_message(text)

    async def trades(self, *ids, symbol="BTCUSDT", on=-1):
        for number in ids:
            await self.say(f"{symbol.lower()}@trade", on, E=1, s=symbol, t=number, p="1.0", q="1.0",
                           T=time.time_ns() // 1_000_000, m=True)  # fmt: skip

    async def quotes(self, *ids, symbol="BTCUSDT", on=-1):
        for number in ids:
            await self.say(
                f"{symbol.lower()}@bookTicker", on, u=number, s=symbol, b="1", B="1", a="1.01", A="1"
            )

    async def difference(self, first, last, bids=(), asks=(), symbol="BTCUSDT", on=-1):
        await self.say(f"{symbol.lower()}@depth@100ms", on, E=1_723_161_255_400, s=symbol, U=first, u=last,
                       b=bids, a=asks)  # fmt: skip


@asynccontextmanager
async def scripted(reply=lambda target: None):
    """Run such a venue; `reply` gives JSON, bytes, or None for what a venue usually says."""
    venue = Scripted(reply)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, venue.rest, 0)
        venue._rest_url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        server = await nursery.start(trio_websocket.serve_websocket, venue.web_socket, "127.0.0.1", 0, None)
        venue._ws_url = f"ws://127.0.0.1:{server.port}"
        yield venue
        nursery.cancel_scope.cancel()
