"""Ask the venue whether it lists what the feed wants, before the first connection.

Owns: the request to ``exchangeInfo`` and what its answers mean.
Never: retries; the leg does.

Source: developers.binance.com, Binance spot API, "General endpoints", ``GET /api/v3/exchangeInfo`` (weight 20) and
error -1121 "Invalid symbol."; 429 and 418 with ``Retry-After`` ("Limits"), read 2026-11.
"""

from __future__ import annotations

import difflib
import ssl
from collections.abc import Mapping, Sequence

import anyio
import httpx
import msgspec

from ticktrail.errors import PermanentError, TransientError
from ticktrail.model import InstrumentId, ProviderId
from ticktrail.net import retry_after_s
from ticktrail.plugin import Clock
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import symbol_of

__all__ = ["check_instruments"]

INVALID_SYMBOL = -1121
MAX_BYTES = 64 * 2**20
"""The list of every symbol is some 20 MB."""


class _Symbol(msgspec.Struct):
    symbol: str
    baseAsset: str  # noqa: N815 - the venue's name
    quoteAsset: str  # noqa: N815 - the venue's name


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


class _Refusal(msgspec.Struct):
    code: int = 0
    msg: str = ""


async def check_instruments(
    settings: BinanceSettings, instruments: Sequence[InstrumentId], *, provider: ProviderId, clock: Clock
) -> None:
    """Return if the venue lists every instrument under the symbol that the streams use.

    Raises:
        PermanentError: It does not; the message names the instruments and what comes near.
        TransientError: It could not be asked.
    """
    venue = _Venue(settings, provider, clock)
    symbols = {symbol_of(instrument): instrument for instrument in instruments}
    listed = await venue.symbols(list(symbols))
    if listed is None:  # one symbol or more is unknown; the whole list tells which, and what they might be
        listed = await venue.symbols(None)
    _compare(symbols, {symbol.symbol: symbol for symbol in listed or ()}, provider, settings)


def _compare(
    symbols: Mapping[str, InstrumentId],
    listed: Mapping[str, _Symbol],
    provider: ProviderId,
    settings: BinanceSettings,
) -> None:
    faults: list[str] = []
    for symbol, instrument in symbols.items():
        found = listed.get(symbol)
        if found is None:
            near = difflib.get_close_matches(symbol, listed, n=1)
            hint = f"; did you mean {_canonical(listed[near[0]])}" if near else ""
            faults.append(f'"{instrument}" is not listed{hint}')
        elif _canonical(found) != f'"{instrument}"':
            faults.append(f'"{instrument}" is written {_canonical(found)}')
    if faults:
        raise PermanentError(
            f"leg {provider!r}: at Binance ({settings.rest_url}) {', '.join(faults)}; "
            f"mend instruments in [feed], or take the leg out of the route",
            provider=provider,
        )


def _canonical(symbol: _Symbol) -> str:
    return f'"{symbol.baseAsset}/{symbol.quoteAsset}"'


class _Venue:
    """The REST side, for one question at a time."""

    def __init__(self, settings: BinanceSettings, provider: ProviderId, clock: Clock) -> None:
        self._settings = settings
        self._provider = provider
        self._clock = clock

    async def symbols(self, wanted: Sequence[str] | None) -> Sequence[_Symbol] | None:
        """Return the venue's entries for the symbols, or all; None if it does not know one of them."""
        params = {"showPermissionSets": "false"}
        if wanted is not None:
            params["symbols"] = msgspec.json.encode(wanted).decode()
        status, headers, body = await self._get("/api/v3/exchangeInfo", params)
        if status == 200:
            try:
                return msgspec.json.decode(body, type=_ExchangeInfo).symbols
            except msgspec.MsgspecError as exc:
                raise self._lost(f"its answer cannot be read ({exc})") from exc
        refusal = _refusal(body)
        if refusal.code == INVALID_SYMBOL and wanted is not None:
            return None
        wait = headers.get("retry-after")
        raise self._lost(
            f"HTTP status {status} {refusal.msg[:200]}".rstrip(),
            retry_after_s=None if wait is None else retry_after_s(wait, now_ns=self._clock.now_ns()),
        )

    async def _get(self, path: str, params: Mapping[str, str]) -> tuple[int, httpx.Headers, bytes]:
        url = self._settings.rest_url + path
        try:
            async with httpx.AsyncClient(
                verify=ssl.create_default_context(), timeout=self._settings.connect_s
            ) as client:
                with anyio.fail_after(self._settings.connect_s + self._settings.answer_s):
                    async with client.stream("GET", url, params=dict(params)) as response:
                        body = bytearray()
                        async for piece in response.aiter_bytes():
                            body += piece
                            if len(body) > MAX_BYTES:
                                raise self._lost(f"its answer is over {MAX_BYTES} bytes")
                        return response.status_code, response.headers, bytes(body)
        except TimeoutError as exc:
            raise self._lost("no whole answer in time") from exc
        except httpx.HTTPError as exc:
            raise self._lost(str(exc) or type(exc).__name__) from exc

    def _lost(self, cause: str, *, retry_after_s: float | None = None) -> TransientError:
        return TransientError(
            f"leg {self._provider!r}: Binance could not be asked for its instruments at {self._settings.rest_url}: "
            f"{cause}; check rest_url and this machine's network",
            provider=self._provider,
            retry_after_s=retry_after_s,
        )


def _refusal(body: bytes) -> _Refusal:
    try:
        return msgspec.json.decode(body, type=_Refusal)
    except msgspec.MsgspecError:
        return _Refusal()
