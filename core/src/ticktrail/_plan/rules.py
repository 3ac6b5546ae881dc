"""Compose ``[validation]``: the keys of all rules, flat in one table, and what differs by class and instrument.

Owns: which rule a key belongs to, whom an override is for, and what a rule's findings do.
Never: knows a rule. A rule that is off is still in the plan; its `open` gives no judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from ticktrail._contracts.settings import Settings
from ticktrail._contracts.validator import Action, Severity, ValidatorSpec
from ticktrail._host import Host
from ticktrail._plan.model import RulePlan, Validation
from ticktrail._settings.decode import as_table, decode, keys_of
from ticktrail._settings.document import Document, Table, nearest, spell
from ticktrail._settings.positions import Path
from ticktrail.errors import PluginError
from ticktrail.model import InstrumentId

__all__ = ["ClassTable", "RuleTable", "compose_rules", "owners_of_keys"]

_AT: Path = ("validation",)
_INSTRUMENTS = "instruments"
_CLASSES = "classes"
_RULES = "rules"
_TAKEN = frozenset({_INSTRUMENTS, _CLASSES, _RULES, *keys_of(Validation)})


class RuleTable(Settings, frozen=True):
    """One ``[validation.rules.NAME]``: what the rule's findings do; None for what the rule itself declares."""

    action: Action | None = None
    severity: Severity | None = None


class ClassTable(Settings, frozen=True):
    """Whom one ``[validation.classes.NAME]`` is for: names, or patterns such as ``*/USDT``."""

    instruments: tuple[str, ...]


def compose_rules(
    document: Document, host: Host, instruments: Sequence[InstrumentId] | None
) -> tuple[tuple[RulePlan, ...], Validation, Mapping[str, Sequence[InstrumentId]]]:
    """Return every rule with its settings for each instrument, what concerns all, and the classes with their members.

    Faults go to the document.

    What is said of an instrument goes before what is said of its class, and that before what is said of the feed.

    Args:
        document: The feed file.
        host: Whose rules they are.
        instruments: Those of the feed; None where ``[feed]`` itself is at fault.

    Raises:
        PluginError: Two rules claim the same key.
    """
    specs = host.rules()
    owners = owners_of_keys(specs)
    table = as_table(document, _AT, document.tables.get("validation", {})) or {}
    base = {key: value for key, value in table.items() if key not in _TAKEN}
    _refuse_unknown(document, host, _AT, base, [*owners, *_TAKEN])
    of_all = {key: table[key] for key in keys_of(Validation) if key in table}
    validation = decode(document, _AT, of_all, Validation) or Validation()
    common = {name: decode(document, _AT, _share(base, spec), spec.settings) for name, spec in specs.items()}
    orders = _orders(document, host, table)
    layers = _Layers(document, host, owners, base, common)
    layers.add_classes(table, instruments)
    layers.add_instruments(table, instruments)
    rules = tuple(
        RulePlan(
            spec=spec,
            action=orders[name].action or spec.action,
            severity=orders[name].severity or spec.severity,
            settings={
                instrument: settings
                for instrument in instruments or ()
                if (settings := layers.settings(name, instrument)) is not None
            },
            common=common[name],
            differs=layers.differing[name],
        )
        for name, spec in specs.items()
    )
    return rules, validation, layers.classes


class _Layers:
    """What is said of classes and instruments over what is said of the feed."""

    def __init__(
        self,
        document: Document,
        host: Host,
        owners: Mapping[str, str],
        base: Table,
        common: Mapping[str, Settings | None],
    ) -> None:
        self._document = document
        self._host = host
        self._specs = host.rules()
        self._owners = owners
        self._base = base
        self._common = common
        self._keys: dict[str, dict[str, object]] = {}
        self._own: dict[str, dict[str, Settings]] = {}
        self.classes: dict[str, Sequence[InstrumentId]] = {}
        self.differing: dict[str, dict[str, Table]] = {name: {} for name in self._specs}

    def settings(self, rule: str, instrument: str) -> Settings | None:
        """Return a rule's settings for an instrument; None where they are at fault."""
        return self._own.get(instrument, {}).get(rule, self._common[rule])

    def add_classes(self, table: Table, instruments: Sequence[InstrumentId] | None) -> None:
        """Take in every ``[validation.classes.NAME]``."""
        said_by: dict[tuple[str, str], str] = {}
        at = (*_AT, _CLASSES)
        for name, value in (as_table(self._document, at, table.get(_CLASSES, {})) or {}).items():
            place = (*at, name)
            keys = dict(as_table(self._document, place, value) or {})
            whom = decode(self._document, place, _only(keys, _INSTRUMENTS), ClassTable)
            keys.pop(_INSTRUMENTS, None)
            members: Sequence[InstrumentId] = ()
            if whom is not None and instruments is not None:
                members = self._members(place, whom, instruments)
            self.classes[name] = members
            self._note(f"class {name}", keys)
            for member in members:
                for key in keys:
                    other = said_by.setdefault((member, key), name)
                    if other != name:
                        self._document.blame(
                            (*place, key),
                            f"{member} is in class {other} too, which sets the same key; leave it in one of the two",
                        )
            for member in members or (InstrumentId(""),):  # a class of nobody is still looked through
                self._lay(place, member, keys, also=(_INSTRUMENTS,))

    def add_instruments(self, table: Table, instruments: Sequence[InstrumentId] | None) -> None:
        """Take in every ``[validation.instruments."X"]``."""
        at = (*_AT, _INSTRUMENTS)
        for name, value in (as_table(self._document, at, table.get(_INSTRUMENTS, {})) or {}).items():
            place = (*at, name)
            if instruments is not None and name not in instruments:
                self._document.blame(
                    place,
                    f"the feed has no such instrument; {nearest(name, instruments)} "
                    f"(instruments in [feed] are {spell(instruments)})",
                )
            keys = as_table(self._document, place, value) or {}
            self._note(name, keys)
            self._lay(place, name, keys)

    def _note(self, whose: str, keys: Table) -> None:
        """Note which keys of each rule are said of a class or an instrument."""
        for rule, spec in self._specs.items():
            share = _share(keys, spec)
            if share:
                self.differing[rule][whose] = share

    def _members(
        self, place: Path, whom: ClassTable, instruments: Sequence[InstrumentId]
    ) -> Sequence[InstrumentId]:
        """Return whom a class means; of several patterns some may mean nobody, so that feeds can share a rule set."""
        members: dict[InstrumentId, None] = {}
        if not whom.instruments:
            self._document.blame(
                (*place, _INSTRUMENTS),
                f"means nobody; name some of {spell(instruments)}, or take the class out",
            )
        for number, pattern in enumerate(whom.instruments):
            found = [name for name in instruments if fnmatchcase(name, pattern)]
            members.update(dict.fromkeys(found))
            if not found and (len(whom.instruments) == 1 or not any(sign in pattern for sign in "*?[")):
                self._document.blame(
                    (*place, _INSTRUMENTS, number),
                    f"no instrument of the feed is meant by {pattern}; {nearest(pattern, instruments)} "
                    f"(instruments in [feed] are {spell(instruments)})",
                )
        return list(members)

    def _lay(self, place: Path, instrument: str, keys: Table, also: Sequence[str] = ()) -> None:
        """Put one layer over what was said of the instrument so far."""
        _refuse_of_all(self._document, place, keys)
        _refuse_unknown(self._document, self._host, place, _drop(keys, _TAKEN), [*self._owners, *also])
        said = self._keys.setdefault(instrument, {})
        said.update(keys)
        own = self._own.setdefault(instrument, {})
        for name in dict.fromkeys(self._owners[key] for key in keys if key in self._owners):
            spec = self._specs[name]
            share = _share(said, spec)
            if self._common[name] is not None:  # otherwise the base is at fault and blamed in its own place
                share = _share(self._base, spec) | share
            settings = decode(self._document, place, share, spec.settings)
            if settings is not None:
                own[name] = settings
            else:  # blamed here, and not once more in the layers above
                self._keys[instrument] = said = _drop(said, frozenset(keys_of(spec.settings)))


def owners_of_keys(specs: Mapping[str, ValidatorSpec]) -> Mapping[str, str]:
    """Return which rule each key of ``[validation]`` belongs to.

    Raises:
        PluginError: Two rules claim the same key, or one claims a key that is the table's own.
    """
    owners: dict[str, str] = {}
    for name, spec in specs.items():
        for key in keys_of(spec.settings):
            if key in _TAKEN:
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


def _orders(document: Document, host: Host, table: Table) -> Mapping[str, RuleTable]:
    """Return what ``[validation.rules.NAME]`` says, by rule."""
    at, specs = (*_AT, _RULES), host.rules()
    orders = dict.fromkeys(specs, RuleTable())
    for name, value in (as_table(document, at, table.get(_RULES, {})) or {}).items():
        place = (*at, name)
        if name not in specs:
            document.blame(place, host.unknown("rule", name, specs))
        keys = as_table(document, place, value)
        order = None if keys is None else decode(document, place, keys, RuleTable)
        if (
            order is not None
            and order.action == "quarantine"
            and name in specs
            and specs[name].scope == "route"
        ):
            document.blame(
                (*place, "action"),
                "a rule of the route sees every leg, and its quarantine would silence all of them; "
                'write "reject" or "flag"',
            )
        if order is not None:
            orders[name] = order
    return orders


def _refuse_of_all(document: Document, at: Path, keys: Table) -> None:
    """Tell where a key belongs that cannot differ between instruments."""
    for key in keys:
        if key in keys_of(Validation):
            document.blame(
                (*at, key), "is the same for all instruments; write it in [validation], and take it out here"
            )
        elif key in _TAKEN:
            where = "[validation.rules.NAME]" if key == _RULES else f"[validation.{key}.NAME]"
            document.blame((*at, key), f"cannot stand here; write it as {where}, a table of its own")


def _refuse_unknown(
    document: Document, host: Host, at: Path, table: Table, known: Sequence[str] | Mapping[str, str]
) -> None:
    for key in table:
        if key not in known:
            document.blame((*at, key), f"unknown key; {host.hint(key, known)}")


def _share(table: Table, spec: ValidatorSpec) -> dict[str, object]:
    return _only(table, *keys_of(spec.settings))


def _drop(table: Table, keys: frozenset[str]) -> dict[str, object]:
    return {key: value for key, value in table.items() if key not in keys}


def _only(table: Table, *keys: str) -> dict[str, object]:
    return {key: value for key, value in table.items() if key in keys}
