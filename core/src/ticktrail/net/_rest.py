"""Ask a venue by HTTP: within a time, no more than so many bytes, and with errors that a leg understands.

Owns: one leg's connections to one address, their limits, and the event that tells what carries them.
Never: tries again, waits for an allowance, or knows what a status or a body means: venues differ in that.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.provider import Tell
from ticktrail.errors import PermanentError, TransientError
from ticktrail.model import ProviderId
from ticktrail.net._carrier import Carrier, carrier_of
from ticktrail.net._errors import retry_after_s

if TYPE_CHECKING:
    import httpx

__all__ = ["RestAnswer", "RestSession"]

_MOST_SAID = 200


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """A whole answer.

    Attributes:
        status: Of HTTP.
        headers: By name, in any case.
        body: As it came, unpacked.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def retry_after_s(self, *, now_ns: int) -> float | None:
        """Return how long the answer asks to wait by its ``Retry-After``; None where it does not say, or no sense.

        Args:
            now_ns: The present, UTC nanoseconds: the header may be a date.
        """
        said = self.headers.get("retry-after")
        return None if said is None else retry_after_s(said, now_ns=now_ns)


class RestSession:
    """One leg's way to a venue's REST address; a context manager around its connections.

    Certificates are checked against those of this machine. Redirects are not followed.

    Args:
        base_url: What all paths begin with, without a slash at its end; for errors too, where its key is `rest_url`.
        venue: Its name, for errors.
        provider: The leg's.
        clock: Gives the time of what is told.
        tell: Takes the event that a connection was opened, and by what it is carried.
        connect_s: How long opening a connection may take.
        answer_s: How long the whole of an answer may take beyond that.
        max_bytes: A larger answer is no answer.
        http2: Offer HTTP/2; needs ``httpx[http2]``.
    """

    def __init__(
        self,
        base_url: str,
        *,
        venue: str,
        provider: ProviderId,
        clock: Clock,
        tell: Tell,
        connect_s: float,
        answer_s: float,
        max_bytes: int = 16 * 2**20,
        http2: bool = False,
    ) -> None:
        self._base_url = base_url
        self._venue = venue
        self._provider = provider
        self._clock = clock
        self._tell = tell
        self._connect_s = connect_s
        self._answer_s = answer_s
        self._max_bytes = max_bytes
        self._http2 = http2
        self._stack = AsyncExitStack()
        self._http: httpx.AsyncClient | None = None
        self._carrier: Carrier | None = None

    async def __aenter__(self) -> Self:
        """Make the HTTP client; no connection is opened before the first question."""
        import httpx  # noqa: PLC0415 - slow, and a leg that asks nothing needs none

        client = httpx.AsyncClient(
            http2=self._http2, verify=ssl.create_default_context(), timeout=self._connect_s
        )
        self._http = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        await self._stack.__aexit__(kind, exc, trace)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> RestAnswer:
        """Return the venue's answer, whatever its status.

        Args:
            path: Behind the address, with a slash at its beginning.
            params: The query.

        Raises:
            TransientError: There was no whole answer, in time and within bounds.
            PermanentError: The venue's certificate is not to be trusted.
        """
        import httpx  # noqa: PLC0415 - see above

        assert self._http is not None  # noqa: S101 - questions are asked inside the context
        body = bytearray()
        try:
            with anyio.fail_after(self._connect_s + self._answer_s):
                async with self._http.stream(
                    "GET", self._base_url + path, params=dict(params or {})
                ) as response:
                    self._tell_carrier(response)
                    with anyio.CancelScope() as reading:  # httpx ends a body cleanly from within alone
                        async for piece in response.aiter_bytes():
                            body += piece
                            if len(body) > self._max_bytes:
                                reading.cancel()
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise self.lost("no whole answer in time") from exc
        except httpx.HTTPError as exc:
            if _is_untrusted(exc):
                raise PermanentError(
                    f"leg {self._provider!r}: the certificate of {self._base_url} is not to be trusted ({exc}): check "
                    "rest_url, this machine's clock and its certificates",
                    provider=self._provider,
                ) from exc
            raise self.lost(str(exc) or type(exc).__name__) from exc
        if len(body) > self._max_bytes:
            raise self.lost(f"its answer is over {self._max_bytes} bytes")
        return RestAnswer(status=response.status_code, headers=response.headers, body=bytes(body))

    def lost(
        self,
        why: str,
        *,
        remedy: str = "check rest_url and this machine's network",
        cause: str = "lost",
        retry_after_s: float | None = None,
    ) -> TransientError:
        """Return the error of a question that had no good answer.

        Args:
            why: What happened, in words.
            remedy: What to do about it.
            cause: As `ticktrail.errors.ProviderError` has them.
            retry_after_s: How long the venue asks to wait.
        """
        return TransientError(
            f"leg {self._provider!r}: {self._venue} could not be asked at {self._base_url}: {why}; {remedy}",
            provider=self._provider,
            cause=cause,
            retry_after_s=retry_after_s,
        )

    def garbled(self, path: str, exc: Exception) -> TransientError:
        """Return the error of an answer that cannot be read."""
        return self.lost(f"its answer to {path} cannot be read ({str(exc)[:_MOST_SAID]})", cause="garbled")

    def _tell_carrier(self, response: httpx.Response) -> None:
        """Tell by what an answer is carried, where that is new."""
        session = response.extensions["network_stream"].get_extra_info("ssl_object")
        found = carrier_of(self._base_url, session)
        if found != self._carrier:
            self._carrier = found
            self._tell(found.opened(self._provider, "rest", at_ns=self._clock.now_ns()))


def _is_untrusted(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
