"""Coinbase Exchange's public market data for ticktrail."""
