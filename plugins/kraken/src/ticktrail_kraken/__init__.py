"""Kraken spot market data for ticktrail."""
