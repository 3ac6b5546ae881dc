"""Speak web socket at the pace of a market: what a provider needs of the network.

Runs on trio. A provider turns these errors into `ticktrail.errors.TransientError` or `PermanentError`; trying again
is the leg's business, never this package's.
"""

from __future__ import annotations

from ticktrail.net._client import WebSocket, open_websocket
from ticktrail.net._errors import (
    ConnectFailed,
    ConnectionLost,
    HandshakeRefused,
    TlsFailed,
    WebSocketError,
    retry_after_s,
)
from ticktrail.net._tap import Received

__all__ = [
    "ConnectFailed",
    "ConnectionLost",
    "HandshakeRefused",
    "Received",
    "TlsFailed",
    "WebSocket",
    "WebSocketError",
    "open_websocket",
    "retry_after_s",
]
