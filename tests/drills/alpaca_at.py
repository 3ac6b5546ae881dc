"""Run a loopback Alpaca that knows one key, at a port, until it is ended: PORT KEY SECRET."""

import sys
import time

import trio

from ticktrail.model import InstrumentId
from ticktrail_mock.venue.alpaca import serve_alpaca
from ticktrail_mock.venue.alpaca.synthetic import SyntheticAlpacaTape


async def main(port, key, secret):
    tape = SyntheticAlpacaTape(
        [InstrumentId("BTC/USD")], market="crypto", seed=1, rate=200.0, now_ns=time.time_ns
    )
    async with serve_alpaca(tape, port=int(port), key=key, secret=secret) as venue:
        sys.stdout.write(f"{venue.ws_url()}\n")
        sys.stdout.flush()
        await trio.sleep_forever()


trio.run(main, *sys.argv[1:])
