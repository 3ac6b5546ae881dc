"""Addresses are read once, and plain text stays on this machine."""

import pytest

from ticktrail.address import is_loopback, parse_address, require_secure
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
