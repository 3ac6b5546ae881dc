"""Check that a provider keeps the contracts of `ticktrail.plugin.Decoder` and `Provider`.

Owns: the suite: which laws bind a provider, and in which order they are read.
Never: speaks to a venue. The case's `stage` brings a provider together with a loopback venue, if it needs one.
"""

from __future__ import annotations

from ticktrail.testing._decoding import DecodingLaws
from ticktrail.testing._living import LivingLaws
from ticktrail.testing._showing import ShowingLaws

__all__ = ["ProviderConformance"]


class ProviderConformance(DecodingLaws, LivingLaws, ShowingLaws):
    """Subclass, give a `case` fixture that returns a `ProviderCase`, and inherit the laws P01 to P28.

    `backend` is the event loop that the sessions run on; a stage whose venue is of `ticktrail.testing.venue` runs on
    trio.
    """

    backend = "trio"
