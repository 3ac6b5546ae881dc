"""Send a message to a URL.

Owns: the request, and which answers mean what.
Never: follows a redirect, takes a proxy or a password from the environment, or reads an answer's body.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import msgspec

from ticktrail.errors import ConfigError
from ticktrail.plugin import Clock
from ticktrail.text import one_line
from ticktrail_alerts.channels.base import ChannelError
from ticktrail_alerts.channels.opening import trusting
from ticktrail_alerts.channels.signing import secret_bytes, signed_headers
from ticktrail_alerts.message import Message
from ticktrail_alerts.settings import WebhookSettings

__all__ = ["Webhook", "open_webhook"]

_MAY_PASS: Final = frozenset({401, 403, 404, 407, 408, 409, 423, 425, 429})
"""Statuses from 400 to 499 that somebody may mend; with the others it is this message that is wrong."""
_MOST_RETRY_AFTER_S: Final = 3_600.0
_MOST_TEXT: Final = 300


@asynccontextmanager
async def open_webhook(settings: WebhookSettings, base_dir: Path, clock: Clock) -> AsyncIterator[Webhook]:
    """Open a webhook.

    Raises:
        ConfigError: Its URL, secret, token or certificates cannot be used.
    """
    try:
        host = httpx.URL(settings.url).host
    except httpx.InvalidURL as exc:
        raise ConfigError(f"[alerts] a webhook's url is none ({exc}); write https://HOST/PATH") from exc
    key = secret_bytes(settings.secret.resolve(base_dir, f"[alerts] webhook of {host}: secret"), host)
    headers = {"content-type": "application/json", "user-agent": "ticktrail-alerts"}
    if settings.token is not None:
        token = settings.token.resolve(base_dir, f"[alerts] webhook of {host}: token")
        if not (token.isascii() and token.isprintable()):
            raise ConfigError(
                f"[alerts] webhook of {host}: what token refers to is not one line of printable ASCII; mend it"
            )
        headers["authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(
        headers=headers,
        verify=trusting(settings.ca_file, base_dir),
        timeout=settings.timeout_s,
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=1),
    ) as client:
        yield Webhook(client, settings.url, host, key, clock)


class Webhook:
    """A URL."""

    def __init__(self, client: httpx.AsyncClient, url: str, host: str, key: bytes, clock: Clock) -> None:
        self._clock = clock
        self._client = client
        self._url = url
        self._host = host
        self._key = key

    async def send(self, message: Message) -> str:
        """Post the message; any status from 200 to 299 means that it was taken.

        Raises:
            ChannelError: It was not.
        """
        body = msgspec.json.encode(message)
        signed = signed_headers(
            self._key, message_id=message.id, at_s=self._clock.now_ns() // 1_000_000_000, body=body
        )
        try:
            async with self._client.stream("POST", self._url, content=body, headers=dict(signed)) as answer:
                status, after = answer.status_code, answer.headers.get("retry-after", "")
        except httpx.HTTPError as exc:
            raise ChannelError(f"{self._host} cannot be reached: {_words_of(exc)}") from exc
        if not 200 <= status < 300:
            raise _refusal(self._host, status, after)
        return ""


def _refusal(host: str, status: int, after: str) -> ChannelError:
    if 300 <= status < 400:
        return ChannelError(
            f"{host} answers {status}, a redirect, which is not followed: write the address that it leads to"
        )
    retry_after_s = min(float(after), _MOST_RETRY_AFTER_S) if after.isascii() and after.isdigit() else None
    is_refused = 400 <= status < 500 and status not in _MAY_PASS
    return ChannelError(f"{host} answers {status}", is_refused=is_refused, retry_after_s=retry_after_s)


def _words_of(error: BaseException) -> str:
    """Return what went wrong: the first of what led to one another that has words."""
    cause: BaseException | None = error
    while cause is not None:
        if said := str(cause):
            return one_line(said)[:_MOST_TEXT]
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
