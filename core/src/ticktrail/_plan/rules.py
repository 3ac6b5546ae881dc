"""Compose ``[validation]``: the keys of all rules, flat in one table, and what differs by instrument.

Owns: which rule a key belongs to, and that overrides name instruments of the feed.
Never: knows a rule. A rule that is off is still in the plan; its `open` gives no judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ticktrail._contracts.settings import Settings
from ticktrail._contracts.validator import ValidatorSpec
from ticktrail._plan.model import RulePlan
from ticktrail._settings.decode import as_table, decode, keys_of
from ticktrail._settings.document import Document, Table, nearest, spell
from ticktrail._settings.positions import Path
from ticktrail.errors import PluginError
from ticktrail.model import InstrumentId

__all__ = ["compose_rules", "owners_of_keys"]

_OVERRIDES = "instruments"


def compose_rules(
    document: Document, specs: Mapping[str, ValidatorSpec], instruments: Sequence[InstrumentId] | None
) -> tuple[RulePlan, ...]:
    """Return every rule with its settings for each instrument; faults are noted in the document.

    Args:
        document: The feed file.
        specs: The rules, by name.
        instruments: Those of the feed; None where ``[feed]`` itself is at fault.

    Raises:
        PluginError: Two rules claim the same key.
    """
    owners = owners_of_keys(specs)
    at: Path = ("validation",)
    table = as_table(document, at, document.tables.get("validation", {})) or {}
    base = {key: value for key, value in table.items() if key != _OVERRIDES}
    overrides = as_table(document, (*at, _OVERRIDES), table.get(_OVERRIDES, {})) or {}
    _refuse_unknown(document, at, base, owners)
    common = {name: decode(document, at, _share(base, spec), spec.settings) for name, spec in specs.items()}
    own: dict[str, dict[str, Settings]] = {}
    for instrument, value in overrides.items():
        place = (*at, _OVERRIDES, instrument)
        if instruments is not None and instrument not in instruments:
            document.blame(
                place,
                f"the feed has no such instrument; {nearest(instrument, instruments)} "
                f"(instruments in [feed] are {spell(instruments)})",
            )
        keys = as_table(document, place, value) or {}
        _refuse_unknown(document, place, keys, owners)
        own[instrument] = {}
        for name in dict.fromkeys(owners[key] for key in keys if key in owners):
            spec = specs[name]
            share = _share(keys, spec)
            if common[name] is not None:  # where it is None, the base is at fault and blamed in its own place
                share = _share(base, spec) | share
            settings = decode(document, place, share, spec.settings)
            if settings is not None:
                own[instrument][name] = settings
    return tuple(
        RulePlan(
            spec=spec,
            settings={
                instrument: settings
                for instrument in instruments or ()
                if (settings := own.get(instrument, {}).get(name, common[name])) is not None
            },
        )
        for name, spec in specs.items()
    )


def owners_of_keys(specs: Mapping[str, ValidatorSpec]) -> Mapping[str, str]:
    """Return which rule each key of ``[validation]`` belongs to.

    Raises:
        PluginError: Two rules claim the same key, or one claims the name of the table of overrides.
    """
    owners: dict[str, str] = {}
    for name, spec in specs.items():
        for key in keys_of(spec.settings):
            if key == _OVERRIDES:
                raise PluginError(
                    f"rule {name} claims the key {key}, which is taken; rename the key in the rule"
                )
            if key in owners:
                raise PluginError(
                    f"rules {owners[key]} and {name} both claim the key {key} of [validation]; remove the plugin "
                    "of one of them, or rename the key there"
                )
            owners[key] = name
    return owners


def _refuse_unknown(document: Document, at: Path, table: Table, owners: Mapping[str, str]) -> None:
    for key in table:
        if key not in owners:
            document.blame((*at, key), f"unknown key; {nearest(key, owners)}")


def _share(table: Table, spec: ValidatorSpec) -> dict[str, object]:
    keys = keys_of(spec.settings)
    return {key: value for key, value in table.items() if key in keys}
