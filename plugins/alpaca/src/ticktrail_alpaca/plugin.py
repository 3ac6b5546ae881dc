"""Take part in ticktrail as the Alpaca plugin, with empty hands so far.

It will bring one provider, `alpaca`, for US stocks and for crypto: trades, quotes, bars, trading status and
corrections, over Alpaca's web socket. Until it does, a feed file that names `alpaca` is refused, and the message
lists the providers there are.

Owns: the plugin's declaration.
Never: declares a provider that cannot deliver.
"""

from __future__ import annotations

__all__ = ["TICKTRAIL_API"]

TICKTRAIL_API = 1
