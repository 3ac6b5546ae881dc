"""Ask Kraken by REST."""
