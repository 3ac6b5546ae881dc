"""Write the page of the model: each kind of tick as Python has it, with the meanings of the page on the wire form.

Owns: docs/reference/model.md.
Never: explains a field of a tick: docs/reference/wire-format.md does, and this page repeats its words.
"""

import inspect
import re
import typing
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ticktrail import model

WIRE = Path(__file__).parents[1] / "reference" / "wire-format.md"
COMMON = "Every tick"

HEAD = """\
# The model

Written by `make docs-pages` from `ticktrail.model`. These are the objects that a sink, a rule, a route,
an observer and a program with a feed inside it get. They are frozen: `msgspec.structs.replace` makes
another one. The same as text is [the wire form](wire-format.md).

| unit | how |
| --- | --- |
| Prices, sizes, volumes, rates | `decimal.Decimal`, with the very digits that the venue wrote; never a float. |
| Times, names that end in `_ns` | Whole nanoseconds since the Unix epoch, UTC. |
| Sizes and volumes | In units of the base asset, or shares; of futures: [Binance](../providers/binance.md). |
| Names | `InstrumentId` is the canonical name, such as `BTC/USDT`; `ProviderId` the leg's name in the feed file. |

`None` among the types says that a value may be missing, and the meaning when. A field with a default need not be given.
"""

OUTCOMES: Mapping[str, Mapping[str, str]] = {
    "Undecodable": {
        "provider": "the leg",
        "recv_ns": "when the socket read that brought it returned",
        "raw": "the bytes as they came",
        "reason": "why they could not be read",
    },
    "Rejected": {"tick": "what was not delivered", "violations": "what each rule found that it broke"},
    "Flagged": {"tick": "what went on all the same", "violations": "what rules found whose action is `flag`"},
    "Suppressed": {
        "reason": "`standby`, `duplicate`, `shadow` and others: [events](events.md)",
        "ticks": "the good ticks that were not delivered",
    },
}
"""What becomes of a tick that is not simply delivered: not of the wire form, so that it is explained here."""


def page() -> str:
    """Return the page as it is to be."""
    meanings = wire_rows()
    names = model.Tick.__args__
    common = [field for field in msgspec.structs.fields(names[0]) if field.name in meanings[COMMON]]
    parts = [HEAD, f"\n## {COMMON}\n\n", _table(names[0], common, meanings[COMMON])]
    for kind in names:
        tag = kind.__struct_config__.tag
        own = [field for field in msgspec.structs.fields(kind) if field.name not in meanings[COMMON]]
        parts.append(
            f"\n## `{kind.__name__}`\n\n{_doc(kind)}\n\nOf the channel {_channel(kind)}; `{tag}` in the wire form.\n\n"
        )
        parts.append(_table(kind, own, meanings[tag]))
    parts.append(
        "\n## What becomes of a tick\n\nA delivered tick is itself. The others come to observers in these.\n"
    )
    for name, told in OUTCOMES.items():
        kind = getattr(model, name)
        parts.append(f"\n### `{name}`\n\n{_doc(kind)}\n\n{_table(kind, msgspec.structs.fields(kind), told)}")
    parts.append(
        f"\n### `Violation`\n\n{_doc(model.Violation)} Each rule's own are on the page on [validation]"
        "(../explanation/validation.md).\n"
    )
    return "".join(parts)


def wire_rows() -> dict[str, dict[str, str]]:
    """Return by section of the page on the wire form what it says of each field."""
    text = WIRE.read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    for heading, body in re.findall(r"^## `?([^`\n]+)`?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        rows = re.findall(r"^\| `(\w+)` \| (.+?) \| ?(.*?) ?\|$", body, re.MULTILINE)
        found[heading] = {name: meaning for name, _, meaning in rows}
    return found


def _channel(kind: type) -> str:
    channel = model.CHANNEL_OF.get(kind)
    return f"`{channel}`" if channel else "of what it is about: it belongs to none"


def _doc(kind: type) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (kind.__doc__ or "").split("\n\n"))


def _table(
    kind: type, fields: typing.Iterable[msgspec.structs.FieldInfo], meanings: Mapping[str, str]
) -> str:
    hints = annotations(kind)
    rows = [
        f"| `{one.name}` | `{hints[one.name]}` | {_default(one)} | {meanings[one.name]} |".replace(
            "  |", " |"
        )
        for one in fields
    ]
    cells = [row if "` | `" not in row else _escape_type(row) for row in rows]
    return "\n".join(["| field | type | default | meaning |", "| --- | --- | --- | --- |", *cells, ""])


def _escape_type(row: str) -> str:
    """Keep a `|` within a type from ending its cell."""
    return re.sub(r"`([^`]*)`", lambda found: f"`{found[1].replace(' | ', ' or ')}`", row)


def _default(field: msgspec.structs.FieldInfo) -> str:
    return "required" if field.default is msgspec.NODEFAULT else f"`{field.default!r}`"


def annotations(kind: type) -> dict[str, str]:
    """Return the annotations as they are written, of the class and of those that it is derived from."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        found |= inspect.get_annotations(one)
    return {name: str(hint) for name, hint in found.items()}
