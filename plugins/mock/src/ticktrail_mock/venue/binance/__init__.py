"""A loopback Binance: spot and futures streams, and the REST requests that the plugin needs."""

from ticktrail_mock.venue.binance.venue import BinanceVenue, serve_binance

__all__ = ["BinanceVenue", "serve_binance"]
