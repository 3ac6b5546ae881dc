"""A URL is sent what it can prove, and every way in which that can fail."""

import base64
import hashlib
import hmac
import re
import socket
import time
from pathlib import Path

import msgspec
import pytest

from ticktrail.errors import ConfigError
from ticktrail.plugin import SystemClock
from ticktrail_alerts.channels import ChannelError, open_channel
from ticktrail_alerts.message import Message, compose
from ticktrail_alerts.settings import Target
from unit.alerts.conftest import SECRET, TOKEN
from unit.alerts.messages import alert, message
from unit.alerts.servers import serving

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[3] / "docs/how-to/be-alerted.md"


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


def target(url, **keys):
    return msgspec.convert({"webhook": {"url": url, "secret": {"env": "HOOK_SECRET"}, **keys}}, Target)


async def send(settings, base_dir, what=None):
    async with open_channel(settings, base_dir, SystemClock()) as channel:
        return await channel.send(what or message())


def receiver():
    """The example of the page, as it stands there."""
    (source,) = (
        text
        for text in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        if "def verify" in text
    )
    module = {}
    exec(compile(source, str(PAGE), "exec"), module)
    return module["verify"]


async def test_a_receiver_can_prove_what_came(tmp_path, certificate, ca_file):
    """Over TLS; by the page's own example the message is ours, and one that was changed, aged or made up is not."""
    with serving(certificate) as hooks:
        assert await send(target(hooks.url, ca_file=ca_file, token={"env": "HOOK_TOKEN"}), tmp_path) == ""
    ((path, headers, body),) = hooks.came
    assert path == "/hook"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["content-type"] == "application/json"
    verify = receiver()
    assert verify(headers, body, SECRET)["id"] == headers["webhook-id"] == "m1"
    assert msgspec.json.decode(body, type=Message) == message()
    for wrong in (
        {**headers, "webhook-id": "m2"},
        {**headers, "webhook-timestamp": str(int(time.time()) - 301)},
        {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)},
        {**headers, "webhook-signature": "v1,AAAA"},
    ):
        with pytest.raises(ValueError, match=r"signature|old"):
            verify(wrong, body, SECRET)
    with pytest.raises(ValueError, match="signature"):
        verify(headers, body + b" ", SECRET)
    with pytest.raises(ValueError, match="signature"):
        verify(headers, body, "whsec_" + base64.b64encode(b"another secret of 24 byt").decode())


async def test_a_secret_may_be_any_text(tmp_path, monkeypatch):
    """Without the prefix its bytes are what is signed with."""
    monkeypatch.setenv("HOOK_SECRET", "sixteen or more!")
    with serving() as hooks:
        await send(target(hooks.url), tmp_path)
    ((_, headers, body),) = hooks.came
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(b"sixteen or more!", signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


@pytest.mark.parametrize("secret", ["too-little", "whsec_!!", "whsec_c2hvcnQ="])
async def test_a_secret_that_could_be_guessed_is_refused(tmp_path, monkeypatch, secret):
    """The message says what to do, and not the secret."""
    monkeypatch.setenv("HOOK_SECRET", secret)
    with pytest.raises(ConfigError, match="openssl rand") as found:
        await send(target("https://hooks.example/x"), tmp_path)
    assert secret not in str(found.value)


async def test_a_secret_that_is_missing_is_named_by_its_channel(tmp_path, monkeypatch):
    """With several channels, the variable's name alone would not tell which of them waits for it."""
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    with pytest.raises(
        ConfigError, match=r"^\[alerts\] webhook of hooks\.example: secret: .*HOOK_SECRET is not set"
    ):
        await send(target("https://hooks.example/x"), tmp_path)


async def test_a_token_that_is_no_header_is_refused_before_it_is_told(tmp_path, monkeypatch):
    """A line break in it would otherwise stand in a library's message."""
    monkeypatch.setenv("HOOK_TOKEN", "one\r\ntwo")
    with pytest.raises(ConfigError, match="not one line") as found:
        await send(target("https://hooks.example/x", token={"env": "HOOK_TOKEN"}), tmp_path)
    assert "two" not in str(found.value)


async def test_who_answers_is_asked(tmp_path, certificate):
    """A certificate of an authority that is not known is no receiver."""
    with serving(certificate) as hooks, pytest.raises(ChannelError, match="CERTIFICATE_VERIFY_FAILED"):
        await send(target(hooks.url), tmp_path)
    assert hooks.came == []


async def test_a_redirect_is_not_followed(tmp_path):
    """Whoever may redirect could send alerts anywhere."""
    with serving() as hooks, serving() as other:
        hooks.always = (307, {"location": other.url})
        with pytest.raises(ChannelError, match="answers 307, a redirect, which is not followed") as found:
            await send(target(hooks.url), tmp_path)
    assert other.came == []
    assert not found.value.is_refused


@pytest.mark.parametrize(
    ("status", "is_refused"),
    [
        (400, True),
        (413, True),
        (422, True),
        (401, False),
        (404, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
async def test_what_an_answer_means(tmp_path, status, is_refused):
    """A message that is wrong stays wrong; all else may be mended."""
    with serving() as hooks:
        hooks.always = status
        with pytest.raises(ChannelError, match=f"answers {status}") as found:
            await send(target(hooks.url), tmp_path)
    assert found.value.is_refused is is_refused


@pytest.mark.parametrize(("after", "seconds"), [("7", 7.0), ("999999", 3600.0), ("soon", None), ("²", None)])
async def test_a_receiver_may_ask_for_time(tmp_path, after, seconds):
    """An hour at the most; what is no number of seconds is not heeded."""
    with serving() as hooks:
        hooks.always = (503, {"retry-after": after.encode().decode("latin-1")})
        with pytest.raises(ChannelError) as found:
            await send(target(hooks.url), tmp_path)
    assert found.value.retry_after_s == seconds


async def test_nobody_answers(tmp_path):
    """A port where nobody listens, and the message names the host alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ChannelError, match=r"127\.0\.0\.1 cannot be reached") as found:
        await send(target(f"http://127.0.0.1:{port}/with/a/word"), tmp_path)
    assert "word" not in str(found.value)


async def test_an_environment_s_proxy_gets_nothing(tmp_path, monkeypatch):
    """Alerts go where the feed file says."""
    with serving() as hooks, serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        await send(target(hooks.url), tmp_path)
    assert (len(hooks.came), len(proxy.came)) == (1, 0)


async def test_a_message_is_bounded(tmp_path):
    """However many alerts begin at once, and however long they are."""
    many = [alert(text="é" * 600, about="x" * 200, number=n) for n in range(10_000)]
    with serving() as hooks:
        whole = compose(many, message_id="m1", feed="btc", at_ns=0)
        await send(target(hooks.url), tmp_path, whole)
    ((_, _, body),) = hooks.came
    assert len(body) < 100_000
    assert (len(whole.alerts), whole.more) == (50, 9_950)
