"""Hold the venue's messages in the venue's own spelling; it stands nowhere else.

Owns: the fields that are read, in both codecs: a moment is a text in JSON and an extension in MessagePack. Others are
let pass.
Never: gives a field a meaning; `events` and `live.session` do.

Sources: docs.alpaca.markets, "WebSocket Stream", "Real-time Stock Data", "Real-time Crypto Data", schema tables and
payload examples, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

__all__ = [
    "BarMessage",
    "BookLevel",
    "BookMessage",
    "CancelMessage",
    "Control",
    "CorrectionMessage",
    "DailyBarMessage",
    "Error",
    "ImbalanceMessage",
    "LuldMessage",
    "Message",
    "Moment",
    "QuoteMessage",
    "StatusMessage",
    "Subscription",
    "Success",
    "TradeMessage",
    "UpdatedBarMessage",
]

Moment = TypeVar("Moment")
"""How the codec writes a time."""

Id: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class TradeMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="t", gc=False):
    """A trade: of stocks at the exchange `x`, of crypto with the taker's side `tks`."""

    S: str
    i: Id
    p: Decimal
    s: Decimal
    t: Moment
    x: str = ""
    tks: str = ""


class QuoteMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="q", gc=False, rename={"asks": "as"}):
    """A quote; sizes of stocks are shares since 2025-11-03, round lots before."""

    S: str
    bp: Decimal
    bs: Decimal
    ap: Decimal
    asks: Decimal
    t: Moment


class _Bar(msgspec.Struct, Generic[Moment], gc=False):
    S: str
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the venue's name
    c: Decimal
    v: Decimal
    t: Moment
    n: Id | None = None


class BarMessage(_Bar[Moment], Generic[Moment], tag_field="T", tag="b", gc=False):
    """The bar of a minute, soon after its end; of crypto from the quotes' middle, so that its volume may be 0."""


class UpdatedBarMessage(_Bar[Moment], Generic[Moment], tag_field="T", tag="u", gc=False):
    """The bar of a minute again, since trades of it were reported late."""


class DailyBarMessage(_Bar[Moment], Generic[Moment], tag_field="T", tag="d", gc=False):
    """The bar of the day so far, after each minute."""


class StatusMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="s", gc=False):
    """A halt, a resumption: code `sc` and text `sm`, reason `rc` and its text `rm`."""

    S: str
    sc: str
    sm: str
    rc: str
    rm: str
    t: Moment


class LuldMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="l", gc=False):
    """The price band: limit up `u`, limit down `d`, and the indicator `i`."""

    S: str
    u: Decimal
    d: Decimal
    t: Moment
    i: str = ""


class CorrectionMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="c", gc=False):
    """The trade `oi` at the exchange `x` was another one: its id, price and size now are `ci`, `cp` and `cs`."""

    S: str
    x: str
    oi: Id
    ci: Id
    cp: Decimal
    cs: Decimal
    t: Moment


class CancelMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="x", gc=False):
    """The trade `i` at the exchange `x` was cancelled, or was an error (`a`)."""

    S: str
    x: str
    i: Id
    t: Moment
    a: str = ""


class ImbalanceMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="i", gc=False):
    """An imbalance of orders before an auction."""

    S: str
    p: Decimal
    t: Moment


class BookLevel(msgspec.Struct, gc=False):
    """A price and all that is offered or wanted at it; 0: nothing any more."""

    p: Decimal
    s: Decimal


class BookMessage(msgspec.Struct, Generic[Moment], tag_field="T", tag="o", gc=False):
    """Levels of an order book that have changed; with `r` all that there are."""

    S: str
    t: Moment
    b: Sequence[BookLevel] = ()
    a: Sequence[BookLevel] = ()
    r: bool = False


class Success(msgspec.Struct, tag_field="T", tag="success"):
    """``connected``, ``authenticated``."""

    msg: str = ""


class Error(msgspec.Struct, tag_field="T", tag="error"):
    """Why something was refused: the venue's number and words, of whichever type it writes them.

    A refusal is never unreadable: it would be waited for in vain.
    """

    code: object = 0
    msg: object = ""


class Subscription(msgspec.Struct, tag_field="T", tag="subscription"):
    """Everything that the connection is subscribed to, by list; null is a list of nothing."""

    trades: Sequence[str] | None = ()
    quotes: Sequence[str] | None = ()
    bars: Sequence[str] | None = ()
    updatedBars: Sequence[str] | None = ()  # noqa: N815 - the venue's name
    dailyBars: Sequence[str] | None = ()  # noqa: N815 - the venue's name
    statuses: Sequence[str] | None = ()
    lulds: Sequence[str] | None = ()
    imbalances: Sequence[str] | None = ()
    orderbooks: Sequence[str] | None = ()
    corrections: Sequence[str] | None = ()
    cancelErrors: Sequence[str] | None = ()  # noqa: N815 - the venue's name


Control: TypeAlias = Success | Error | Subscription
Message: TypeAlias = (
    TradeMessage[Moment]
    | QuoteMessage[Moment]
    | BarMessage[Moment]
    | UpdatedBarMessage[Moment]
    | DailyBarMessage[Moment]
    | StatusMessage[Moment]
    | LuldMessage[Moment]
    | CorrectionMessage[Moment]
    | CancelMessage[Moment]
    | ImbalanceMessage[Moment]
    | BookMessage[Moment]
    | Success
    | Error
    | Subscription
)
