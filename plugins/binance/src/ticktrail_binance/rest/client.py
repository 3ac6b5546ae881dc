"""Ask the venue by REST, one question at a time, within its limits.

Owns: waiting for the allowance, what each status means, answers that are shared.
Never: knows what a question is about; `questions` does.

Sources: developers.binance.com, Binance Spot API docs, "Limits" (``X-MBX-USED-WEIGHT-1M``, 429, 418,
``Retry-After``; "IP limits"), "General API information" (errors as ``{"code", "msg"}``), read 2026-11.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import msgspec

from ticktrail.events import Event, VenueTrouble
from ticktrail.model import ProviderId
from ticktrail.net import RestAnswer, RestSession, allowance_of
from ticktrail.plugin import Clock
from ticktrail_binance.settings import BinanceSettings

__all__ = ["Declined", "RestClient"]

MAX_BYTES = 64 * 2**20
"""The list of every symbol is some 20 MB."""
DEFAULT_BAN_S = 60.0
"""Where the venue asks to wait and does not say how long: the window in which it counts."""
LEAST_BAN_S = 1.0
"""Where it says 0: it would be asked again at once, and say the same."""
MOST_DIGITS = 10
"""Of a weight: a longer number is none."""
LIMITED = frozenset({429, 418})

T = TypeVar("T")
Question: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""A path and its query."""
_lines: anyio.lowlevel.RunVar[dict[str, anyio.Lock]] = anyio.lowlevel.RunVar("ticktrail_binance_rest_lines")


class Declined(Exception):
    """The venue understood the request and will not answer it: `code` is its own, such as -1121 for a symbol."""

    def __init__(self, status: int, code: int, said: str) -> None:
        super().__init__(f"HTTP status {status}, code {code}: {said[:200]}")
        self.status = status
        self.code = code


class _Refusal(msgspec.Struct):
    code: int = 0
    msg: str = ""


class RestClient:
    """The REST side of one leg; a context manager around its connections.

    Requests of one process to one host go one after the other, so that none is on its way when the venue says stop.

    Args:
        settings: Of the leg.
        provider: Its name.
        clock: Counts the limits' windows.
        tell: Takes the news that the venue asks to wait.
    """

    def __init__(
        self,
        settings: BinanceSettings,
        provider: ProviderId,
        clock: Clock,
        tell: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.market = settings.venue_market
        self.provider = provider
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._host = urlsplit(settings.rest_base).netloc
        self._allowance = allowance_of(self._host, settings.weight)
        self._banned_by = ""
        self._kept: dict[Question, tuple[int, bytes]] = {}
        self._session = RestSession(
            settings.rest_base,
            venue="Binance",
            provider=provider,
            clock=clock,
            tell=tell,
            connect_s=settings.connect_s,
            answer_s=settings.answer_s,
            max_bytes=MAX_BYTES,
            http2=True,
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
        weight: int,
        patience_s: float = math.inf,
        keep_s: float = 0.0,
    ) -> T:
        """Return what the venue answers.

        Args:
            path: Behind the market's prefix.
            params: The query.
            read: Decodes the body.
            weight: What the request counts for.
            patience_s: How long to wait for the allowance, or for the end of a ban, at most.
            keep_s: An answer to the same question that is no older than this will do.

        Raises:
            Declined: The venue will not answer this question.
            TransientError: It could not be asked, or gave no answer that can be read; `cause` is ``limited`` where
                it would have to be waited for longer than `patience_s`.
            PermanentError: Its certificate is not to be trusted.
        """
        question = path, tuple(params.items())
        while True:
            await self._wait(weight, patience_s)
            async with self._line():  # a second asker of the same question finds the first one's answer
                kept = self._kept.get(question)
                if kept is not None and self._clock.mono_ns() - kept[0] < keep_s * 1e9:
                    return read(kept[1])
                if self._allowance.take(weight, self._clock.mono_ns()) > 0:
                    continue  # somebody else was quicker
                body = await self._ask(path, params)
                if body is not None:
                    break
        try:
            answer = read(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise self._session.garbled(path, exc) from exc
        if keep_s:
            self._kept[question] = (self._clock.mono_ns(), body)
        return answer

    def _line(self) -> anyio.Lock:
        try:
            lines = _lines.get()
        except LookupError:
            lines = {}
            _lines.set(lines)
        return lines.setdefault(self._host, anyio.Lock())

    async def _wait(self, weight: int, patience_s: float) -> None:
        while (wait_s := self._allowance.wait_s(weight, self._clock.mono_ns())) > 0:
            if wait_s > patience_s:
                raise self._session.lost(
                    f"it takes no more requests from this address for {wait_s:.0f} s{self._banned_by}",
                    remedy="wait, or lower weight_per_minute and what else asks it",
                    cause="limited",
                    retry_after_s=wait_s,
                )
            patience_s -= wait_s
            await anyio.sleep(wait_s)

    async def _ask(self, path: str, params: Mapping[str, str]) -> bytes | None:
        """Return the answer's body; None if the venue asks to wait."""
        answer = await self._session.get(self.market.rest_prefix + path, params)
        status, now_ns = answer.status, self._clock.mono_ns()
        used = answer.headers.get("x-mbx-used-weight-1m", "")
        if used.isdecimal() and len(used) < MOST_DIGITS:
            self._allowance.told(int(used), now_ns)
        if status == 200:
            return answer.body
        said = _refusal(answer.body)
        if status in LIMITED:
            ban_s = self._ban_s(answer)
            self._allowance.ban(ban_s, now_ns)
            self._banned_by = f", since it answered HTTP status {status}"
            self._tell(
                VenueTrouble(
                    at_ns=self._clock.now_ns(),
                    provider=self.provider,
                    detail=f"{self._settings.rest_base} answers HTTP status {status} and asks to wait: lower "
                    f"weight_per_minute, or find who else at this address asks it",
                    retry_in_s=ban_s,
                )
            )
            return None
        if 400 <= status < 500 and said.code != 0:
            raise Declined(status, said.code, said.msg)
        raise self._session.lost(
            f"HTTP status {status} {said.msg[:200]}".rstrip(),
            remedy="try again later, or check rest_url",
        )

    def _ban_s(self, answer: RestAnswer) -> float:
        told_s = answer.retry_after_s(now_ns=self._clock.now_ns())
        return DEFAULT_BAN_S if told_s is None else max(told_s, LEAST_BAN_S)


def _refusal(body: bytes) -> _Refusal:
    try:
        return msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, RecursionError):
        return _Refusal()
