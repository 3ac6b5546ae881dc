"""Give plugins the base of their settings, and secrets that are only ever references.

Owns: strictness (unknown keys refused) and how a secret reference is resolved.
Never: holds a secret's value longer than the call that asked for it, but for what keeps it out of logs
(`ticktrail._contracts.known_secrets`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from ticktrail._contracts.known_secrets import remember
from ticktrail.errors import ConfigError

__all__ = ["Addresses", "Secret", "Settings"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every settings table: frozen, by name only, unknown keys refused."""


Addresses: TypeAlias = Callable[[Settings], Mapping[str, str]]
"""Tells, by key of the table, the URLs that are spoken to under given settings; pure."""


class Secret(Settings, frozen=True):
    """A reference to a secret: ``{ env = "NAME" }``, ``{ file = "PATH" }`` or ``{ keyring = "SERVICE/USER" }``.

    Exactly one of the three is set. The repr shows the reference, never the value.

    Raises:
        ValueError: It is not one of the three, or `env` could not be the name of a variable.
    """

    env: str | None = None
    file: str | None = None
    keyring: str | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.env, self.file, self.keyring)) != 1:
            raise ValueError("a secret is one of { env = … }, { file = … } or { keyring = … }")
        if (
            self.env is not None and _NAME.fullmatch(self.env) is None
        ):  # it may be the secret itself: not repeated
            raise ValueError(
                "env: is no name of an environment variable (letters, digits and _, no digit first); write the name of "
                "the one that holds the secret, never the secret itself"
            )

    def resolve(self, base_dir: Path, key: str = "") -> str:
        """Return the secret's value, without a trailing newline.

        Args:
            base_dir: Folder against which a relative `file` is taken: the feed file's.
            key: Where the reference stands in the feed file, such as ``[dashboard] token``: the message begins with it.

        Raises:
            ConfigError: The variable, file or keyring entry is not there; the message names it and the remedy.
        """
        try:
            value = self._found(base_dir)
        except ConfigError as exc:
            if not key:
                raise
            raise ConfigError(f"{key}: {exc}") from exc
        remember(value)
        return value

    def _found(self, base_dir: Path) -> str:
        if self.env is not None:
            value = os.environ.get(self.env)
            if not value:
                lacks = "is not set" if value is None else "is set but empty"
                raise ConfigError(f"environment variable {self.env} {lacks}: export {self.env}=… first")
            return value
        if self.file is not None:
            path = base_dir / self.file
            try:
                return path.read_text(encoding="utf-8").rstrip("\r\n")
            except OSError as exc:
                raise ConfigError(
                    f"secret file {path} cannot be read ({exc.strerror}): create it with mode 0600"
                ) from exc
        return self._from_keyring()

    def _from_keyring(self) -> str:
        try:
            import keyring  # noqa: PLC0415 - optional: only who refers to a keyring needs it
            from keyring.errors import KeyringError  # noqa: PLC0415 - see above
        except ImportError as exc:
            raise ConfigError(
                f'secret {{ keyring = "{self.keyring}" }} needs the keyring package: pip install keyring'
            ) from exc
        service, _, user = (self.keyring or "").partition("/")
        try:
            value = keyring.get_password(service, user)
        except KeyringError as exc:
            raise ConfigError(
                f"the system keyring cannot be asked for {service!r} of user {user!r} ({type(exc).__name__}): "
                f"unlock it, or set one up, or keep the secret in a file"
            ) from exc
        if value is None:
            raise ConfigError(
                f"the system keyring has no entry {service!r} for user {user!r}: "
                f"keyring set {service} {user or 'USER'}"
            )
        return str(value)
