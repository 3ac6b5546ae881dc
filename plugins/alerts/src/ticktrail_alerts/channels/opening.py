"""Open a channel by its settings.

Owns: which kind is what, and that the libraries of a kind are loaded with the first of it.
Never: sends.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ticktrail.errors import ConfigError
from ticktrail.plugin import Clock
from ticktrail_alerts.channels.base import Channel
from ticktrail_alerts.settings import Target

__all__ = ["open_channel", "trusting"]


@asynccontextmanager
async def open_channel(target: Target, base_dir: Path, clock: Clock) -> AsyncIterator[Channel]:
    """Open a channel; nobody is spoken to before something is sent.

    Args:
        target: Its settings.
        base_dir: The feed file's folder, from which relative paths and secrets are taken.
        clock: For the time that a signature holds.

    Raises:
        ConfigError: A secret or a file of it cannot be used.
    """
    if target.webhook is not None:
        from ticktrail_alerts.channels.webhook import open_webhook  # noqa: PLC0415 - httpx, if one is opened

        async with open_webhook(target.webhook, base_dir, clock) as webhook:
            yield webhook
    elif target.email is not None:
        from ticktrail_alerts.channels.mail import Mailbox  # noqa: PLC0415 - smtplib, if one is opened

        yield Mailbox(target.email, base_dir, target.label)
    elif target.file is not None:
        from ticktrail_alerts.channels.lines import Lines  # noqa: PLC0415 - as the others

        yield Lines(base_dir / target.file.path)


def trusting(ca_file: str | None, base_dir: Path) -> ssl.SSLContext:
    """Return TLS that asks who answers: 1.2 or later, by the system's certificates or those of a file.

    Raises:
        ConfigError: The file is none of certificates.
    """
    path = None if ca_file is None else base_dir / ca_file
    try:
        context = ssl.create_default_context(cafile=path)
    except OSError as exc:  # of which an error of TLS is one
        raise ConfigError(
            f"ca_file {path} cannot be used ({exc.strerror or exc}): give a file of certificates, PEM"
        ) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
