"""Ask the venue by REST, one question at a time, within its limits.

Owns: waiting for the allowance, what each refusal means.
Never: retries, or knows what a question is about; `questions` does.

Sources: docs.kraken.com, "Spot REST: Introduction" and "Error messages": an answer is ``{"error": […], "result": …}``
with status 200 also where it is refused; ``EGeneral:Too many requests``, ``EAPI:Rate limit exceeded``,
``EService:Unavailable``, ``EQuery:Unknown asset pair``, read 2026-11.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import anyio
import msgspec

from ticktrail.errors import TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import ProviderId
from ticktrail.net import RestSession, allowance_of
from ticktrail.plugin import Clock, Tell
from ticktrail_kraken.settings import KrakenSettings

__all__ = ["Declined", "RestClient"]

T = TypeVar("T")
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
        self._session = RestSession(
            settings.rest_url,
            venue="Kraken",
            provider=provider,
            clock=clock,
            tell=tell,
            connect_s=settings.connect_s,
            answer_s=settings.answer_s,
        )

    async def __aenter__(self) -> Self:
        """Make the HTTP client; no connection is opened before the first question."""
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        await self._session.__aexit__(kind, exc, trace)

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
                raise self._session.lost(
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
            raise self._session.garbled(path, exc) from exc
        errors = [
            text for text in answer.error if not text.startswith("W")
        ]  # a warning comes with its answer
        if errors:
            raise self._refusal("; ".join(errors)[:300])
        if not bytes(answer.result):
            raise self._session.garbled(path, ValueError("it has no result"))
        try:
            return read(bytes(answer.result))
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise self._session.garbled(path, exc) from exc

    def _refusal(self, said: str) -> Exception:
        if any(word in said.lower() for word in LIMIT_WORDS):
            return self._limited(said, self._settings.limited_wait_s)
        if said.startswith(DECLINED):
            return Declined(said)
        return self._session.lost(said, remedy="try again later")

    def _limited(self, said: str, wait_s: float) -> TransientError:
        self._allowance.ban(wait_s, self._clock.mono_ns())
        detail = (
            f"{self._settings.rest_url} says {said!r} and asks to wait: lower requests_per_minute, or find who else at "
            f"this address asks it"
        )
        self._tell(
            VenueTrouble(at_ns=self._clock.now_ns(), provider=self.provider, detail=detail, retry_in_s=wait_s)
        )
        return self._session.lost(said, remedy="wait", cause="limited", retry_after_s=wait_s)

    async def _exchange(self, path: str, params: Mapping[str, str]) -> bytes:
        answer = await self._session.get(f"/0/public/{path}", params)
        if answer.status in LIMITED:
            told_s = answer.retry_after_s(now_ns=self._clock.now_ns())
            raise self._limited(
                f"HTTP status {answer.status}", max(1.0, told_s or self._settings.limited_wait_s)
            )
        if answer.status != 200:
            raise self._session.lost(
                f"HTTP status {answer.status}", remedy="try again later, or check rest_url"
            )
        return answer.body
