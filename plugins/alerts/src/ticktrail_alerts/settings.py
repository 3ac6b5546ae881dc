"""Hold the ``[alerts]`` table of a feed file, but for its rules.

Owns: the channels' keys, defaults and bounds.
Never: opens a channel, or resolves a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from ticktrail.address import is_loopback
from ticktrail.plugin import Secret, Settings
from ticktrail_alerts.rule_settings import RuleName, RulesSettings, Severity

__all__ = ["AlertSettings", "EmailSettings", "FileSettings", "Target", "WebhookSettings", "addresses_of"]

Text = Annotated[str, Meta(min_length=1, max_length=500)]
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
_EMAIL = r"^[^\s@<>,;:\"()\\]{1,64}@[A-Za-z0-9.-]{1,255}$"
Email = Annotated[str, Meta(pattern=_EMAIL, max_length=320)]
Timeout = Annotated[float, Meta(ge=0.1, le=120)]


class WebhookSettings(Settings, frozen=True):
    """A URL to which each message is sent, signed.

    Attributes:
        url: Where to; plain ``http://`` is for this machine, or for a feed for development.
        secret: What messages are signed with; base64 behind ``whsec_``, or any text of 16 characters or more.
        token: Reference to a token that is sent as ``Authorization: Bearer``; none is sent without it.
        ca_file: Certificates to trust in place of the system's, PEM.
        timeout_s: How long one try may take.
    """

    url: Text
    secret: Secret
    token: Secret | None = None
    ca_file: Text | None = None
    timeout_s: Timeout = 10.0

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            _ = parts.port
        except ValueError:
            raise ValueError("url: is no URL; write https://HOST/PATH") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url: is no address of the web; write https://HOST/PATH")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "url: must not hold a user name or password; write token = { env = … } in their place"
            )


class EmailSettings(Settings, frozen=True):
    """People who get an e-mail.

    Attributes:
        host: The mail server.
        port: Its port; without it 587 for ``starttls``, 465 for ``tls``, 25 for ``none``.
        tls: ``starttls``: encrypted after the greeting; ``tls``: from the start; ``none``: this machine alone.
        user: Whom to log in as; nobody without it.
        password: Reference to the password of it.
        sender: From whom it comes.
        to: Who gets it.
        ca_file: Certificates to trust in place of the system's, PEM.
        timeout_s: How long one try may take.
    """

    host: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:_-]+$", max_length=255)]
    sender: Email
    to: Annotated[tuple[Email, ...], Meta(min_length=1, max_length=50)]
    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: Annotated[str, Meta(pattern=r"^[!-~]+$", max_length=320)] | None = None
    password: Secret | None = None
    ca_file: Text | None = None
    timeout_s: Timeout = 20.0

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password is None):
            raise ValueError(
                "user: and password stand together; write password = { env = … } beside it"
                if self.password is None
                else "password: and user stand together; write user = … beside it"
            )
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError(
                'tls: "none" would send plain text over a network; write "starttls" or "tls" (it is for this machine)'
            )


class FileSettings(Settings, frozen=True):
    """A file to which each message is appended as a line of JSON, and is on the disk when that is done."""

    path: Text
    timeout_s: Timeout = 10.0


class Target(Settings, frozen=True):
    """One channel: exactly one of `webhook`, `email` and `file`.

    Attributes:
        name: By which it is told apart; without it the kind.
        from_severity: Alerts below it are not sent here.
        rules: Alerts of these rules alone; empty: of all.
        webhook: A URL.
        email: People.
        file: A file.
    """

    name: Annotated[str, Meta(pattern=_NAME, max_length=64)] | None = None
    from_severity: Severity = "information"
    rules: tuple[RuleName, ...] = ()
    webhook: WebhookSettings | None = None
    email: EmailSettings | None = None
    file: FileSettings | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.webhook, self.email, self.file)) != 1:
            raise ValueError("a channel is one of webhook = { … }, email = { … } and file = { … }")

    @property
    def kind(self) -> Literal["webhook", "email", "file"]:
        """What it is."""
        return "webhook" if self.webhook is not None else "email" if self.email is not None else "file"

    @property
    def label(self) -> str:
        """Its name, or its kind where it has none."""
        return self.name or self.kind

    @property
    def timeout_s(self) -> float:
        """How long one try may take."""
        part = self.webhook or self.email or self.file
        return part.timeout_s if part is not None else 0.0


class AlertSettings(Settings, frozen=True):
    """Who is told what of a feed.

    Attributes:
        to: The channels.
        rules: What is looked for.
        look_s: How often the feed is looked at.
        group_s: What begins or ends within this of the last message goes into one.
        repeat_s: How often an alert that holds is told again; never without it.
        queue: Messages that may wait for a channel; the oldest is given up for one more.
        give_up_s: How long a message is tried.
        stop_s: How long the last ones are tried when the feed stops.
        state: The file that keeps what holds and what is to be sent over a restart; without it
            ``alerts-FEED.json``, in the feed file's folder.
    """

    to: Annotated[tuple[Target, ...], Meta(min_length=1, max_length=32)]
    rules: RulesSettings = RulesSettings()
    look_s: Annotated[float, Meta(ge=0.05, le=60)] = 2.0
    group_s: Annotated[float, Meta(ge=0, le=3_600)] = 10.0
    repeat_s: Annotated[float, Meta(ge=60, le=2_592_000)] | None = None
    queue: Annotated[int, Meta(ge=1, le=1_000)] = 100
    give_up_s: Annotated[float, Meta(ge=1, le=2_592_000)] = 86_400.0
    stop_s: Annotated[float, Meta(ge=0, le=60)] = 5.0
    state: Text | None = None

    def __post_init__(self) -> None:
        names = [target.label for target in self.to]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f'to: two channels are called "{twice}"; give each a name = … of its own')


def addresses_of(settings: AlertSettings) -> Mapping[str, str]:
    """Return the URLs that are spoken to, for the profile."""
    found: dict[str, str] = {}
    for number, target in enumerate(settings.to):
        if target.webhook is not None:
            found[f"to.{number}.webhook.url"] = target.webhook.url
        elif target.email is not None:
            scheme = "smtp" if target.email.tls == "none" else "smtps"
            host = f"[{target.email.host}]" if ":" in target.email.host else target.email.host
            found[f"to.{number}.email.host"] = f"{scheme}://{host}"
    return found
