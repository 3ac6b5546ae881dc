"""Alpaca market data for ticktrail: so far a declared plugin that brings no provider."""
