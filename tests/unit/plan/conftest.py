from pathlib import Path

import pytest

from ticktrail._host import Host
from ticktrail._plan import compose
from unit.plan import acme

HEAD = """\
[feed]
name = "btc"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
"""


@pytest.fixture
def plan(tmp_path):
    """Compose a feed out of the text below ``[feed]``; ``above`` stands before it."""

    def compose_text(text, head=HEAD, above=""):
        path = Path(tmp_path / "feed.toml")
        path.write_text(above + head + text, encoding="utf-8")
        return compose(path, Host.load(plugins={"acme": acme}))

    return compose_text
