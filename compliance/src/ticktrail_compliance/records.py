"""Write records as bytes, and read them back as they were.

Owns: the form of an entry's content: MessagePack, one array of tagged records.
Never: encrypts. A violation of a plugin that is not at hand reads back as its plain fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from ticktrail.errors import AuditError
from ticktrail.events import Event
from ticktrail.model import ProviderId, Suppressed, Tick, Undecodable
from ticktrail.plugin import Record
from ticktrail_compliance.acts import Act

__all__ = [
    "StoredFlagged",
    "StoredRecord",
    "StoredRejected",
    "StoredRouted",
    "decode_records",
    "encode_records",
]


class StoredRejected(msgspec.Struct, frozen=True, kw_only=True):
    """A rejected tick; each violation holds its `rule` and the numbers that tripped it."""

    tick: Tick | Undecodable
    violations: Sequence[Mapping[str, object]]


class StoredFlagged(msgspec.Struct, frozen=True, kw_only=True):
    """A tick that went on although rules objected; each violation as in `StoredRejected`."""

    tick: Tick
    violations: Sequence[Mapping[str, object]]


class StoredRouted(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="routed"):
    """What became of one leg's batch."""

    provider: ProviderId
    recv_ns: int
    delivered: Sequence[Tick] = ()
    rejected: Sequence[StoredRejected] = ()
    suppressed: Sequence[Suppressed] = ()
    flagged: Sequence[StoredFlagged] = ()
    derived: bool = False


StoredRecord: TypeAlias = Event | StoredRouted | Act

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[StoredRecord])


def encode_records(records: Sequence[Record | Act]) -> bytes:
    """Return the content for an entry.

    Raises:
        AuditError: A record holds what cannot be stored, such as a whole number of more than 64 bits.
    """
    try:
        return _encoder.encode(records)
    except (TypeError, ValueError, OverflowError) as exc:
        raise AuditError(
            f"a record cannot be sealed ({exc}): write text in UTF-8, or mend the plugin that made it"
        ) from exc


def decode_records(content: bytes) -> Sequence[StoredRecord]:
    """Return the records of an entry's content.

    Raises:
        ValueError: It is no such content, or of a newer form.
    """
    try:
        return _decoder.decode(content)
    except msgspec.MsgspecError as exc:
        raise ValueError(f"the content cannot be read ({exc})") from exc
