"""Measure the web-socket path against trio-websocket alone, on the same frames: python benchmarks/websocket_tap.py."""

import statistics
import time

import trio
import trio_websocket

from ticktrail.net import open_websocket
from ticktrail.plugin import SystemClock

MESSAGES = 20_000
PAYLOAD = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255400,"s":"BTCUSDT","t":3735683259,'
    b'"p":"61837.63000000","q":"0.02000000","T":1723161255399,"m":true,"M":true}}'
)
FRAME = bytes((0x81, 126)) + len(PAYLOAD).to_bytes(2, "big") + PAYLOAD
ROUNDS = 5


async def send_all(request):
    """A server that sends everything at once, so that the client alone is measured."""
    connection = await request.accept()
    await connection._stream.send_all(FRAME * MESSAGES)
    await connection.get_message()


async def by_the_library(url):
    async with trio_websocket.open_websocket_url(url) as socket:
        began = time.process_time()
        for _ in range(MESSAGES):
            await socket.get_message()
        cpu_s = time.process_time() - began
        await socket.send_message("done")
    return cpu_s


async def by_the_tap(url):
    async with open_websocket(url, clock=SystemClock()) as socket:
        began, count = time.process_time(), 0
        while count < MESSAGES:
            count += len((await socket.receive()).payloads)
        cpu_s = time.process_time() - began
        await socket.send("done")
    return cpu_s


async def main():
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            lambda task_status: trio_websocket.serve_websocket(
                send_all, "127.0.0.1", 0, None, task_status=task_status
            )
        )
        url = f"ws://127.0.0.1:{server.port}"
        library, tap = [], []
        for _ in range(ROUNDS):
            library.append(await by_the_library(url))
            tap.append(await by_the_tap(url))
        nursery.cancel_scope.cancel()
    for name, found in (("trio-websocket alone", library), ("with the tap", tap)):
        cost_us = statistics.median(found) / MESSAGES * 1e6
        print(f"{name:22} {cost_us:7.2f} µs a message")
    print(f"ratio                  {statistics.median(library) / statistics.median(tap):7.1f}")


if __name__ == "__main__":
    trio.run(main)
