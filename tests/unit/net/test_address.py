"""Addresses are read once, and plain text stays on this machine."""

import pytest

from ticktrail.address import find_plain_text, is_loopback, parse_address, require_secure
from ticktrail.net import retry_after_s


@pytest.mark.parametrize(
    ("url", "authority", "resource"),
    [
        ("wss://stream.example.com", "stream.example.com:443", "/"),
        ("wss://stream.example.com:9443/stream?a=b", "stream.example.com:9443", "/stream?a=b"),
        ("ws://127.0.0.1:8080/ws", "127.0.0.1:8080", "/ws"),
        ("ws://[::1]:1/x", "[::1]:1", "/x"),
    ],
)
def test_the_parts_of_a_url(url, authority, resource):
    """Port by scheme, path and query as the request line has them."""
    address = parse_address(url)
    assert (address.authority, address.resource, address.tls) == (authority, resource, url.startswith("wss"))


@pytest.mark.parametrize(
    "url",
    ["http://x", "wss://", "stream.example.com", "wss://x:port", "wss://x:99999", "wss://x/ä", "wss://x/a b"],
)
def test_what_is_no_web_socket_address(url):
    """Refused with what would be right."""
    with pytest.raises(ValueError, match=r"wss://|port|percent"):
        parse_address(url)


def test_credentials_in_a_url_are_refused_and_not_repeated():
    """A secret never stands in a URL, nor in the message that says so."""
    with pytest.raises(ValueError, match="user name or password") as caught:
        parse_address("wss://me:geheim@x.example")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/", "ws://localhost/", "ws://[::1]/", "wss://x.example/"])
def test_encrypted_or_on_this_machine(url):
    """Both are safe; a slash at the end goes."""
    assert require_secure(url, kind="ws") == url.rstrip("/")


@pytest.mark.parametrize("host", ["x.example", "10.0.0.1", "127.0.0.1.x.example", "0.0.0.0"])
def test_plain_text_to_another_machine_is_refused(host):
    """With the remedy."""
    assert not is_loopback(host)
    with pytest.raises(ValueError, match=f"write https://{host}"):
        require_secure(f"http://{host}", kind="http")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("17", 17.0), ("0", 0.0), ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
     ("soon", None), ("-5", None), ("99999999999", 604_800.0)],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(value, seconds):
    """RFC 9110 section 10.2.3; never negative, never above a week."""
    assert retry_after_s(value, now_ns=10_000_000_000) == seconds


@pytest.mark.parametrize(
    "url",
    [
        "wss://x.example", "https://x.example", "rediss://x.example", "tls://x.example:4222", "ws://127.9.9.9/",
        "http://[::1]:8/", "http://LOCALHOST", "sqlite:///audit.db", "unix:///run/x.sock", "kafka://x.example",
        "no address", "http://[", "postgresql:///audit", "postgresql://localhost/a",
        "postgresql://%2Fvar%2Frun%2Fpg/a", "postgresql:///a?host=/var/run/pg", "nats://localhost:1,127.0.0.1:2",
        "postgresql://db.example/a?sslmode=require", "postgresql+asyncpg://db.example/a?ssl=verify-full",
    ],
)  # fmt: skip
def test_no_plain_text_leaves_this_machine(url):
    """Encrypted, on this machine, or of a scheme of which nothing is known."""
    assert find_plain_text(url) is None


@pytest.mark.parametrize(
    ("url", "what", "remedy"),
    [
        ("ws://x.example:80/p?token=geheim", "ws://x.example would", "write wss://x.example"),
        ("HTTP://u:geheim@x.example", "http://x.example would", "write https://x.example"),
        ("redis://:geheim@10.0.0.1:6379/0", "redis://10.0.0.1 would", "write rediss://10.0.0.1"),
        ("nats://127.0.0.1:1,x.example:2", "nats://x.example would", "write tls://x.example"),
        ("http://127.0.0.1.x.example", "http://127.0.0.1.x.example would", "write https://127.0.0.1.x.example"),
        ("http://[2001:db8::1]:80", "http://[2001:db8::1] would", "write https://[2001:db8::1]"),
        ("postgresql://u:geheim@db.example/a", "postgresql://db.example without sslmode", "sslmode=verify-full"),
        ("postgres://db.example/a?sslmode=disable", "with sslmode=disable", "sslmode=verify-full"),
        ("postgresql:///a?host=db.example", "postgresql://db.example without", "sslmode=verify-full"),
        ("postgresql://localhost,db.example/a", "postgresql://db.example without", "sslmode=verify-full"),
        ("postgresql://localhost/a?hostaddr=10.0.0.1", "postgresql://10.0.0.1 without", "sslmode=verify-full"),
    ],
)  # fmt: skip
def test_plain_text_over_a_network_is_found(url, what, remedy):
    """Each of several hosts is looked at; what may be a secret is not repeated."""
    found = find_plain_text(url)
    assert found is not None
    assert what in found.what
    assert remedy in found.remedy
    assert "geheim" not in found.what + found.remedy
