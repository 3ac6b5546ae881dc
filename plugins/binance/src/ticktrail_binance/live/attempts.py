"""Keep this process within the connections that the venue takes from one address.

Owns: the one window a host that every leg of the process shares.
Never: connects.

Source: developers.binance.com, Binance Spot API docs, "WebSocket Streams" (300 connections every 5 minutes for each
address), read 2026-11.
"""

from __future__ import annotations

import threading

from ticktrail.net import Window

__all__ = ["ATTEMPTS_PERIOD_S", "attempts_of"]

ATTEMPTS, ATTEMPTS_PERIOD_S = 300, 300.0
SPARE_ATTEMPTS = 20
"""Connections that are left for whoever else shares the address."""

_attempts: dict[str, Window] = {}
_registry = threading.Lock()


def attempts_of(host: str) -> Window:
    """Return the process's window of web-socket connections to a host."""
    with _registry:
        return _attempts.setdefault(host, Window(ATTEMPTS - SPARE_ATTEMPTS, ATTEMPTS_PERIOD_S))
