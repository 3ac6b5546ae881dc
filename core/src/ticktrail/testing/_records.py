"""Make one record of each kind, so that an observer is shown all that a feed may tell.

Owns: sensible values for every field of every event, found from its type.
Never: reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import msgspec
from msgspec import inspect

from ticktrail.events import Event, FeedStopped, FeedStopping
from ticktrail.model import Flagged, ProviderId, Rejected, Suppressed, Tick, Undecodable, Violation
from ticktrail.plugin import Record, Routed
from ticktrail.testing._ticks import PROVIDER, RECV_NS, make_trade, one_of_each

__all__ = ["make_routed", "one_of_each_event", "one_of_each_record"]


class _Found(Violation, frozen=True, tag="conformance"):
    """What a rule found."""

    price: str = "100"


def one_of_each_event() -> Sequence[Event]:
    """Return one event of each kind, all of one time; those of a feed's end come last."""
    kinds = sorted(get_args(Event), key=lambda kind: (kind is FeedStopping) + 2 * (kind is FeedStopped))
    return [msgspec.convert(_table_of(kind), kind) for kind in kinds]


def make_routed(ticks: Sequence[Tick], *, provider: str = PROVIDER) -> Routed:
    """Return the record of a batch that was delivered."""
    return Routed(provider=ProviderId(provider), recv_ns=RECV_NS, delivered=ticks)


def one_of_each_record() -> Sequence[Record]:
    """Return a batch with everything that can become of a tick, a derived one, an empty one, and one of each event."""
    first, second = make_trade(id=101), make_trade(id=102)
    found = (_Found(),)
    everything = Routed(
        provider=ProviderId(PROVIDER),
        recv_ns=RECV_NS,
        delivered=[*one_of_each(), first],
        rejected=[
            Rejected(tick=second, violations=found),
            Rejected(
                tick=Undecodable(
                    provider=ProviderId(PROVIDER), recv_ns=RECV_NS, raw=b"\x00\xff", reason="no JSON"
                ),
                violations=found,
            ),
        ],
        suppressed=[Suppressed(ticks=[make_trade(id=103)], reason="standby")],
        flagged=[Flagged(tick=first, violations=found)],
    )
    derived = Routed(provider=ProviderId(PROVIDER), recv_ns=RECV_NS, delivered=[first], derived=True)
    return [everything, derived, make_routed(()), *one_of_each_event()]


def _table_of(kind: type) -> dict[str, object]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - every event is one
    table: dict[str, object] = {}
    if info.tag_field is not None:
        table[info.tag_field] = info.tag
    for field in info.fields:
        table[field.encode_name] = _value_of(field.type, field.encode_name)
    return table


def _value_of(kind: inspect.Type, name: str) -> object:  # noqa: PLR0911 - one a type
    match kind:
        case inspect.IntType():
            return RECV_NS if name.endswith("_ns") else 1
        case inspect.FloatType():
            return 1.5
        case inspect.BoolType():
            return True
        case inspect.DecimalType():
            return "100.00"
        case inspect.StrType():
            return {"instrument": "BTC/USDT", "provider": PROVIDER, "leg": PROVIDER}.get(name, f"some {name}")
        case inspect.BytesType():
            return "AAE="
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.DictType(key_type=key, value_type=value):
            return {_value_of(key, "key"): _value_of(value, name)}
        case inspect.ListType(item_type=item) | inspect.CollectionType(item_type=item):
            return [_value_of(item, name)]
        case inspect.VarTupleType(item_type=item):
            return [_value_of(item, name)]
        case inspect.TupleType(item_types=items):
            return [_value_of(item, name) for item in items]
        case inspect.StructType(cls=cls):
            return _table_of(cls)
        case inspect.UnionType(types=types):
            return _value_of(next(one for one in types if not isinstance(one, inspect.NoneType)), name)
        case _:
            return None
