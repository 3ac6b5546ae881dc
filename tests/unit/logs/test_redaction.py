"""No secret gets into a line, whatever it stands in."""

import base64
import urllib.parse

import pytest

from ticktrail._contracts.known_secrets import HIDDEN, without_secrets
from ticktrail._logs.entry import Entry
from ticktrail._logs.form import as_json, as_text
from ticktrail._logs.redact import redact, redacted_text
from ticktrail.plugin import Secret

VALUE = 'q/Z8 "vLr3+TmN5"sYb2=WxE6u'


def lines(entry):
    return [render(entry) for render in (as_json("f"), as_text(coloured=False))]


def shapes(value):
    raw = value.encode()
    return [
        value,
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        urllib.parse.quote(value, safe=""),
    ]


@pytest.mark.parametrize("kind", ["env", "file", "keyring"])
def test_a_secret_that_was_resolved_is_hidden(tmp_path, monkeypatch, kind):
    """By each kind of reference; in text, in keys, in lists, in tracebacks, and encoded."""
    value = f"{VALUE}-{kind}"
    if kind == "env":
        monkeypatch.setenv("LOG_SECRET", value)
        secret = Secret(env="LOG_SECRET")
    elif kind == "file":
        (tmp_path / "s").write_text(f"{value}\n")
        secret = Secret(file="s")
    else:
        keyring = pytest.importorskip("keyring")
        monkeypatch.setattr(keyring, "get_password", lambda service, user: value)
        secret = Secret(keyring="service/user")
    assert secret.resolve(tmp_path) == value
    for shape in shapes(value):
        entry = Entry(
            at_ns=0,
            level="error",
            event="x",
            fields={"detail": f"refused {shape}!", "list": [shape, {"deep": shape}], shape: 1},
            exception=f"Traceback\nValueError: {shape}",
        )
        told = Entry(at_ns=0, level="error", event="x", text=f"it said {shape}")
        for line in (*lines(entry), *lines(told)):
            assert shape not in line
            assert HIDDEN in line


def test_what_stands_under_a_key_like_a_secret_s():
    """Keys that look so show nothing; others do."""
    hidden = [
        "password",
        "api_key",
        "secret_key",
        "x-api-key",
        "Authorization",
        "access_token",
        "cookie",
        "db.passwd",
    ]
    for key in hidden:
        assert redact("plain", key) == HIDDEN, key
        assert redact({"outer": {key: "plain"}}) == {"outer": {key: HIDDEN}}
    for key in ("provider", "tokenised", "detail", "key", "cause", "settings_sha256"):
        assert redact("plain", key) == "plain", key
    assert redact(None, "password") is None


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("GET https://user:hunter2xyz@venue.example/x", "hunter2xyz"),
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("sent Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ("?symbol=BTC&signature=0a1b2c3d&x=1", "0a1b2c3d"),
        ("wss://x/stream?listenKey=pqia91ma19a5s61", "pqia91ma19a5s61"),
        ("{'api_key': 'AKIA123', 'x': 1}", "AKIA123"),
    ],
)
def test_what_is_written_as_a_secret_is(text, gone):
    """In a URL, a header or a table within a text, without having been resolved here."""
    found = redacted_text(text)
    assert gone not in found
    assert HIDDEN in found
    assert redacted_text(found) == found


def test_harmless_text_stays():
    """What is no secret is left as it is."""
    for text in (
        "check key_id and secret_key",
        "leg a: credentials",
        "cause=lost",
        "https://venue.example/a:b@c",
    ):
        assert redacted_text(text) == text
    assert without_secrets("nothing") == "nothing"
