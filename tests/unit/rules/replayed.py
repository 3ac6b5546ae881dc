"""Run a whole feed over a recording, judged at the recorder's own times."""

import anyio

from recordings import recording
from ticktrail._engine.runner import Runner
from ticktrail._plan import compose
from ticktrail_mock.venue.binance.tape import RecordingTape
from unit.binance.stage import expected, instruments_of, market_of

CHANNELS = ("trades", "agg_trades", "quotes", "bars", "book")
OF_FUTURES = {"usdm", "coinm"}  # whose trades are aggregates


class Recorded:
    """One recording: its market, its instruments by the venue's symbol."""

    def __init__(self, name):
        self.path = recording(name)
        tape = RecordingTape(self.path)
        self.market = market_of(name, tape)
        self.instruments = instruments_of(tape, self.market, expected(name))
        depth = next(message.stream for message in tape.messages() if "@depth" in message.stream)
        self._book_interval_ms = int(depth.rpartition("@")[2].removesuffix("ms"))

    def feed(self, tmp_path, *, validation="", offset_ms=None):
        """Write a feed file that replays it with a production rule set; gives its path."""
        offset = "" if offset_ms is None else f"recorder_offset_ms = {offset_ms}\n"
        channels = [
            channel for channel in CHANNELS if channel != "agg_trades" or self.market not in OF_FUTURES
        ]
        names = ", ".join(f'"{name}"' for name in sorted(set(self.instruments.values())))
        path = tmp_path / "feed.toml"
        path.write_text(
            f'[feed]\nname = "replayed"\nprofile = "development"\ninstruments = [{names}]\n'
            f"channels = [{', '.join(map(repr, channels))}]\n"
            f'[providers.replay]\npath = "{self.path}"\nspeed = "max"\n{offset}'
            f'venue_settings = {{ market = "{self.market}", book_interval_ms = {self._book_interval_ms} }}\n'
            f"[clock]\nservers = []\n{validation}",
            encoding="utf-8",
        )
        return path

    async def run(self, tmp_path, **more):
        """Run the feed to the recording's end; gives the report."""
        with anyio.fail_after(300):
            return await Runner(compose(self.feed(tmp_path, **more))).run()
