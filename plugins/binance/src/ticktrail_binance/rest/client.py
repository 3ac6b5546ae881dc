"""Ask the venue by REST, one question at a time, within its limits.

Owns: the HTTP client, waiting for the allowance, what each status means, answers that are shared.
Never: knows what a question is about; `questions` does.

Sources: developers.binance.com, Binance Spot API docs, "Limits" (``X-MBX-USED-WEIGHT-1M``, 429, 418,
``Retry-After``; "IP limits"), "General API information" (errors as ``{"code", "msg"}``), read 2026-11.
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
import anyio.lowlevel
import httpx
import msgspec

from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import Event, VenueTrouble
from ticktrail.model import ProviderId
from ticktrail.net import Carrier, allowance_of, carrier_of, retry_after_s
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
        self._stack = AsyncExitStack()
        self._http: httpx.AsyncClient | None = None
        self._kept: dict[str, tuple[int, bytes]] = {}
        self._carrier: Carrier | None = None

    async def __aenter__(self) -> Self:
        """Make the HTTP client; no connection is opened before the first question."""
        self._http = await self._stack.enter_async_context(
            httpx.AsyncClient(
                http2=True, verify=ssl.create_default_context(), timeout=self._settings.connect_s
            )
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
        url = str(httpx.URL(self._settings.rest_base + self.market.rest_prefix + path, params=dict(params)))
        while True:
            await self._wait(weight, patience_s)
            async with self._line():  # a second asker of the same question finds the first one's answer
                kept = self._kept.get(url)
                if kept is not None and self._clock.mono_ns() - kept[0] < keep_s * 1e9:
                    return read(kept[1])
                if self._allowance.take(weight, self._clock.mono_ns()) > 0:
                    continue  # somebody else was quicker
                body = await self._ask(url)
                if body is not None:
                    break
        try:
            answer = read(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise self._lost(
                f"its answer to {path} cannot be read ({str(exc)[:200]})", cause="garbled"
            ) from exc
        if keep_s:
            self._kept[url] = (self._clock.mono_ns(), body)
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
                raise self._lost(
                    f"it takes no more requests from this address for {wait_s:.0f} s{self._banned_by}",
                    remedy="wait, or lower weight_per_minute and what else asks it",
                    cause="limited",
                    retry_after_s=wait_s,
                )
            patience_s -= wait_s
            await anyio.sleep(wait_s)

    async def _ask(self, url: str) -> bytes | None:
        """Return the answer's body; None if the venue asks to wait."""
        status, headers, body = await self._exchange(url)
        now_ns = self._clock.mono_ns()
        used = headers.get("x-mbx-used-weight-1m", "")
        if used.isdecimal() and len(used) < MOST_DIGITS:
            self._allowance.told(int(used), now_ns)
        if status == 200:
            return body
        said = _refusal(body)
        if status in LIMITED:
            ban_s = self._ban_s(headers)
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
        raise self._lost(
            f"HTTP status {status} {said.msg[:200]}".rstrip(),
            remedy="try again later, or check rest_url",
        )

    def _ban_s(self, headers: httpx.Headers) -> float:
        wait = headers.get("retry-after")
        told_s = None if wait is None else retry_after_s(wait, now_ns=self._clock.now_ns())
        return DEFAULT_BAN_S if told_s is None else max(told_s, LEAST_BAN_S)

    async def _exchange(self, url: str) -> tuple[int, httpx.Headers, bytes]:
        assert self._http is not None  # noqa: S101 - questions are asked inside the context
        try:
            with anyio.fail_after(self._settings.connect_s + self._settings.answer_s):
                async with self._http.stream("GET", url) as response:
                    self._tell_carrier(response)
                    body = bytearray()
                    with anyio.CancelScope() as reading:  # httpx ends a body cleanly from within alone
                        async for piece in response.aiter_bytes():
                            body += piece
                            if len(body) > MAX_BYTES:
                                reading.cancel()
                    if len(body) > MAX_BYTES:
                        raise self._lost(f"its answer is over {MAX_BYTES} bytes")
                    return response.status_code, response.headers, bytes(body)
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise self._lost("no whole answer in time") from exc
        except httpx.HTTPError as exc:
            if _is_untrusted(exc):
                raise PermanentError(
                    f"leg {self.provider!r}: the certificate of {self._settings.rest_base} is not to be trusted "
                    f"({exc}): check rest_url, this machine's clock and its certificates",
                    provider=self.provider,
                ) from exc
            raise self._lost(str(exc) or type(exc).__name__) from exc

    def _tell_carrier(self, response: httpx.Response) -> None:
        """Tell by what an answer is carried, where that is new."""
        session = response.extensions["network_stream"].get_extra_info("ssl_object")
        found = carrier_of(self._settings.rest_base, session)
        if found != self._carrier:
            self._carrier = found
            self._tell(found.opened(self.provider, "rest", at_ns=self._clock.now_ns()))

    def _lost(
        self,
        why: str,
        *,
        remedy: str = "check rest_url and this machine's network",
        cause: str = "lost",
        retry_after_s: float | None = None,
    ) -> TransientError:
        return TransientError(
            f"leg {self.provider!r}: Binance could not be asked at {self._settings.rest_base}: {why}; {remedy}",
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


def _refusal(body: bytes) -> _Refusal:
    try:
        return msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, RecursionError):
        return _Refusal()
