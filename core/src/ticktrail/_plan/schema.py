"""Write the JSON Schema of feed files, for editors: core's tables and those of the plugins that take part.

Owns: how the tables stand together in a feed file.
Never: decides what is right; `compose` does, and finds more than a schema can say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from ticktrail._contracts.settings import Settings
from ticktrail._host import Host
from ticktrail._logs.settings import LogSettings
from ticktrail._plan.model import (
    BackoffSettings,
    CacheSettings,
    ClockSettings,
    HealthSettings,
    Limits,
    RepairSettings,
    Validation,
)
from ticktrail._plan.route import LEAF_KIND, LeafTable
from ticktrail._plan.rules import ClassTable, RuleTable, owners_of_keys
from ticktrail._plan.tables import ControlTable, FeedTable, LaneTable, PluginsTable, ProviderTable
from ticktrail._settings.describe import docs_of
from ticktrail._tracing.settings import TracingSettings

__all__ = ["feed_schema"]

_Schema: TypeAlias = Mapping[str, object]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER = {"type": ["number", "string"]}  # a decimal is read from a TOML number, or from digits in quotes


def feed_schema(host: Host) -> bytes:
    """Return the JSON Schema of feed files, as indented JSON.

    Raises:
        PluginError: Two rules claim the same key.
    """
    rules, providers, sinks, routes = host.rules(), host.providers(), host.sinks(), host.routes()
    owners_of_keys(rules)
    own = (
        *(
            FeedTable,
            PluginsTable,
            ClockSettings,
            Limits,
            BackoffSettings,
            CacheSettings,
            HealthSettings,
            RepairSettings,
            LogSettings,
            TracingSettings,
            ControlTable,
            LeafTable,
        ),
        *(Validation, ClassTable, RuleTable),
    )
    observers = host.observers()
    plugged = (
        *(rule.settings for rule in rules.values()),
        *(provider.settings for provider in providers.values()),
        *(sink.settings for sink in sinks.values()),
        *(kind.settings for kind in routes.values()),
        *(observer.settings for observer in observers.values()),
    )
    tables = _Tables((*own, ProviderTable, LaneTable, *plugged))
    limits = [spec.settings for spec in rules.values()]
    below = {
        "instruments": {"type": "object", "additionalProperties": tables.join(*limits)},
        "classes": {"type": "object", "additionalProperties": tables.join(ClassTable, *limits)},
        "rules": {
            "type": "object",
            "properties": {name: tables.join(RuleTable) for name in rules},
            "additionalProperties": False,
        },
    }
    judged = tables.join(Validation, *limits)
    leg = [tables.join(ProviderTable, spec.settings, plugin=name) for name, spec in providers.items()]
    lane = [tables.join(LaneTable, spec.settings, plugin=name) for name, spec in sinks.items()]
    node = [tables.join(LeafTable, kind=LEAF_KIND)]
    node += [tables.join(spec.settings, kind=kind) for kind, spec in routes.items()]
    properties = {
        "feed": tables.join(FeedTable),
        "route": {
            "anyOf": [
                {"type": "string"},
                *({**kind, "required": ["kind", *_required(kind)]} for kind in node),
            ]
        },
        "providers": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": leg} if leg else False,
        },
        "validation": {**judged, "properties": {**_properties(judged), **below}},
        "sinks": {"type": "array", "items": {"anyOf": lane} if lane else False},
        "clock": tables.join(ClockSettings),
        "limits": tables.join(Limits),
        "backoff": tables.join(BackoffSettings),
        "control": tables.join(ControlTable),
        "cache": tables.join(CacheSettings),
        "health": tables.join(HealthSettings),
        "repair": tables.join(RepairSettings),
        "log": tables.join(LogSettings),
        "tracing": tables.join(TracingSettings),
        "plugins": tables.join(PluginsTable),
        **{name: tables.join(spec.settings) for name, spec in observers.items()},
    }
    whole = {
        "$schema": _DIALECT,
        "title": "A ticktrail feed file",
        "type": "object",
        "properties": properties,
        "required": ["feed", "providers"],
        "additionalProperties": False,
        "$defs": tables.definitions,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


class _Tables:
    """The schemas of all settings, and the tables that are put together out of their keys."""

    def __init__(self, structs: Sequence[type[Settings]]) -> None:
        unique = list(dict.fromkeys(structs))
        refs, found = msgspec.json.schema_components(
            unique, ref_template="#/$defs/{name}", schema_hook=_anything
        )
        self.definitions: dict[str, object] = {name: _with_numbers(part) for name, part in found.items()}
        self._names = {
            struct: str(ref["$ref"]).rpartition("/")[2] for struct, ref in zip(unique, refs, strict=True)
        }
        for struct, name in self._names.items():
            self.definitions[name] = _with_docs(self.definitions[name], struct)

    def join(self, *structs: type[Settings], **fixed: str) -> _Schema:
        """Return one table with the keys of several Structs; `fixed` names keys that have one value here."""
        parts = [self.definitions[self._names[struct]] for struct in structs]
        properties = {key: value for part in parts for key, value in _properties(part).items()}
        required = [key for part in parts for key in _required(part)]
        return {
            "type": "object",
            "properties": {**properties, **{key: {"const": value} for key, value in fixed.items()}},
            "required": required,
            "additionalProperties": False,
        }


def _anything(_: type) -> dict[str, object]:
    """Stand for a type that has no schema, such as the children of a route node: only its plugin can judge it."""
    return {"description": "see the plugin"}


def _properties(schema: object) -> _Schema:
    found = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _required(schema: object) -> Sequence[str]:
    found = schema.get("required", ()) if isinstance(schema, Mapping) else ()
    return [str(key) for key in found] if isinstance(found, Sequence) else ()


def _with_docs(schema: object, struct: type[Settings]) -> object:
    """Return the schema with what is written about each key, which an editor shows beside it."""
    if not isinstance(schema, Mapping):
        return schema
    docs = {field.encode_name: docs_of(struct).get(field.name) for field in msgspec.structs.fields(struct)}
    keys = {
        key: {**part, "description": doc} if isinstance(part, Mapping) and (doc := docs.get(key)) else part
        for key, part in _properties(schema).items()
    }
    return {**schema, "properties": keys}


def _with_numbers(schema: object) -> object:
    if isinstance(schema, Mapping):
        part = {key: _with_numbers(value) for key, value in schema.items()}
        is_decimal = (
            part.get("type") == "string" and part.get("format") == "decimal"
        )  # with a default beside it
        return (
            {key: value for key, value in part.items() if key != "format"} | _NUMBER if is_decimal else part
        )
    if isinstance(schema, list | tuple):
        return [_with_numbers(item) for item in schema]
    return schema
