"""Send a message as an e-mail.

Owns: the mail's form, and one conversation with the server a mail, in a thread of its own.
Never: sends a password, or a mail, in plain text over a network.
"""

from __future__ import annotations

import smtplib
import socket
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import anyio
import anyio.to_thread

from ticktrail.errors import ConfigError
from ticktrail.text import one_line
from ticktrail_alerts.channels.base import ChannelError
from ticktrail_alerts.channels.opening import trusting
from ticktrail_alerts.message import Message, subject_of, text_of
from ticktrail_alerts.settings import EmailSettings

__all__ = ["Mailbox", "mail_of"]

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_MOST_REFERENCES = 10
_MOST_TEXT = 300


class Mailbox:
    """Some people, by way of a server.

    Raises:
        ConfigError: The password or the certificates cannot be used.
    """

    def __init__(self, settings: EmailSettings, base_dir: Path, channel: str) -> None:
        self._settings = settings
        self._channel = channel
        self._port = settings.port or _PORTS[settings.tls]
        self._limiter = anyio.CapacityLimiter(1)
        self._tls = None if settings.tls == "none" else trusting(settings.ca_file, base_dir)
        self._password = (
            None
            if settings.password is None
            else settings.password.resolve(base_dir, f"[alerts] channel {channel}: password")
        )
        if self._password is not None and not self._password.isascii():
            raise ConfigError(
                f"[alerts] channel {channel}: what password refers to is not ASCII, which a mail server's login "
                f"cannot carry; set another one"
            )

    async def send(self, message: Message) -> str:
        """Send the mail; returns who of several did not get it.

        Raises:
            ChannelError: Nobody gets it, or the server did not say so.
        """
        mail = mail_of(message, self._settings, self._channel)
        try:
            return await anyio.to_thread.run_sync(
                self._send, mail, abandon_on_cancel=True, limiter=self._limiter
            )
        except smtplib.SMTPAuthenticationError as exc:  # its words may hold what was sent
            raise ChannelError(f"{self._settings.host} refuses the login ({exc.smtp_code})") from None
        except smtplib.SMTPRecipientsRefused as exc:
            raise ChannelError(
                f"{self._settings.host} refuses every receiver: {', '.join(exc.recipients)}"
            ) from exc
        except smtplib.SMTPResponseException as exc:
            said = (
                exc.smtp_error.decode(errors="replace")
                if isinstance(exc.smtp_error, bytes)
                else exc.smtp_error
            )
            raise ChannelError(
                f"{self._settings.host} answers {exc.smtp_code} {one_line(str(said))[:_MOST_TEXT]}"
            ) from exc
        except (OSError, UnicodeError, smtplib.SMTPException) as exc:
            said = one_line(str(exc))[:_MOST_TEXT] or type(exc).__name__
            raise ChannelError(f"{self._settings.host} cannot be reached: {said}") from exc

    def _send(self, mail: EmailMessage) -> str:
        settings = self._settings
        hello, timeout_s = socket.gethostname(), settings.timeout_s
        hello = hello if hello.isascii() else "localhost"
        if settings.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, self._port, hello, timeout=timeout_s, context=self._tls
            )
        else:
            server = smtplib.SMTP(settings.host, self._port, hello, timeout=timeout_s)
        with server:
            if settings.tls == "starttls":
                server.starttls(context=self._tls)
            if settings.user is not None and self._password is not None:
                server.login(settings.user, self._password)
            refused = server.send_message(mail)
        return f"{settings.host} refuses {', '.join(refused)}" if refused else ""


def mail_of(message: Message, settings: EmailSettings, channel: str) -> EmailMessage:
    """Return the mail: what follows on an alert answers the mail that told of its begin."""
    mail = EmailMessage()
    mail["Subject"] = subject_of(message)
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.to)
    mail["Date"] = datetime.fromtimestamp(message.at_ns // 1_000_000_000, UTC)
    mail["Message-ID"] = _reference(message.id, settings, channel)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no one's holiday answers it
    firsts = [alert.first_message for alert in message.alerts if alert.first_message not in {"", message.id}]
    before = [_reference(one, settings, channel) for one in dict.fromkeys(firsts)][:_MOST_REFERENCES]
    if before:
        mail["In-Reply-To"] = before[0]
        mail["References"] = " ".join(before)
    if message.severity == "critical":
        mail["Importance"] = "high"
    mail.set_content(text_of(message))
    return mail


def _reference(message_id: str, settings: EmailSettings, channel: str) -> str:
    return f"<{message_id}.{channel}@{settings.sender.rpartition('@')[2]}>"
