"""A loopback Alpaca: streams of stocks and crypto, and the REST requests for history."""

from ticktrail_mock.venue.alpaca.venue import AlpacaVenue, serve_alpaca

__all__ = ["AlpacaVenue", "serve_alpaca"]
