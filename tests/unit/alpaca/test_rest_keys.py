"""The credentials of REST: what is said where they are lacking or wrong, and that they come out nowhere."""

import json
import logging
import traceback

import pytest

from ticktrail.errors import PermanentError
from ticktrail.plugin import SystemClock
from ticktrail_alpaca.rest.client import RestClient
from unit.alpaca.rest_stage import NOTHING, ask, client_of
from unit.alpaca.rest_venue import KEY_ID, SECRET_KEY, answering, http, settings_of

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_let_in(status):
    """What to check is named: both halves, their environment, the feed; the venue's words, and never the secret."""
    body = json.dumps(
        {"message": f"subscription does not permit; you sent {SECRET_KEY} of {KEY_ID}"}
    ).encode()
    async with answering(http(status, body)) as venue, client_of(venue.url, feed="sip") as client:
        with pytest.raises(PermanentError) as caught:
            await ask(client)
    message = str(caught.value)
    assert "subscription does not permit" in message
    assert "key_id and secret_key" in message
    assert 'feed = "sip"' in message
    assert "live environment" in message
    assert SECRET_KEY not in message
    assert KEY_ID not in message


async def test_stocks_without_a_key():
    """It is said what to write, before anything is asked."""
    with pytest.raises(PermanentError, match="has no history without a key: write key_id"):
        async with client_of("http://127.0.0.1:1", key_id=None, secret_key=None):
            pass


def echoing():
    """Answers of every kind, from a venue that repeats the keys."""
    echo = json.dumps({"message": f"{KEY_ID} {SECRET_KEY}"}).encode()
    return [
        NOTHING,
        *(http(status, echo) for status in (400, 401, 403, 429, 500)),
        http(200, b"<html>"),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{",
    ]


async def all_that_is_said(client):
    """An answer, or an error with its causes, their frames and what stands in them."""
    try:
        return [repr(await ask(client))]
    except Exception as exc:  # noqa: BLE001 - whatever it is
        shown = traceback.TracebackException.from_exception(exc, capture_locals=True)
        return [str(exc), repr(exc), repr(vars(exc)), "".join(shown.format())]


async def test_no_secret_comes_out(caplog, monkeypatch):
    """Not by logs at their most talkative, errors with their frames, events, or the client's own face."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "alpaca"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    seen, told = [], []
    monkeypatch.setattr("ticktrail_alpaca.rest.client.DEFAULT_BAN_S", 0.01)
    async with answering(*echoing()) as venue, client_of(venue.url, told) as client:
        seen += [repr(client), str(vars(client)), str(vars(client._transport))]
        for _ in echoing():
            seen += await all_that_is_said(client)
    assert len(venue.asked) >= len(echoing())
    assert "trades" in caplog.text  # the libraries did talk
    seen += [repr(told), caplog.text]
    for text in seen:
        assert SECRET_KEY not in text
        assert KEY_ID not in text


@pytest.mark.parametrize("bad", ["", "two words", "a\nb", "schlüssel", "nul\x00"])
async def test_a_credential_that_cannot_be_one(tmp_path, bad):
    """It is refused before it stands in a header, whose error would quote it."""
    (tmp_path / "key").write_text(bad, encoding="utf-8")
    settings = settings_of("http://127.0.0.1:1", secret_key={"file": "key"})
    with pytest.raises(PermanentError, match="secret_key holds something that is no key") as caught:
        async with RestClient(settings, "leg", SystemClock(), tmp_path):
            pass
    assert not bad or bad not in str(caught.value)


async def test_a_credential_that_is_not_there(monkeypatch):
    """The message names where it was looked for."""
    monkeypatch.delenv("TEST_SECRET_KEY")
    with pytest.raises(PermanentError, match="TEST_SECRET_KEY is not set"):
        async with client_of("http://127.0.0.1:1"):
            pass
