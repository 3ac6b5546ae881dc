"""Count a feed's ticks inside a program: python examples/embed.py FEED.toml."""

import sys
from collections import Counter

import anyio

from ticktrail import open_feed


async def main(feed_file: str) -> None:
    kinds: Counter[str] = Counter()
    async with open_feed(feed_file, max_ticks=1_000) as feed:
        async for tick in feed:
            kinds[tick.counted_as] += 1
    for kind, count in kinds.most_common():
        print(f"{count:6,} {kind}")
    print(f"rejected: {dict(feed.report().rejected)}")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend="trio")
