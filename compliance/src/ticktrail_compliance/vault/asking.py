"""Ask a Vault one question: logged in, within a deadline, and again where that helps.

Owns: the HTTP of it, the token, which answers are worth another try, and the words for those that are not.
Never: knows what a question is about, or lets a token into a message. No proxy of the environment and no redirect is
followed, since the token would go along.

Source: OpenBao 2.7.2, asked on 2026-11-29, for all but 412, 472 and 473, which HashiCorp Vault alone answers.
"""

from __future__ import annotations

import contextlib
import random
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
import msgspec

from ticktrail.errors import AuditError, ConfigError
from ticktrail.net import retry_after_s
from ticktrail.plugin import Secret
from ticktrail_compliance.vault.deadline import within
from ticktrail_compliance.vault.settings import DEADLINE_S, KeySettings

__all__ = ["Reply", "Vault"]

TRIES = 5
FIRST_PAUSE_S = 0.1
"""Doubled from one try to the next, and half of it by chance, so that many feeds do not come back at once."""
MOST_BYTES = 1_048_576
PASSING: Final = frozenset({412, 429, 472, 473, 500, 502, 503, 504})
DENIED = 403
SEALED = "Vault is sealed"
SPARE = 0.9
"""The part of the deadline that requests may use: what they found out is then told, rather than that time is up."""


class Reply(msgspec.Struct, frozen=True):
    """What a Vault answered, of what is looked at.

    Attributes:
        status: Of HTTP; added here.
        data: Of an answer.
        auth: Of a login.
        errors: In the Vault's words.
    """

    data: Mapping[str, object] | None = None
    auth: Mapping[str, object] | None = None
    errors: tuple[str, ...] = ()
    status: int = 0


class _AgainError(Exception):
    """Worth another try, after so long at least."""

    def __init__(self, error: AuditError, after_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s


class Vault:
    """One Vault, and how to log in to it; the repr shows its address alone."""

    def __init__(self, settings: KeySettings, base_dir: Path) -> None:
        self.address = (settings.vault or "").rstrip("/")
        self._settings = settings
        self._base_dir = base_dir
        self._limit_s = settings.timeout_s or DEADLINE_S
        self._trust = _trust(base_dir, settings.ca_file)
        self._lease = ""  # the token of an AppRole, until it is refused
        for key, secret in (
            ("token", settings.token),
            ("role_id", settings.role_id),
            ("secret_id", settings.secret_id),
        ):
            if secret is not None:
                _read(key, secret, base_dir)

    def __repr__(self) -> str:
        """Return the address."""
        return f"Vault({self.address})"

    def ask(self, path: str, body: Mapping[str, str]) -> Reply:
        """Return the answer to a POST, which may be a refusal with status 400 or 404.

        Raises:
            AuditError: There is none within the deadline, or one that no caller can do anything about.
        """
        until = time.monotonic() + self._limit_s * SPARE
        return within(self._limit_s, lambda: self._ask(path, body, until), self._late)

    def _ask(self, path: str, body: Mapping[str, str], until: float) -> Reply:
        token, fresh = self._token(until)
        reply = self._persist(path, body, token, until)
        if reply.status == DENIED and not fresh:
            self._lease = ""
            again, _ = self._token(until)
            if again != token:  # an agent has renewed it in its file, or the role has logged in anew
                reply = self._persist(path, body, again, until)
        if reply.status == DENIED:
            raise AuditError(
                f"{self.address} denies {path} ({_said(reply)}): the token has ended, its policy lacks update on that "
                f"path, or there is no such key; renew the token, or grant it"
            )
        return reply

    def _token(self, until: float) -> tuple[str, bool]:
        """Return the token, and whether it was got just now by a login."""
        settings = self._settings
        if settings.token is not None:
            return self._secret("token", settings.token), False
        if self._lease:
            return self._lease, False
        if settings.role_id is None or settings.secret_id is None:
            raise AuditError(f"{self.address} needs a token, or an AppRole")
        body = {
            "role_id": self._secret("role_id", settings.role_id),
            "secret_id": self._secret("secret_id", settings.secret_id),
        }
        reply = self._persist("auth/approle/login", body, "", until)
        lease = (reply.auth or {}).get("client_token")
        if not isinstance(lease, str) or not _is_token(lease):
            raise AuditError(
                f"{self.address} does not let the AppRole in ({_said(reply, *body.values())}): give it a "
                f"secret_id that has not ended, and look whether the method is mounted at auth/approle"
            )
        self._lease = lease
        return lease, True

    def _secret(self, key: str, secret: Secret) -> str:
        try:
            return _read(key, secret, self._base_dir)
        except ConfigError as exc:
            raise AuditError(str(exc)) from exc

    def _persist(self, path: str, body: Mapping[str, str], token: str, until: float) -> Reply:
        pause_s = FIRST_PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                return self._post(path, body, token, until)
            except _AgainError as exc:
                wait_s = max(exc.after_s, pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret is made of it
                if not left or time.monotonic() + wait_s >= until:
                    raise exc.error from exc.__cause__
                time.sleep(wait_s)
                pause_s *= 2
        raise self._late()

    def _post(self, path: str, body: Mapping[str, str], token: str, until: float) -> Reply:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise self._late()
        headers = {"Accept-Encoding": "identity", "X-Vault-Request": "true"}
        if token:
            headers["X-Vault-Token"] = token
        if self._settings.namespace is not None:
            headers["X-Vault-Namespace"] = self._settings.namespace
        secrets = (token, *body.values())
        try:
            with (
                httpx.Client(verify=self._trust, trust_env=False, timeout=left_s) as client,
                client.stream("POST", f"{self.address}/v1/{path}", json=body, headers=headers) as response,
            ):
                content = b""
                for part in response.iter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        raise AuditError(f"{self.address} answers with more than a Vault would: name a Vault")
        except httpx.TimeoutException as exc:
            raise _AgainError(self._late()) from exc
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            raise _AgainError(
                AuditError(
                    f"{self.address} cannot be asked ({_bare(str(exc), secrets)}): see whether the Vault runs, and "
                    f"whether this machine reaches and trusts it"
                )
            ) from exc
        return self._judge(response, content, secrets)

    def _judge(self, response: httpx.Response, content: bytes, secrets: tuple[str, ...]) -> Reply:
        status = response.status_code
        try:
            reply = msgspec.json.decode(content, type=Reply) if content else Reply()
        except (msgspec.MsgspecError, UnicodeDecodeError):
            reply = Reply()
        errors = tuple(_bare(said, secrets) for said in reply.errors)
        reply = msgspec.structs.replace(reply, status=status, errors=errors)
        if 300 <= status < 400:
            raise AuditError(
                f"{self.address} sends elsewhere (HTTP status {status}), and a token goes nowhere but where it was "
                f"told to: name the address of the active Vault, or of what stands before it"
            )
        if SEALED in errors:
            raise AuditError(f"{self.address} is sealed: unseal it (vault operator unseal)")
        if status in PASSING:
            wait_s = retry_after_s(response.headers.get("Retry-After", ""), now_ns=time.time_ns())
            raise _AgainError(
                AuditError(f"{self.address} cannot answer now ({_said(reply)}): see how the Vault is"),
                wait_s or 0.0,
            )
        if status not in {200, 204, 400, DENIED, 404}:
            raise AuditError(f"{self.address} answers as no Vault does ({_said(reply)}): name a Vault")
        return reply

    def _late(self) -> AuditError:
        return AuditError(
            f"{self.address} did not answer within {self._limit_s:g} s: see whether the Vault runs, and whether this "
            f"machine reaches it"
        )


def _trust(base_dir: Path, ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    path = base_dir / ca_file
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as exc:
        why = exc.strerror or type(exc).__name__
        raise ConfigError(
            f"ca_file {path} cannot be used ({why}): name a file of certificates in PEM"
        ) from exc


def _read(key: str, secret: Secret, base_dir: Path) -> str:
    """Return a credential that is fit to be sent; an error of the header's would quote what is not."""
    value = ""
    with contextlib.suppress(ValueError):  # the file is no text; the error would quote its bytes
        value = secret.resolve(base_dir, key)
    if not _is_token(value):
        raise ConfigError(
            f"{key} holds something that a Vault does not give out: write it there as the Vault shows it, on one line, "
            f"without a space"
        )
    return value


def _is_token(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _said(reply: Reply, *secrets: str) -> str:
    said = "; ".join(_bare(error, secrets) for error in reply.errors)[:200]
    return f"HTTP status {reply.status}" + (f", {said}" if said else "")


def _bare(text: str, secrets: tuple[str, ...]) -> str:
    """Return what was said on one line, without what it may have repeated."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return " ".join(text.split())
