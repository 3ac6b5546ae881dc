"""Say in few words what an entry holds, so that a search need not open it.

Owns: the form of an entry's summary (docs/reference/audit-format.md).
Never: is needed to read an entry; verification holds it against the body.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ticktrail.model import Tick, Undecodable
from ticktrail.plugin import Record, Routed
from ticktrail_compliance.acts import Act
from ticktrail_compliance.records import StoredRecord, StoredRouted

__all__ = ["Summary", "decode_summary", "encode_summary", "summarize"]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry holds.

    Attributes:
        events: How many records of each kind, ``routed`` among them.
        providers: Whose.
        instruments: Of which.
        channels: On which.
        delivered: Ticks that were delivered.
        rejected: Ticks that rules rejected.
        suppressed: Ticks that the route held back.
        flagged: Ticks that went on although rules objected; each is counted above as well.
    """

    events: Mapping[str, int]
    providers: Sequence[str]
    instruments: Sequence[str]
    channels: Sequence[str]
    delivered: int
    rejected: int
    suppressed: int
    flagged: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Summary)


def summarize(records: Sequence[Record | StoredRecord | Act]) -> Summary:
    """Return the summary of records, as they came from the feed or as they are stored."""
    events: Counter[str] = Counter()
    named: dict[str, set[str]] = {"provider": set(), "instrument": set()}
    kinds: set[tuple[str, str, str]] = set()
    counts = {"delivered": 0, "rejected": 0, "suppressed": 0, "flagged": 0}
    for record in records:
        events[str(record.__struct_config__.tag)] += 1
        if not isinstance(record, Routed | StoredRouted):
            for field, names in named.items():
                name = getattr(record, field, None)
                if isinstance(name, str):
                    names.add(name)
            continue
        named["provider"].add(record.provider)
        for outcome, ticks in _outcomes(record):
            counts[outcome] += len(ticks)
            kinds.update(
                [(tick.counted_as, getattr(tick, "instrument", ""), tick.provider) for tick in ticks]
            )
    return Summary(
        events=dict(sorted(events.items())),
        providers=sorted(named["provider"].union(provider for _, _, provider in kinds)),
        instruments=sorted(named["instrument"].union(name for _, name, _ in kinds if name)),
        channels=sorted({channel for channel, _, _ in kinds}),
        **counts,
    )


def _outcomes(record: Routed | StoredRouted) -> Iterator[tuple[str, Sequence[Tick | Undecodable]]]:
    """Yield the ticks of a batch by what became of them; those that were flagged a second time."""
    yield "delivered", record.delivered
    if record.rejected:
        yield "rejected", [rejected.tick for rejected in record.rejected]
    for held in record.suppressed:
        yield "suppressed", held.ticks
    if record.flagged:
        yield "flagged", [flagged.tick for flagged in record.flagged]


def encode_summary(summary: Summary) -> bytes:
    """Return the plaintext of a summary."""
    return _encoder.encode(summary)


def decode_summary(plaintext: bytes) -> Summary:
    """Return the summary that a plaintext holds.

    Raises:
        ValueError: It holds none.
    """
    try:
        return _decoder.decode(plaintext)
    except msgspec.MsgspecError as exc:
        raise ValueError(f"its summary cannot be read ({exc})") from exc
