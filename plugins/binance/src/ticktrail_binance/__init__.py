"""Binance market data for ticktrail: a provider plugin."""
