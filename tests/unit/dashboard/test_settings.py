"""Who could be read by strangers is refused when the feed file is read; what cannot be served, when it starts."""

import socket

import msgspec
import pytest
import trustme

from ticktrail._plan.compose import compose
from ticktrail.errors import ConfigError
from ticktrail.plugin import Secret
from ticktrail_dashboard.settings import DashboardSettings
from ticktrail_dashboard.web.address import parse_place
from unit.dashboard.stage import FEED, served

pytestmark = pytest.mark.anyio
SYNTHETIC = '[providers.one]\nplugin = "synthetic"\n'


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:8787", "127.0.0.1", 8787), ("[::1]:0", "::1", 0), ("localhost:65535", "localhost", 65535)],
)
def test_an_address_is_host_and_port(text, host, port):
    """An IPv6 address stands in brackets, as in a URL; the authority is what was written."""
    place = parse_place(text)
    assert (place.host, place.port, place.authority) == (host, port, text)
    assert place.is_loopback


@pytest.mark.parametrize(
    "text",
    ["", "8787", ":8787", "localhost", "::1:80", "[::1]", "a:b", "a:70000", "a b:1", "http://a:1", "[a]:1"],
)
def test_what_is_no_address_is_refused(text):
    """The message shows what was written and what would be right."""
    with pytest.raises(ValueError, match=r"is not HOST:PORT; write such as 127\.0\.0\.1:8787"):
        DashboardSettings(address=text)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ('address = "0.0.0.0:1"', "set token"),
        ('address = "[::]:1"', "set token"),
        ('address = "10.0.0.1:1"\ntoken = { env = "T" }', "certificate_key, or plain_text = true"),
        ('certificate = "a.pem"', "certificate: stands without certificate_key"),
        ('certificate_key = "a.pem"', "certificate_key: stands without certificate"),
    ],
)
def test_what_strangers_could_read_is_refused_when_composing(tmp_path, keys, named):
    """The fault names file and table, the key, and what to write."""
    path = tmp_path / "feed.toml"
    text = FEED.format(route="", providers=SYNTHETIC, rest="")
    path.write_text(text.replace('address = "127.0.0.1:0"', keys))
    with pytest.raises(ConfigError) as caught:
        compose(path)
    assert f"{path}:" in str(caught.value)
    assert "[dashboard]" in str(caught.value)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        {"plain_text": True},
        {"certificate": "a.pem", "certificate_key": "b.pem"},
    ],
)
def test_what_is_guarded_may_be_reached(keys):
    """With a token, and HTTPS or a proxy that has it, any address is one."""
    settings = {"address": "0.0.0.0:1", "token": {"env": "T"}} | keys
    assert msgspec.convert(settings, DashboardSettings).address == "0.0.0.0:1"


async def test_a_port_that_is_taken_is_told(tmp_path):
    """The feed does not start; the message names the key, and the remedy."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"^\[dashboard\] address: .*127\.0\.0\.1:{port}.* choose a port"
        ):
            async with served(tmp_path, address=f"127.0.0.1:{port}"):
                pass


async def test_a_host_that_is_not_ours_is_told(tmp_path):
    """The same of an address of another machine."""
    token = Secret(file="t")
    (tmp_path / "t").write_text("x" * 32)
    with pytest.raises(ConfigError, match=r"^\[dashboard\] address: nothing can be served at 192\.0\.2\.1:1"):
        async with served(tmp_path, address="192.0.2.1:1", token=token, plain_text=True):
            pass


async def test_a_certificate_that_is_missing_or_wrong_is_told(tmp_path):
    """Each names its key, the file, and the address that is not served."""
    keys = {"certificate": "chain.pem", "certificate_key": "key.pem"}
    with pytest.raises(
        ConfigError, match=r"\[dashboard\] certificate: there is no file .*chain\.pem.*address"
    ):
        async with served(tmp_path, **keys):
            pass
    authority = trustme.CA()
    issued, other = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    other.private_key_pem.write_to_path(tmp_path / "key.pem")
    with pytest.raises(ConfigError, match=r"\[dashboard\] certificate: .*belong together"):
        async with served(tmp_path, **keys):
            pass


@pytest.mark.parametrize("token", ["short", "with a line\nbreak in the middle"])
async def test_a_token_that_is_none_is_told(tmp_path, token):
    """One that could be guessed, or that no header can carry, is refused; the message does not hold it."""
    (tmp_path / "token").write_text(token)
    secret = msgspec.convert({"token": {"file": "token"}}, DashboardSettings).token
    with pytest.raises(ConfigError, match=r"\[dashboard\] token: .*openssl rand") as caught:
        async with served(tmp_path, token=secret):
            pass
    assert token not in str(caught.value)


async def test_a_token_that_is_missing_is_told(tmp_path):
    """The message names the key, the file and the remedy."""
    secret = msgspec.convert({"token": {"file": "none"}}, DashboardSettings).token
    with pytest.raises(ConfigError, match=r"^\[dashboard\] token: secret file .*none cannot be read"):
        async with served(tmp_path, token=secret):
            pass


async def test_every_table_is_one(tmp_path):
    """A feed file with all keys composes."""
    path = tmp_path / "feed.toml"
    rest = """
token = { env = "T" }
hosts = ["watch.example"]
parts = ["pages"]
plain_text = true
most_pages = 5
fresh_s = 3
"""
    path.write_text(FEED.format(route="", providers=SYNTHETIC, rest=rest))
    assert compose(path).observers[0].spec.name == "dashboard"
