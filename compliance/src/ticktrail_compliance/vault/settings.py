"""Say in a feed file, or on a command line, where the key is that wraps all others.

Owns: the forms of ``[compliance] key`` and of ``--key``, and which keys belong to which form.
Never: asks a service, or puts what may be a secret into a message.

Sources: the HTTP API of HashiCorp Vault's transit engine, and its command line's environment variables; the model of
KMS (2014-11-01) in botocore 1.44.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ticktrail.address import require_secure
from ticktrail.errors import ConfigError
from ticktrail.plugin import Secret

__all__ = ["DEADLINE_S", "KeySettings", "parse_key"]

DEADLINE_S = 15.0
"""How long one question to a service may take, retries included, where `timeout_s` says nothing else."""
TRANSIT = "transit"
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = rf"^{_WORD}$"
_PATH = rf"^{_WORD}(/{_WORD})*$"
_NAMESPACE = rf"^{_WORD}(/{_WORD})*/?$"
_KMS = r"^[A-Za-z0-9:/_-]+$"
_REGION = r"^[a-z0-9-]+$"
_ARN = re.compile(r"arn:[a-z0-9-]+:kms:([a-z0-9-]+):\d{12}:(key|alias)/.+")
_FORMS = ("file", "env", "keyring", "vault", "aws_kms")
_BELONGS = {
    **dict.fromkeys(
        ("mount", "name", "token", "role_id", "secret_id", "namespace", "ca_file"), frozenset({"vault"})
    ),
    **dict.fromkeys(("region", "endpoint_url"), frozenset({"aws_kms"})),
    "timeout_s": frozenset({"vault", "aws_kms"}),
}
"""By key, the forms that it is part of."""


class KeySettings(Secret, frozen=True):
    """Where the key is that wraps all others of an audit log: one form of five.

    ``{ file = … }``, ``{ env = … }`` and ``{ keyring = … }`` refer to a key of this machine, as any secret is
    referred to. ``{ vault = …, name = …, token = … }`` and ``{ aws_kms = … }`` name one that never leaves its service.

    Attributes:
        vault: Address of a HashiCorp Vault or OpenBao: ``https://vault.example:8200``.
        mount: Where its transit engine is mounted; ``transit`` if nothing is said.
        name: Of the key in it.
        token: Reference to a token for it. Or:
        role_id: Reference to the role of an AppRole, and
        secret_id: reference to the role's secret.
        namespace: Of the engine, where the Vault has namespaces.
        ca_file: Certificates to trust in place of the system's, PEM; taken from the feed file's folder where relative.
        aws_kms: A key of AWS KMS, by ARN, by ``alias/NAME`` or by id.
        region: Its region, where it is no ARN.
        endpoint_url: Where to ask instead of the region's own address.
        timeout_s: How long one question to a service may take, retries included; 15 if nothing is said.

    Raises:
        ValueError: It is no form or two, or a key of one stands in another.
    """

    vault: str | None = None
    mount: Annotated[str, Meta(max_length=48, pattern=_PATH)] | None = None
    name: Annotated[str, Meta(max_length=64, pattern=_NAME)] | None = None
    token: Secret | None = None
    role_id: Secret | None = None
    secret_id: Secret | None = None
    namespace: Annotated[str, Meta(max_length=200, pattern=_NAMESPACE)] | None = None
    ca_file: Annotated[str, Meta(min_length=1)] | None = None
    aws_kms: Annotated[str, Meta(max_length=112, pattern=_KMS)] | None = None
    region: Annotated[str, Meta(max_length=32, pattern=_REGION)] | None = None
    endpoint_url: str | None = None
    timeout_s: Annotated[float, Meta(ge=0.1, le=120)] | None = None

    def __post_init__(self) -> None:
        forms = [form for form in _FORMS if getattr(self, form) is not None]
        if not forms:
            raise ValueError(
                'a key is one of { file = "PATH" }, { env = "NAME" }, { keyring = "SERVICE/USER" }, '
                "{ vault = …, name = …, token = … } or { aws_kms = … }"
            )
        if len(forms) > 1:
            raise ValueError(
                f"{forms[1]}: stands beside {forms[0]}, and a key is in one place; write one of the two"
            )
        (form,) = forms
        for key, others in _BELONGS.items():
            if getattr(self, key) is not None and form not in others:
                raise ValueError(
                    f"{key}: belongs to {' or '.join(f'{other} = …' for other in sorted(others))}, and the key "
                    f"is in {form} = …; leave it out"
                )
        if form == "vault":
            self._check_vault()
        elif form == "aws_kms":
            self._check_aws()
        else:
            super().__post_init__()

    @property
    def is_local(self) -> bool:
        """Tell whether the key itself is what is referred to."""
        return self.vault is None and self.aws_kms is None

    @property
    def aws_region(self) -> str | None:
        """The region that is said, or that the ARN names."""
        found = _ARN.fullmatch(self.aws_kms or "")
        return self.region or (found[1] if found else None)

    def resolve(self, base_dir: Path, key: str = "") -> str:
        """Return the key's text, where this machine has it.

        Raises:
            ConfigError: It is not there, or is in a service that never gives it away.
        """
        if not self.is_local:
            raise ConfigError("the key is in a service that never gives it away: nothing can read it")
        return super().resolve(base_dir, key)

    def _check_vault(self) -> None:
        _check_address("vault", self.vault or "")
        if self.name is None:
            raise ValueError('vault: needs the key\'s name beside it; add name = "…"')
        if (self.role_id is None) != (self.secret_id is None):
            one, other = ("secret_id", "role_id") if self.role_id is None else ("role_id", "secret_id")
            raise ValueError(f"{one}: is half an AppRole; add {other} = {{ … }}")
        if (self.token is None) == (self.role_id is None):
            raise ValueError(
                'vault: needs one way to log in; write token = { env = "VAULT_TOKEN" }, or both role_id and secret_id'
            )

    def _check_aws(self) -> None:
        if self.endpoint_url is not None:
            _check_address("endpoint_url", self.endpoint_url)
        found = _ARN.fullmatch(self.aws_kms or "")
        if (self.aws_kms or "").startswith("arn:") and found is None:
            raise ValueError(
                "aws_kms: is no ARN of a key; write arn:aws:kms:REGION:ACCOUNT:key/ID, alias/NAME or the key's id"
            )
        if found is not None and self.region not in {None, found[1]}:
            raise ValueError(f"region: is not the ARN's, {found[1]}; leave it out")


def parse_key(text: str, option: str = "--key") -> KeySettings:
    """Return where a command line says that the key is.

    It is ``file:PATH``, ``env:NAME``, ``keyring:SERVICE/USER``, ``vault:URL`` or ``aws-kms:ARN``. A Vault's URL is the
    key's, ``https://host:8200/v1/transit/keys/NAME``; the token is taken from VAULT_TOKEN, and VAULT_NAMESPACE and
    VAULT_CACERT count as they do for Vault's own command line.

    Args:
        text: As written. It may be the key itself, so that it stands in no message.
        option: What it was written behind.

    Raises:
        ConfigError: It is none of them.
    """
    kind, _, value = text.partition(":")
    try:
        match kind:
            case "file" if value:
                return KeySettings(file=value)
            case "env" if value:
                return KeySettings(env=value)
            case "keyring" if value:
                return KeySettings(keyring=value)
            case "vault" if value:
                return _parse_vault(value)
            case "aws-kms" if value:
                return _checked(aws_kms=value)
    except ValueError as exc:
        raise ConfigError(f"{option} {exc}") from None  # what was written may be the key itself
    raise ConfigError(
        f"{option} is file:PATH, env:NAME, keyring:SERVICE/USER, vault:https://HOST:8200/v1/transit/keys/NAME or "
        f"aws-kms:ARN; a key itself never stands on a command line"
    )


def _parse_vault(url: str) -> KeySettings:
    found = re.fullmatch(r"(https?://[^/?#]+(?:/[^?#]+?)?)/v1/([^?#]+)/keys/([^/?#]+)", url)
    if found is None:
        raise ValueError("vault: is the URL of a key: https://HOST:8200/v1/transit/keys/NAME")
    return _checked(
        vault=found[1],
        mount=found[2],
        name=found[3],
        token=Secret(env="VAULT_TOKEN"),
        namespace=os.environ.get("VAULT_NAMESPACE") or None,
        ca_file=os.environ.get("VAULT_CACERT") or None,
    )


def _checked(**keys: object) -> KeySettings:
    """Return the settings, held to all that a feed file's are held to."""
    table = {
        key: msgspec.to_builtins(value) if isinstance(value, Secret) else value
        for key, value in keys.items()
        if value is not None
    }
    return msgspec.convert(table, KeySettings)


def _check_address(key: str, url: str) -> None:
    if "?" in url or "#" in url:
        raise ValueError(f"{key}: is an address alone, without ? or #")
    try:
        require_secure(url, kind="http")
    except ValueError as exc:
        raise ValueError(f"{key}: {exc}") from None
