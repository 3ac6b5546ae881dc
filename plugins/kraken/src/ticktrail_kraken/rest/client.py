"""Ask the venue by REST, one question at a time, within its limits.

Owns: the HTTP client, waiting for the allowance, what each refusal means.
Never: retries, or knows what a question is about; `questions` does.

Sources: docs.kraken.com, "Spot REST: Introduction" and "Error messages": an answer is ``{"error": […], "result": …}``
with status 200 also where it is refused; ``EGeneral:Too many requests``, ``EAPI:Rate limit exceeded``,
``EService:Unavailable``, ``EQuery:Unknown asset pair``, read 2026-11.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx
import msgspec

from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import ProviderId
from ticktrail.net import Carrier, allowance_of, carrier_of, retry_after_s
from ticktrail.plugin import Clock, Tell
from ticktrail_kraken.settings import KrakenSettings

__all__ = ["Declined", "RestClient"]

T = TypeVar("T")
MAX_BYTES = 16 * 2**20
LIMITED = frozenset({429, 1015})
LIMIT_WORDS = ("too many requests", "rate limit", "temporary lockout")
DECLINED = ("EQuery:", "EGeneral:Invalid arguments", "EGeneral:Unknown method", "EGeneral:Permission denied")
"""Beginnings of refusals that a second try would not change."""


class Declined(Exception):
    """The venue understood the request and will not answer it."""


class _Answer(msgspec.Struct):
    error: tuple[str, ...] = ()
    result: msgspec.Raw = msgspec.Raw()


_answer = msgspec.json.Decoder(_Answer)


class RestClient:
    """The REST side of one leg; a context manager around its connections.

    Args:
        settings: Of the leg.
        provider: Its name.
        clock: Counts the limits' windows.
        tell: Takes the news that the venue asks to wait.
    """

    def __init__(self, settings: KrakenSettings, provider: ProviderId, clock: Clock, tell: Tell) -> None:
        self.provider = provider
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._allowance = allowance_of(urlsplit(settings.rest_url).netloc, settings.requests_per_minute)
        self._stack = AsyncExitStack()
        self._http: httpx.AsyncClient | None = None
        self._carrier: Carrier | None = None

    async def __aenter__(self) -> Self:
        """Make the HTTP client; no connection is opened before the first question."""
        self._http = await self._stack.enter_async_context(
            httpx.AsyncClient(verify=ssl.create_default_context(), timeout=self._settings.connect_s)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        await self._stack.__aexit__(kind, exc, trace)

    async def get(
        self,
        path: str,
        params: Mapping[str, str],
        read: Callable[[bytes], T],
        *,
        patience_s: float = math.inf,
    ) -> T:
        """Return what the venue answers.

        Args:
            path: Behind ``/0/public/``.
            params: The query.
            read: Decodes the result.
            patience_s: How long to wait for the allowance at most.

        Raises:
            Declined: The venue will not answer this question.
            TransientError: It could not be asked, or gave no answer that can be read; `cause` is ``limited`` where
                it asks to wait, or would have to be waited for longer than `patience_s`.
            PermanentError: Its certificate is not to be trusted.
        """
        while (wait_s := self._allowance.take(1, self._clock.mono_ns())) > 0:
            if wait_s > patience_s:
                raise self._lost(
                    f"it takes no more requests from this address for {wait_s:.0f} s",
                    remedy="wait, or lower requests_per_minute and what else asks it",
                    cause="limited",
                    retry_after_s=wait_s,
                )
            patience_s -= wait_s
            await anyio.sleep(wait_s)
        body = await self._exchange(path, params)
        try:
            answer = _answer.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise self._garbled(path, exc) from exc
        errors = [
            text for text in answer.error if not text.startswith("W")
        ]  # a warning comes with its answer
        if errors:
            raise self._refusal("; ".join(errors)[:300])
        if not bytes(answer.result):
            raise self._garbled(path, ValueError("it has no result"))
        try:
            return read(bytes(answer.result))
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise self._garbled(path, exc) from exc

    def _refusal(self, said: str) -> Exception:
        if any(word in said.lower() for word in LIMIT_WORDS):
            return self._limited(said, self._settings.limited_wait_s)
        if said.startswith(DECLINED):
            return Declined(said)
        return self._lost(said, remedy="try again later")

    def _limited(self, said: str, wait_s: float) -> TransientError:
        self._allowance.ban(wait_s, self._clock.mono_ns())
        detail = (
            f"{self._settings.rest_url} says {said!r} and asks to wait: lower requests_per_minute, or find who else at "
            f"this address asks it"
        )
        self._tell(
            VenueTrouble(at_ns=self._clock.now_ns(), provider=self.provider, detail=detail, retry_in_s=wait_s)
        )
        return self._lost(said, remedy="wait", cause="limited", retry_after_s=wait_s)

    async def _exchange(self, path: str, params: Mapping[str, str]) -> bytes:
        assert self._http is not None  # noqa: S101 - questions are asked inside the context
        url = f"{self._settings.rest_url}/0/public/{path}"
        try:
            with anyio.fail_after(self._settings.connect_s + self._settings.answer_s):
                async with self._http.stream("GET", url, params=dict(params)) as response:
                    self._tell_carrier(response)
                    body = bytearray()
                    with anyio.CancelScope() as reading:  # httpx ends a body cleanly from within alone
                        async for piece in response.aiter_bytes():
                            body += piece
                            if len(body) > MAX_BYTES:
                                reading.cancel()
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise self._lost("no whole answer in time") from exc
        except httpx.HTTPError as exc:
            if _is_untrusted(exc):
                raise PermanentError(
                    f"leg {self.provider!r}: the certificate of {self._settings.rest_url} is not to be trusted "
                    f"({exc}): check rest_url, this machine's clock and its certificates",
                    provider=self.provider,
                ) from exc
            raise self._lost(str(exc) or type(exc).__name__) from exc
        if len(body) > MAX_BYTES:
            raise self._lost(f"its answer is over {MAX_BYTES} bytes")
        if response.status_code in LIMITED:
            wait = response.headers.get("retry-after")
            told_s = None if wait is None else retry_after_s(wait, now_ns=self._clock.now_ns())
            raise self._limited(
                f"HTTP status {response.status_code}", max(1.0, told_s or self._settings.limited_wait_s)
            )
        if response.status_code != 200:
            raise self._lost(
                f"HTTP status {response.status_code}", remedy="try again later, or check rest_url"
            )
        return bytes(body)

    def _tell_carrier(self, response: httpx.Response) -> None:
        """Tell by what an answer is carried, where that is new."""
        session = response.extensions["network_stream"].get_extra_info("ssl_object")
        found = carrier_of(self._settings.rest_url, session)
        if found != self._carrier:
            self._carrier = found
            self._tell(found.opened(self.provider, "rest", at_ns=self._clock.now_ns()))

    def _garbled(self, path: str, exc: Exception) -> TransientError:
        return self._lost(f"its answer to {path} cannot be read ({str(exc)[:200]})", cause="garbled")

    def _lost(
        self,
        why: str,
        *,
        remedy: str = "check rest_url and this machine's network",
        cause: str = "lost",
        retry_after_s: float | None = None,
    ) -> TransientError:
        return TransientError(
            f"leg {self.provider!r}: Kraken could not be asked at {self._settings.rest_url}: {why}; {remedy}",
            provider=self.provider,
            cause=cause,
            retry_after_s=retry_after_s,
        )


def _is_untrusted(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
