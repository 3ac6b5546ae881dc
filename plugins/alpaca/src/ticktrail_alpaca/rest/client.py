"""Ask the venue by REST, one question at a time, within its limits.

Owns: the worker thread of the requests, waiting for the allowance, what each status means.
Never: knows what a question is about; `questions` does. Holds no credentials: the transport does.

Sources: docs.alpaca.markets, "Market Data API" reference (statuses; ``X-RateLimit-Reset`` in seconds since the epoch),
"Market Data FAQ" (403), "About Market Data API" (requests a minute), read 2026-11.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.events import Event, VenueTrouble
from ticktrail.model import ProviderId
from ticktrail.net import Carrier, allowance_of, retry_after_s
from ticktrail.plugin import Clock, Secret
from ticktrail_alpaca.rest.reply import NO_REPLY, Reply
from ticktrail_alpaca.settings import AlpacaSettings

if TYPE_CHECKING:
    from ticktrail_alpaca.rest.transport import Transport

__all__ = ["Declined", "RestClient", "check_key", "read_credential"]

SET_UP_S = 60.0
"""Importing alpaca-py takes seconds, longer on a busy machine."""
DEFAULT_BAN_S = 60.0
"""Where the venue asks to wait and does not say how long: the window in which it counts."""
LEAST_BAN_S, MOST_BAN_S = 1.0, 300.0
"""It counts by the minute: a longer wait is a clock that goes wrong, as is one that is over already."""
MOST_LIMITED = 5
"""So often in a row may one question be put off by the venue; somebody else uses up the key's allowance."""
LIMITED = 429
REFUSED = frozenset({401, 403})
PASSING = frozenset({408, 425})
"""Of 4xx, what another try may mend."""

T = TypeVar("T")


class Declined(Exception):
    """The venue understood the request and will not answer it: `code` is its own, 0 where it gave none."""

    def __init__(self, status: int, code: int, said: str) -> None:
        super().__init__(f"HTTP status {status}, code {code}: {said}")
        self.status = status
        self.code = code


def check_key(settings: AlpacaSettings) -> None:
    """Return if the market can be asked with the credentials there are.

    Raises:
        ConfigError: It needs a key; the message says what to write.
    """
    if not settings.can_ask:
        raise ConfigError(
            f'market = "{settings.market}" has no history without a key: write '
            f'key_id = {{ env = "APCA_API_KEY_ID" }} and secret_key = {{ env = "APCA_API_SECRET_KEY" }}'
        )


def read_credential(key: str, secret: Secret, base_dir: Path) -> str:
    """Return the value of half the credentials, resolved now and fit to be sent.

    What could not stand in a header would otherwise be quoted by an error of the header's.

    Args:
        key: Its name in the settings, for the error.
        secret: Where the value stands.
        base_dir: Folder of the feed file.

    Raises:
        ConfigError: It is not where the settings say, or what stands there cannot be one; the value is not told.
    """
    try:
        value = secret.resolve(base_dir, key)
    except (
        ValueError
    ):  # the file is no text; the error would quote its bytes, so that nothing is chained to it
        value = ""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError(
            f"{key} holds something that is no key of Alpaca's: write it there as Alpaca shows it, in plain text, "
            f"letters and digits alone, with no space and no second line"
        )
    return value


class RestClient:
    """The REST side of one leg; a context manager around its connections.

    Its requests go one after the other, so that none is on its way when the venue says stop.

    Args:
        settings: Of the leg.
        provider: Its name.
        clock: Counts the limits' windows, and says how far off the end of a ban is.
        base_dir: Folder of the feed file, for credentials in files.
        tell: Takes the news that the venue asks to wait.
    """

    def __init__(
        self,
        settings: AlpacaSettings,
        provider: ProviderId,
        clock: Clock,
        base_dir: Path,
        tell: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.provider = provider
        self._clock = clock
        self._base_dir = base_dir
        self._tell = tell
        self._allowance = allowance_of(urlsplit(settings.rest_base).netloc, settings.requests_per_minute)
        self._banned_by = ""
        self._turn = anyio.Lock()
        self._limiter = anyio.CapacityLimiter(1)
        self._transport: Transport | None = None
        self._carrier: Carrier | None = None

    async def __aenter__(self) -> Self:
        """Resolve the credentials and make the venue's client; no connection is opened before the first question.

        Raises:
            TransientError: It was not made in time.
            PermanentError: A credential is lacking, is not where it should be, or cannot be one.
        """
        try:
            self._transport = await self._in_thread(self._make_transport, SET_UP_S)
        except TimeoutError as exc:
            raise self._lost(f"its client was not set up within {SET_UP_S:.0f} s") from exc
        except ConfigError as exc:
            raise PermanentError(f"leg {self.provider!r}: {exc}", provider=self.provider) from exc
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def get(
        self,
        path: str,
        params: Mapping[str, str],
        read: Callable[[object], T],
        *,
        patience_s: float = math.inf,
    ) -> T:
        """Return what the venue answers.

        Args:
            path: Behind the version of the market's API.
            params: The query.
            read: Takes the JSON document; a ValueError says that it is not what was asked for.
            patience_s: How long to wait for the allowance, or for the end of a ban, at most.

        Raises:
            Declined: The venue will not answer this question.
            TransientError: It could not be asked, or gave no answer that can be read; `cause` is ``limited`` where
                it would have to be waited for longer than `patience_s`, or puts off again and again.
            PermanentError: It does not let the credentials in, or its certificate is not to be trusted.
        """
        limited = 0
        while True:
            patience_s = await self._wait(patience_s)
            async with self._turn:
                if self._allowance.take(1, self._clock.mono_ns()) > 0:
                    continue  # somebody else was quicker
                reply = await self._ask(path, params)
            if reply.status != LIMITED:
                break
            limited += 1
            if limited == MOST_LIMITED:
                raise self._limited(self._allowance.wait_s(1, self._clock.mono_ns()))
        try:
            return read(reply.answer)
        except (ValueError, RecursionError) as exc:
            raise self._lost(f"its answer to {path} cannot be read ({str(exc)[:200]})") from exc

    async def _wait(self, patience_s: float) -> float:
        """Wait until a request may be made; returns what is left of the patience."""
        while (wait_s := self._allowance.wait_s(1, self._clock.mono_ns())) > 0:
            if wait_s > patience_s:
                raise self._limited(wait_s)
            patience_s -= wait_s
            await anyio.sleep(wait_s)
        return patience_s

    async def _ask(self, path: str, params: Mapping[str, str]) -> Reply:
        """Return an answer, or a reply that asks to wait."""
        transport = self._transport
        assert transport is not None  # noqa: S101 - questions are asked inside the context
        settings = self.settings
        try:
            reply = await self._in_thread(
                partial(transport.ask, path, params), settings.connect_s + settings.answer_s
            )
        except TimeoutError as exc:
            raise self._lost("no whole answer in time") from exc
        self._tell_carrier(reply)
        if reply.status == LIMITED:
            self._wait_until(reply, f"{settings.rest_base} answers HTTP status {LIMITED} and asks to wait")
        elif reply.remaining == "0":
            self._allowance.ban(self._ban_s(reply), self._clock.mono_ns())
        if reply.status not in {200, LIMITED}:
            raise self._error(reply)
        return reply

    async def _in_thread(self, call: Callable[[], T], within_s: float) -> T:
        """Return what the call gives; after the time its thread is left to itself and ends by its own limits."""
        with anyio.fail_after(within_s):
            return await anyio.to_thread.run_sync(call, limiter=self._limiter, abandon_on_cancel=True)

    def _make_transport(self) -> Transport:
        check_key(self.settings)
        from ticktrail_alpaca.rest.transport import Transport  # noqa: PLC0415 - slow, and in a worker thread

        settings = self.settings
        return Transport(
            settings.market,
            self._credential("key_id", settings.key_id),
            self._credential("secret_key", settings.secret_key),
            url=settings.rest_base,
            connect_s=settings.connect_s,
            answer_s=settings.answer_s,
            mono_ns=self._clock.mono_ns,
        )

    def _credential(self, key: str, secret: Secret | None) -> str | None:
        return None if secret is None else read_credential(key, secret, self._base_dir)

    def _tell_carrier(self, reply: Reply) -> None:
        """Tell by what an answer is carried, where that is new."""
        if reply.carrier is not None and reply.carrier != self._carrier:
            self._carrier = reply.carrier
            self._tell(reply.carrier.opened(self.provider, "rest", at_ns=self._clock.now_ns()))

    def _wait_until(self, reply: Reply, why: str) -> None:
        ban_s = self._ban_s(reply)
        self._allowance.ban(ban_s, self._clock.mono_ns())
        self._banned_by = f", since it answered HTTP status {LIMITED}"
        self._tell(
            VenueTrouble(
                at_ns=self._clock.now_ns(),
                provider=self.provider,
                detail=f"{why}: lower requests_per_minute, or find who else uses this key",
                retry_in_s=ban_s,
            )
        )

    def _ban_s(self, reply: Reply) -> float:
        if not (reply.reset.isascii() and reply.reset.isdigit()):
            return DEFAULT_BAN_S
        off_s = int(reply.reset[:18]) - self._clock.now_ns() / 1e9
        return min(max(off_s, LEAST_BAN_S), MOST_BAN_S)

    def _error(self, reply: Reply) -> Exception:
        status, settings = reply.status, self.settings
        said = f" {reply.said}" if reply.said else ""
        if reply.is_untrusted:
            return PermanentError(
                f"leg {self.provider!r}: the certificate of {settings.rest_base} is not to be trusted: check rest_url, "
                f"this machine's clock and its certificates",
                provider=self.provider,
            )
        if status == NO_REPLY:
            return self._lost(reply.said)
        if status in REFUSED:
            return PermanentError(
                f"leg {self.provider!r}: Alpaca does not let this request in at {settings.rest_base} (HTTP status "
                f"{status}{said}): check that key_id and secret_key are a pair of the {settings.environment} "
                f'environment, and that their plan has feed = "{settings.feed_name}"; without a plan for it, what SIP '
                f"brought in the last 15 minutes is not given",
                provider=self.provider,
                cause="credentials",
            )
        if 400 <= status < 500 and status not in PASSING:
            return Declined(status, reply.code, reply.said)
        told_s = retry_after_s(reply.retry_after, now_ns=self._clock.now_ns()) if reply.retry_after else None
        return self._lost(f"HTTP status {status}{said}", retry_after_s=told_s)

    def _limited(self, wait_s: float) -> TransientError:
        return self._lost(
            f"it takes no more requests with this key for {wait_s:.0f} s{self._banned_by}",
            cause="limited",
            retry_after_s=wait_s,
        )

    def _lost(self, why: str, *, cause: str = "lost", retry_after_s: float | None = None) -> TransientError:
        return TransientError(
            f"leg {self.provider!r}: Alpaca could not be asked at {self.settings.rest_base}: {why}; "
            f"check rest_url and this machine's network",
            provider=self.provider,
            cause=cause,
            retry_after_s=retry_after_s,
        )
