"""People get mails that are ones, by a server that is who it says."""

import email
import email.policy
import socket

import msgspec
import pytest

from ticktrail.errors import ConfigError
from ticktrail.plugin import SystemClock
from ticktrail_alerts.channels import ChannelError, open_channel
from ticktrail_alerts.settings import Target
from unit.alerts.conftest import PASSWORD
from unit.alerts.messages import alert, message
from unit.alerts.servers import post_office

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


def target(port, ca_file=None, **keys):
    mail = {
        "host": "127.0.0.1",
        "port": port,
        "sender": "feed@firm.example",
        "to": ["a@firm.example"],
        **keys,
    }
    if ca_file is not None:
        mail |= {"ca_file": ca_file, "user": "feed", "password": {"env": "MAIL_PASSWORD"}}
    return msgspec.convert({"name": "duty", "email": mail}, Target)


async def send(settings, base_dir, *messages):
    async with open_channel(settings, base_dir, SystemClock()) as channel:
        return [await channel.send(one) for one in messages or (message(),)]


def parsed(content):
    return email.message_from_bytes(content, policy=email.policy.default)


@pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS:UserWarning"
)  # of a server within TLS
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_mail_goes_over_tls_after_a_login(tmp_path, certificate, ca_file, tls):
    """Subject, text, ids; the password is seen by the server alone."""
    with post_office(certificate, password=PASSWORD, implicit=tls == "tls") as post:
        assert await send(target(post.port, ca_file, tls=tls), tmp_path) == [""]
    ((content, user, was_tls, receivers),) = post.mails
    assert (user, was_tls, receivers) == ("feed", True, ("a@firm.example",))
    mail = parsed(content)
    assert mail["Subject"] == "[warning] btc: leg one cannot deliver"
    assert (mail["From"], mail["To"]) == ("feed@firm.example", "a@firm.example")
    assert mail["Message-ID"] == "<m1.duty@firm.example>"
    assert mail["Date"].datetime.isoformat() == "2027-01-15T08:00:00+00:00"
    assert mail["In-Reply-To"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content().replace("\r\n", "\n")
    assert "BEGUN (warning) leg_down one\n  leg one cannot deliver\n  since 2027-01-15 08:00:00 UTC" in text
    assert PASSWORD.encode() not in content


async def test_what_follows_answers_the_first_mail(tmp_path):
    """A mail program shows begin and end as one conversation, also where several began apart."""
    over = message(alert("resolved", first="m1"), alert("resolved", first="m0", number=2), message_id="m2")
    with post_office() as post:
        await send(target(post.port, tls="none"), tmp_path, message(), over)
    first, second = (parsed(content) for content, *_ in post.mails)
    assert second["In-Reply-To"] == first["Message-ID"]
    assert second["References"] == "<m1.duty@firm.example> <m0.duty@firm.example>"
    assert second["Subject"] == "[warning] btc: 2 alerts are resolved"


async def test_words_of_others_forge_nothing(tmp_path):
    """A line break in a venue's words makes no header and no line; other scripts arrive as they are."""
    odd = message(alert(text="Händler 拒絶\r\nBcc: x@evil.example\n\nhello\x1b[2J"))
    with post_office() as post:
        await send(target(post.port, tls="none"), tmp_path, odd)
    mail = parsed(post.mails[0][0])
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith(r"[warning] btc: Händler 拒絶\r\nBcc: x@evil.example")
    assert r"  Händler 拒絶\r\nBcc: x@evil.example\n\nhello\x1b[2J" in mail.get_content()


async def test_a_wrong_password_is_told_without_it(tmp_path, certificate, ca_file, monkeypatch):
    """Nor are the server's words, which could hold it."""
    monkeypatch.setenv("MAIL_PASSWORD", "another-word")
    with (
        post_office(certificate, password=PASSWORD) as post,
        pytest.raises(ChannelError, match=r"127.0.0.1 refuses the login \(535\)") as found,
    ):
        await send(target(post.port, ca_file), tmp_path)
    assert "another-word" not in str(found.value)
    assert found.value.__cause__ is None


async def test_a_server_without_tls_gets_nothing(tmp_path):
    """A mail is not sent in plain text because the server knows nothing else."""
    with post_office() as post, pytest.raises(ChannelError, match="STARTTLS"):
        await send(target(post.port), tmp_path)
    assert post.mails == []


async def test_a_server_that_nobody_vouches_for_gets_nothing(tmp_path, certificate):
    """The certificate is of an authority that is not known."""
    with (
        post_office(certificate, password=PASSWORD) as post,
        pytest.raises(ChannelError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        await send(target(post.port), tmp_path)
    assert post.mails == []


async def test_one_receiver_of_two_is_refused(tmp_path):
    """The other gets it, and it is said who did not; with nobody left it is a failure."""
    settings = target(1, tls="none", to=["a@firm.example", "b@firm.example"])
    with post_office() as post:
        settings = msgspec.structs.replace(
            settings, email=msgspec.structs.replace(settings.email, port=post.port)
        )
        post.refuse = {"b@firm.example"}
        assert await send(settings, tmp_path) == ["127.0.0.1 refuses b@firm.example"]
        assert post.mails[0][3] == ("a@firm.example",)
        post.refuse |= {"a@firm.example"}
        with pytest.raises(ChannelError, match="refuses every receiver"):
            await send(settings, tmp_path)


async def test_nobody_answers(tmp_path):
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ChannelError, match="cannot be reached"):
        await send(target(port, tls="none"), tmp_path)


async def test_certificates_that_are_none(tmp_path):
    """Told at the start, not at the first alert."""
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(ConfigError, match=r"ca\.pem cannot be used"):
        await send(target(25, "ca.pem"), tmp_path)
