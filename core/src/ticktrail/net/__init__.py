"""Speak web socket at the pace of a market, ask by HTTP, keep within a venue's limits, notice silence.

The web socket runs on trio, and a provider turns its errors into `ticktrail.errors.TransientError` or `PermanentError`.
Trying again is the leg's business, never this package's.
"""

from __future__ import annotations

from ticktrail.net._allowance import Allowance, Window, allowance_of
from ticktrail.net._carrier import Carrier, TlsSession, carrier_of
from ticktrail.net._client import WebSocket, open_websocket
from ticktrail.net._errors import (
    ConnectFailed,
    ConnectionLost,
    HandshakeRefused,
    TlsFailed,
    WebSocketError,
    retry_after_s,
)
from ticktrail.net._order import InOrder
from ticktrail.net._rest import RestAnswer, RestSession
from ticktrail.net._silence import Heard, Silence
from ticktrail.net._tap import Received

__all__ = [
    "Allowance",
    "Carrier",
    "ConnectFailed",
    "ConnectionLost",
    "HandshakeRefused",
    "Heard",
    "InOrder",
    "Received",
    "RestAnswer",
    "RestSession",
    "Silence",
    "TlsFailed",
    "TlsSession",
    "WebSocket",
    "WebSocketError",
    "Window",
    "allowance_of",
    "carrier_of",
    "open_websocket",
    "retry_after_s",
]
