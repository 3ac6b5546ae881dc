"""Carry one request at a time by the venue's own client, within limits that it does not set itself.

Owns: alpaca-py's REST client, and with it the credentials, which stand nowhere else; time-outs, the most that an answer
may be, what is kept of a refusal. Importing it takes seconds (pandas), so that only a worker thread does.
Never: waits, retries or raises for what the venue does: alpaca-py's own three retries, each after a sleep, do not come
about, since a refusal ends its call at once.

Sources: alpaca-py 0.44, ``alpaca/common/rest.py``; docs.alpaca.markets, "Market Data API" reference (errors as
``{"code", "message"}``, ``X-RateLimit-Remaining``, ``X-RateLimit-Reset``), read 2026-11.
"""

from __future__ import annotations

import io
import ssl
import threading
from collections.abc import Callable, Mapping

import msgspec
import requests
import urllib3
from alpaca.common.rest import RESTClient
from alpaca.data.historical.crypto import CryptoHistoricalDataClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from requests.adapters import HTTPAdapter

from ticktrail.net import Carrier, carrier_of
from ticktrail_alpaca.markets import MarketName
from ticktrail_alpaca.rest.reply import NO_REPLY, Reply

__all__ = ["Transport"]

MAX_BYTES = 64 * 2**20
"""Ten thousand trades are some 1.5 MB."""
PIECE_BYTES = 2**16
_SECRETS = ("APCA-API-KEY-ID", "APCA-API-SECRET-KEY")


class _Words(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Ended(Exception):
    """A request gave no answer that alpaca-py should see."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Transport:
    """One leg's way to the venue.

    Args:
        market: Whose client is used.
        key_id: Of the account; None where history needs none.
        secret_key: The same.
        url: The host, with its scheme.
        connect_s: How long a connection may take.
        answer_s: How long the venue may pause in its answer; the whole may take both together.
        mono_ns: The clock of these limits.
    """

    def __init__(
        self,
        market: MarketName,
        key_id: str | None,
        secret_key: str | None,
        *,
        url: str,
        connect_s: float,
        answer_s: float,
        mono_ns: Callable[[], int],
    ) -> None:
        make = _Stocks if market == "stocks" else _Crypto
        self._bounds = _Bounds(connect_s, answer_s, mono_ns)
        self._client = make(api_key=key_id, secret_key=secret_key, url_override=url, raw_data=True)
        self._client.carry_by(self._bounds)

    def ask(self, path: str, params: Mapping[str, str]) -> Reply:
        """Return what came of a GET request; blocks, within the limits."""
        try:
            answer = self._client.get(path, dict(params))
        except _Ended as exc:
            return exc.reply
        except requests.exceptions.JSONDecodeError as exc:
            return Reply(status=NO_REPLY, said=f"its answer to {path} cannot be read ({str(exc)[:100]})")
        except (ValueError, RecursionError) as exc:
            return Reply(status=NO_REPLY, said=f"its answer to {path} cannot be read ({type(exc).__name__})")
        except Exception as exc:  # noqa: BLE001 - somebody else's code, and its frames hold the headers
            return Reply(status=NO_REPLY, said=type(exc).__name__)
        heard = self._bounds.heard
        return Reply(
            status=200,
            answer=answer,
            remaining=heard.remaining,
            reset=heard.reset,
            carrier=heard.carrier,
        )

    def close(self) -> None:
        """Close what is open."""
        self._client.carry_by(None)


class _Carried(RESTClient):
    """What both clients have: their session, reached from within, since alpaca-py offers no way from without."""

    def carry_by(self, bounds: HTTPAdapter | None) -> None:
        self._session.close()
        if bounds is not None:
            self._session.mount("https://", bounds)
            self._session.mount("http://", bounds)


class _Stocks(_Carried, StockHistoricalDataClient):
    pass


class _Crypto(_Carried, CryptoHistoricalDataClient):
    pass


class _Heard(threading.local):
    """The headers of a thread's last answer: a thread that was given up on may end while another asks."""

    remaining = ""
    reset = ""
    carrier: Carrier | None = None


class _Bounds(HTTPAdapter):
    """Reads whole answers within limits; only a status of 200 goes on to alpaca-py."""

    def __init__(self, connect_s: float, answer_s: float, mono_ns: Callable[[], int]) -> None:
        super().__init__()
        self.heard = _Heard()
        self._waits = (connect_s, answer_s)
        self._mono_ns = mono_ns

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - the whole answer is read here
        timeout: object = None,  # noqa: ARG002 - alpaca-py sets none
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        end_ns = self._mono_ns() + round(sum(self._waits) * 1e9)
        try:
            response = super().send(
                request, stream=True, timeout=self._waits, verify=verify, cert=cert, proxies=proxies
            )
            carrier = _carrier(response)  # while the answer holds the connection still
            body = self._body(response, end_ns)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            raise _Ended(Reply(status=NO_REPLY, said=_reason(exc), is_untrusted=_is_untrusted(exc))) from None
        headers = response.headers
        remaining, reset = headers.get("X-RateLimit-Remaining", ""), headers.get("X-RateLimit-Reset", "")
        if response.status_code != 200:
            words = _words(body)
            raise _Ended(
                Reply(
                    status=response.status_code,
                    code=words.code,
                    said=_without_secrets(words.message, request)[:200],
                    remaining=remaining,
                    reset=reset,
                    retry_after=headers.get("Retry-After", ""),
                    carrier=carrier,
                )
            )
        self.heard.remaining, self.heard.reset, self.heard.carrier = remaining, reset, carrier
        response.raw = io.BytesIO(body)
        response.encoding = "utf-8"  # without a word of the venue's, requests would guess from the whole body
        return response

    def _body(self, response: requests.Response, end_ns: int) -> bytes:
        try:
            return self._read(response, end_ns)
        except BaseException:
            response.close()
            raise

    def _read(self, response: requests.Response, end_ns: int) -> bytes:
        body = bytearray()
        # `read1` gives what has come, where `read` and `stream` would wait for a whole piece however long it takes
        while piece := response.raw.read1(PIECE_BYTES, decode_content=True):
            body += piece
            if len(body) > MAX_BYTES:
                raise _Ended(Reply(status=NO_REPLY, said=f"its answer is over {MAX_BYTES} bytes"))
            if self._mono_ns() > end_ns:
                raise _Ended(Reply(status=NO_REPLY, said="no whole answer in time"))
        return bytes(body)


def _carrier(response: requests.Response) -> Carrier | None:
    """Return by what an answer is carried; None where the venue ends an encrypted connection with it."""
    if response.url.startswith("http:"):
        return carrier_of(response.url, None)
    socket = getattr(getattr(response.raw, "connection", None), "sock", None)
    return carrier_of(response.url, socket) if isinstance(socket, ssl.SSLSocket) else None


def _reason(exc: BaseException) -> str:
    """Return what went wrong, in words that cannot hold a header's value."""
    if isinstance(exc, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        return "no whole answer in time"
    if isinstance(exc, (requests.ConnectionError, urllib3.exceptions.ProtocolError)):
        return f"the connection failed or was cut ({type(exc).__name__})"
    return type(exc).__name__


def _is_untrusted(exc: BaseException | None) -> bool:
    seen = 0
    while exc is not None and seen < 20:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return True
        reason = getattr(exc, "reason", None)  # urllib3 keeps what caused it there
        exc = exc.__cause__ or exc.__context__ or (reason if isinstance(reason, BaseException) else None)
        seen += 1
    return False


def _words(body: bytes) -> _Words:
    try:
        return msgspec.json.decode(body, type=_Words)
    except (msgspec.MsgspecError, RecursionError):
        return _Words()


def _without_secrets(text: str, request: requests.PreparedRequest) -> str:
    """Return the text as it is, unless whoever answers repeats what was sent."""
    for name in _SECRETS:
        value = request.headers.get(name)
        if value:
            text = text.replace(value if isinstance(value, str) else value.decode("latin-1"), "…")
    return text
