"""Open the key that wraps all others, wherever a feed file says that it is.

Owns: which form of settings leads to which kind of key.
Never: imports a service's client, or a cipher, before a key of that kind is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ticktrail.plugin import Secret
from ticktrail_compliance.vault.provider import KeyProvider
from ticktrail_compliance.vault.settings import KeySettings

__all__ = ["open_provider"]


def open_provider(
    settings: Secret, base_dir: Path, *, create: bool, warn: Callable[[str], None]
) -> KeyProvider:
    """Return the key that wraps all others. No service is asked yet.

    Args:
        settings: Where it is.
        base_dir: Against which relative files are taken.
        create: Make a missing key file, once; a service's key is made in the service alone.
        warn: Is told that one was made.

    Raises:
        ConfigError: A file, a token or a package is missing or wrong; the message says what would be right.
    """
    if isinstance(settings, KeySettings) and settings.vault is not None:
        from ticktrail_compliance.vault.transit import TransitKey  # noqa: PLC0415 - few need it

        return TransitKey(settings, base_dir)
    if isinstance(settings, KeySettings) and settings.aws_kms is not None:
        from ticktrail_compliance.vault.aws import AwsKey  # noqa: PLC0415 - few need it

        return AwsKey(settings)
    from ticktrail_compliance.vault.local import open_local  # noqa: PLC0415 - `ticktrail check` needs no cipher

    return open_local(settings, base_dir, create=create, warn=warn)
