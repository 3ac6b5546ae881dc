"""Synthetic and replayed market data for ticktrail, and loopback venues: a provider and command plugin."""
