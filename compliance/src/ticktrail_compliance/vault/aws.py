"""Wrap under a key of AWS KMS, which never leaves it.

Owns: the questions to the service, the form of what it wraps, and what its refusals mean.
Never: makes a key there, or imports the SDK before one is needed: it is the extra ``ticktrail-compliance[aws]``.

Source: the model of KMS (2014-11-01) in botocore 1.44: a plaintext has 1 to 4096 bytes, a ciphertext 1 to 6144. The
encryption context stands in the open in CloudTrail, so that it holds a hash alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar, cast

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.vault.deadline import within
from ticktrail_compliance.vault.settings import DEADLINE_S, KeySettings

__all__ = ["AwsKey"]

TRIES = 4
FORM = b"\x01"
"""Before each secret: KMS takes no empty one."""
MOST_BYTES = 6144
_NOT_OURS = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
_NO_KEY_OF_ANYBODY = "The ciphertext refers to"
"""How the message of an AccessDeniedException begins that comes of the key which a ciphertext names."""
_REMEDIES = {
    "AccessDeniedException": "grant kms:Encrypt and kms:Decrypt on the key to whoever the feed runs as",
    "NotFoundException": "name a key that is there, in its own region and account",
    "DisabledException": "enable the key",
    "KMSInvalidStateException": "cancel the key's deletion, or wait until it can be used",
    "InvalidKeyUsageException": "name a key for encryption (ENCRYPT_DECRYPT)",
    "UnrecognizedClientException": "give credentials that AWS knows",
    "InvalidSignatureException": "give credentials that AWS knows, and see whether this machine's clock is right",
    "ExpiredTokenException": "renew the credentials",
    "ThrottlingException": "wait, or raise the account's limit of requests",
    "NoCredentialsError": "give credentials, by environment, profile or role",
    "PartialCredentialsError": "give both halves of the credentials",
    "ProfileNotFound": "name a profile that is there in AWS_PROFILE",
}
T = TypeVar("T")


class _Kms(Protocol):
    """The two calls of boto3's client that are made."""

    def encrypt(
        self,
        *,
        KeyId: str,  # noqa: N803 - AWS's names
        Plaintext: bytes,  # noqa: N803
        EncryptionContext: Mapping[str, str],  # noqa: N803
    ) -> Mapping[str, object]:
        """Encrypt."""
        ...

    def decrypt(
        self,
        *,
        KeyId: str,  # noqa: N803 - AWS's names
        CiphertextBlob: bytes,  # noqa: N803
        EncryptionContext: Mapping[str, str],  # noqa: N803
    ) -> Mapping[str, object]:
        """Decrypt."""
        ...


class AwsKey:
    """A key of AWS KMS; its repr shows its name, never credentials."""

    def __init__(self, settings: KeySettings) -> None:
        self._ref = settings.aws_kms or ""
        self.key_id = f"aws-kms:{self._ref}"
        self.origin = f"AWS KMS key {self._ref}"
        self._endpoint = settings.endpoint_url
        self._limit_s = settings.timeout_s or DEADLINE_S
        self._region = _region(settings)
        self._client: _Kms | None = None

    def __repr__(self) -> str:
        """Return the origin."""
        return f"AwsKey({self.origin})"

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Return the ciphertext of KMS, bound to the SHA-256 of `context` as its encryption context.

        Raises:
            AuditError: KMS cannot be asked, or refuses.
        """
        answer = self._ask(
            lambda kms: kms.encrypt(
                KeyId=self._ref, Plaintext=FORM + secret, EncryptionContext=_bound_to(context)
            )
        )
        return self._bytes(answer, "CiphertextBlob")

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Return the secret; None if this key did not wrap it, not in this context, or it was changed since.

        Raises:
            AuditError: KMS cannot be asked, or refuses, so that neither is known.
        """
        if not 1 <= len(wrapped) <= MOST_BYTES:
            return None
        answer = self._ask(
            lambda kms: kms.decrypt(
                KeyId=self._ref, CiphertextBlob=wrapped, EncryptionContext=_bound_to(context)
            )
        )
        if answer is None:
            return None
        plain = self._bytes(answer, "Plaintext")
        return plain[len(FORM) :] if plain.startswith(FORM) else None

    def _ask(self, call: Callable[[_Kms], T]) -> T | None:
        """Return the answer, None for one that says: not under this key, not in this context, or changed."""
        return within(self._limit_s, lambda: self._translated(call), self._late)

    def _translated(self, call: Callable[[_Kms], T]) -> T | None:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # noqa: PLC0415

        try:
            if self._client is None:
                self._client = self._connect()
            return call(self._client)
        except ClientError as exc:
            told = exc.response.get("Error", {})
            code = str(told.get("Code", ""))
            if code in _NOT_OURS or str(told.get("Message", "")).startswith(_NO_KEY_OF_ANYBODY):
                return None
            raise self._refused(code or "an error without a name") from exc
        except (
            BotoCoreError,
            OSError,
            ValueError,
            RecursionError,
        ) as exc:  # the last two of the SDK's own parser
            raise self._refused(type(exc).__name__) from exc

    def _connect(self) -> _Kms:
        import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
        from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        each_s = self._limit_s / 2  # so that a second try fits
        config = Config(
            connect_timeout=each_s,
            read_timeout=each_s,
            retries={"mode": "standard", "total_max_attempts": TRIES},
        )
        session = boto3.session.Session()
        return cast(
            "_Kms",
            session.client("kms", region_name=self._region, endpoint_url=self._endpoint, config=config),
        )

    def _bytes(self, answer: Mapping[str, object] | None, key: str) -> bytes:
        found = (answer or {}).get(key)
        if not isinstance(found, bytes):
            raise AuditError(f"{self.origin} answers as KMS does not: leave endpoint_url out, or name KMS")
        return found

    def _refused(self, code: str) -> AuditError:
        remedy = _REMEDIES.get(code, "see whether this machine reaches KMS, and how AWS is")
        return AuditError(f"{self.origin} cannot be used ({code}): {remedy}")

    def _late(self) -> AuditError:
        return AuditError(
            f"{self.origin} did not answer within {self._limit_s:g} s: see whether this machine reaches KMS"
        )


def _bound_to(context: bytes) -> Mapping[str, str]:
    return {"ticktrail": hashlib.sha256(context).hexdigest()}


def _region(settings: KeySettings) -> str:
    """Return the region of the key, or the one that AWS's own settings of this machine name.

    Raises:
        ConfigError: The SDK is not installed, or there is none.
    """
    try:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - an extra
    except ImportError as exc:
        raise ConfigError("a key in AWS KMS needs boto3: pip install 'ticktrail-compliance[aws]'") from exc
    try:
        region = settings.aws_region or boto3.session.Session().region_name
    except BotoCoreError as exc:
        raise ConfigError(f"AWS's settings of this machine cannot be used ({type(exc).__name__})") from exc
    if not region:
        raise ConfigError('aws_kms names no region: write region = "…" beside it, or the key\'s ARN')
    return str(region)
