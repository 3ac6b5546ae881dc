"""Write the page of every key of a feed file, with its type and default, out of the settings themselves.

Owns: docs/reference/feed-keys.md, and which table is explained where.
Never: says what a key means; the pages that it links to do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec
from msgspec import inspect

from ticktrail._host import Host
from ticktrail._logs.settings import LogSettings
from ticktrail._plan import model as plan
from ticktrail._plan.route import LEAF_KIND, LeafTable
from ticktrail._plan.rules import ClassTable, RuleTable
from ticktrail._plan.tables import ControlTable, FeedTable, LaneTable, PluginsTable, ProviderTable
from ticktrail._tracing.settings import TracingSettings
from ticktrail.plugin import Secret

HEAD = """\
# Every key of a feed file

Written by `make docs-pages` from the settings themselves, as `ticktrail schema` is: each table with the keys that it
may have, and no other. What a key means stands on the page that is named under its table. A *number* keeps
its digits, also in quotes; a *secret* is `{ env = "…" }`, `{ file = "…" }` or `{ keyring = "…" }`; *none*: it may be
left out.
"""

FEED_FILE = "feed-file.md"
EXPLAINED = {
    "providers.alpaca": "../providers/alpaca.md",
    "providers.binance": "../providers/binance.md",
    "providers.kraken": "../providers/kraken.md",
    "providers.replay": "../providers/mock.md",
    "providers.synthetic": "../providers/mock.md",
    "compliance": "audit-log.md",
    "alerts": "alerts.md",
}
"""Where the tables of plugins are explained, from docs/reference; the others on the page of feed files."""

NODES: Mapping[str, Mapping[str, object]] = {
    "route.hybrid": {"primary": "a", "fallback": "b"},
    "route.merge": {"legs": ["a", "b"]},
    "route.canary": {"incumbent": "a", "candidate": "b"},
    "route.shadow": {"speaker": "a", "candidate": "b"},
}
"""The least that these tables need: some of their defaults are only there once the table is."""


@dataclass(frozen=True)
class Place:
    """One table: how a feed file spells it, what it must be, and how its plugin calls it where it is one's."""

    header: str
    settings: type[msgspec.Struct]
    name: str = ""

    @property
    def explained(self) -> str:
        """The page that says what its keys mean, from docs/reference."""
        return EXPLAINED.get(self.name, FEED_FILE)

    def defaults(self) -> Mapping[str, str]:
        """Return by key the default, in code as TOML has it, or in a word."""
        least = NODES.get(self.name, {})
        table = msgspec.convert(least, self.settings) if least else None
        fields = msgspec.structs.fields(self.settings)
        known = {one.name for one in fields if one.encode_name not in least} if table else set()
        return {
            one.encode_name: literal(getattr(table, one.name)) if one.name in known else default(one)
            for one in fields
        }


def places(host: Host) -> list[Place]:
    """Return every table that a feed file may have here: core's, then those of the plugins that take part."""
    return [
        Place("[feed]", FeedTable),
        Place("[providers.NAME], of every leg", ProviderTable),
        *(
            Place(f'[providers.NAME], `plugin = "{name}"`', spec.settings, f"providers.{name}")
            for name, spec in sorted(host.providers().items())
        ),
        Place(f'[route], `kind = "{LEAF_KIND}"`', LeafTable),
        *(
            Place(f'[route], `kind = "{name}"`', spec.settings, f"route.{name}")
            for name, spec in sorted(host.routes().items())
        ),
        Place("[validation], of all rules", plan.Validation),
        Place("[validation.classes.NAME], beside the keys of rules", ClassTable),
        Place("[validation.rules.NAME]", RuleTable),
        *(
            Place(f"[validation], of the rule `{name}`", spec.settings, f"rules.{name}")
            for name, spec in sorted(host.rules().items())
        ),
        Place("[[sinks]], of every sink", LaneTable),
        *(
            Place(f'[[sinks]], `plugin = "{name}"`', spec.settings, f"sinks.{name}")
            for name, spec in sorted(host.sinks().items())
        ),
        Place("[clock]", plan.ClockSettings),
        Place("[backoff]", plan.BackoffSettings),
        Place("[health]", plan.HealthSettings),
        Place("[control]", ControlTable),
        Place("[cache]", plan.CacheSettings),
        Place("[repair]", plan.RepairSettings),
        Place("[limits]", plan.Limits),
        Place("[log]", LogSettings),
        Place("[tracing]", TracingSettings),
        Place("[plugins]", PluginsTable),
        *(Place(f"[{name}]", spec.settings, name) for name, spec in sorted(host.observers().items())),
    ]


def page() -> str:
    """Return the page as it is to be."""
    parts = [HEAD]
    for place in places(Host.load()):
        header, _, rest = place.header.partition(", ")
        parts.append(
            f"\n## `{header}`{f', {rest}' if rest else ''}\n\nExplained on [its page]({place.explained}).\n"
        )
        parts += _tables(place.settings, "", set(), place.defaults())
    return "".join(parts)


def _tables(
    struct: type[msgspec.Struct], heading: str, seen: set[type], defaults: Mapping[str, str]
) -> Iterator[str]:
    """Yield the table of a Struct, then those of the tables that stand in it, each once."""
    seen.add(struct)
    fields = msgspec.structs.fields(struct)
    if not fields:
        yield "\nIt has no key of its own.\n" if not heading else ""
        return
    rows = [f"| `{one.encode_name}` | {words(one.type)} | {defaults[one.encode_name]} |" for one in fields]
    yield "\n".join([heading, "| key | type | default |", "| --- | --- | --- |", *rows, ""])
    for one in fields:
        for inner in structs_in(inspect.type_info(one.type)):
            if inner not in seen:
                told = {field.encode_name: default(field) for field in msgspec.structs.fields(inner)}
                yield from _tables(inner, f"\nA table in `{one.encode_name}`:\n", seen, told)


def structs_in(info: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    match info:
        case inspect.StructType(cls=cls) if cls is not Secret:
            yield cls
        case inspect.UnionType(types=types):
            for one in types:
                yield from structs_in(one)
        case inspect.DictType(value_type=value):
            yield from structs_in(value)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            yield from structs_in(item)
        case inspect.SetType(item_type=item) | inspect.FrozenSetType(item_type=item):
            yield from structs_in(item)
        case inspect.Metadata(type=inner):
            yield from structs_in(inner)


def words(hint: object) -> str:
    """Return a type in words, as it is written in TOML; what may be left out is told by the default."""
    return _words(inspect.type_info(hint))


def _words(info: inspect.Type) -> str:  # noqa: PLR0911 - one line a kind
    match info:
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return f"whole number{_bounds(info)}"
        case inspect.FloatType() | inspect.DecimalType():
            return f"number{_bounds(info)}"
        case inspect.DateType():
            return "date"
        case inspect.LiteralType(values=values):
            return ", ".join("`false`" if one is False else f'`"{one}"`' for one in values)
        case inspect.UnionType(types=types):
            return " or ".join(
                dict.fromkeys(_words(one) for one in types if not isinstance(one, inspect.NoneType))
            )
        case inspect.DictType(value_type=value):
            return f"table of {_words(value)} by name"
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return f"array of {_words(item)}"
        case inspect.SetType(item_type=item) | inspect.FrozenSetType(item_type=item):
            return f"array of {_words(item)}"
        case inspect.StructType(cls=cls):
            return "secret" if cls is Secret else "table"
        case inspect.CustomType(cls=cls):
            return "leg or table" if cls.__name__ == "RouteRef" else cls.__name__
    raise TypeError(f"no words for {info}; add them to docs/generate/keys.py")


def _bounds(info: inspect.Type) -> str:
    told = []
    for name, spelled in (
        ("gt", "above {}"),
        ("ge", "{} at least"),
        ("lt", "below {}"),
        ("le", "{} at most"),
    ):
        if (bound := getattr(info, name, None)) is not None:
            told.append(spelled.format(f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"))
    return f", {', '.join(told)}" if told else ""


def default(field: msgspec.structs.FieldInfo) -> str:
    """Return the default of a field as a feed file would say it."""
    if field.default_factory is not msgspec.NODEFAULT:
        return literal(field.default_factory())
    return "required" if field.default is msgspec.NODEFAULT else literal(field.default)


def literal(value: object) -> str:
    """Return a value as TOML has it, in code; `none` for what stands for a key that is left out."""
    return "none" if value is None else f"`{toml(value)}`"


def toml(value: object) -> str:
    """Return a value in TOML.

    Raises:
        TypeError: TOML has nothing for it.
    """
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case int() | float() | Decimal():
            return str(value)
        case tuple() | list() | frozenset():
            return f"[{', '.join(toml(one) for one in value)}]"
        case msgspec.Struct():
            fields = msgspec.structs.fields(type(value))
            pairs = {one.encode_name: getattr(value, one.name) for one in fields}
            return toml({key: one for key, one in pairs.items() if one is not None})
        case dict():
            inner = ", ".join(f"{key} = {toml(one)}" for key, one in value.items())
            return f"{{ {inner} }}" if inner else "{}"
    raise TypeError(f"TOML has nothing for {value!r}")
