"""acme's market data for ticktrail."""
