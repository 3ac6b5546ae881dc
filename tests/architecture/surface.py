"""Write down what of ticktrail is public: names, signatures, fields with types and defaults, members of Protocols.

``make surface ENTRY='…'`` records it anew after a change; the entry must stand in CHANGELOG.md. What counts as public,
and what may change when, is in docs/reference/stability.md.
"""

import argparse
import dataclasses
import enum
import importlib
import inspect
import json
import pkgutil
import sys
import types
import typing
from pathlib import Path

import msgspec

import ticktrail
from ticktrail.hookspecs import API_VERSION

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).parent / "surface.json"
CHANGELOG = ROOT / "CHANGELOG.md"

INNER = ("ticktrail.cli", "ticktrail.rules.plugin", "ticktrail.testing.pytest_plugin")
"""Reachable without an underscore, and nobody's to import: programs, and what entry points name."""


SPOKEN = frozenset(
    f"__{name}__"
    for name in (
        "aenter",
        "aexit",
        "aiter",
        "anext",
        "call",
        "contains",
        "enter",
        "exit",
        "getitem",
        "iter",
        "len",
        "next",
    )
)
"""Members that a program uses without writing their names: by `async for`, `with`, `in`, a call."""


def public_modules():
    """Return the names of the public modules, in order."""
    found = {"ticktrail"}
    for module in pkgutil.walk_packages(ticktrail.__path__, "ticktrail.", onerror=lambda _: None):
        name = module.name
        private = any(part.startswith("_") for part in name.split("."))
        if not private and not any(name == inner or name.startswith(f"{inner}.") for inner in INNER):
            found.add(name)
    return sorted(found)


def surface():
    """Return every public name with the lines that describe it."""
    found = {}
    for name in public_modules():
        module = importlib.import_module(name)
        for attribute in sorted(getattr(module, "__all__", ())):
            value = getattr(module, attribute)
            home = getattr(value, "__module__", None)
            elsewhere = (
                isinstance(home, str)
                and home != name
                and home in sys.modules
                and attribute in getattr(sys.modules[home], "__all__", ())
                and home in public_modules()
            )
            found[f"{name}.{attribute}"] = [f"is {home}.{attribute}"] if elsewhere else described(value)
    return found


def described(value):
    """Return the lines that describe one object."""
    if isinstance(value, type):
        return class_lines(value)
    if isinstance(value, types.FunctionType):
        return [f"{'async def' if inspect.iscoroutinefunction(value) else 'def'} {signature(value)}"]
    if (
        callable(value)
        and not typing.get_origin(value)
        and not isinstance(value, typing.NewType | typing.TypeVar)
    ):
        return [f"a {type(value).__name__}"]
    return [shown(value)]


def class_lines(cls):
    """Return kind and bases of a class, then its fields, then its members."""
    bases = [base.__name__ for base in cls.__bases__ if base is not object]
    head = f"class({', '.join(bases)})"
    if issubclass(cls, msgspec.Struct):
        config = cls.__struct_config__
        flags = [flag for flag in ("frozen", "forbid_unknown_fields", "array_like") if getattr(config, flag)]
        head += f" {' '.join(flags)}" + (f" tag={config.tag}" if config.tag is not None else "")
        hints = annotations_of(cls)
        fields = [
            field_line(one.encode_name, hints.get(one.name, "?"), struct_default(one))
            for one in msgspec.structs.fields(cls)
        ]
    elif dataclasses.is_dataclass(cls):
        head += " frozen dataclass" if cls.__dataclass_params__.frozen else " dataclass"
        fields = [
            field_line(one.name, written(one.type), data_default(one)) for one in dataclasses.fields(cls)
        ]
    elif issubclass(cls, tuple) and hasattr(cls, "_fields"):
        head += " named tuple"
        defaults = cls._field_defaults
        fields = [
            field_line(name, written(hint), defaults.get(name, NOTHING))
            for name, hint in annotations_of(cls).items()
        ]
    elif issubclass(cls, enum.Enum):
        fields = [f"{member.name} = {member.value!r}" for member in cls]
    else:
        fields = [
            field_line(name, written(hint), cls.__dict__.get(name, NOTHING))
            for name, hint in vars(cls).get("__annotations__", {}).items()
            if not name.startswith("_")
        ]
        init = cls.__dict__.get("__init__")
        if isinstance(init, types.FunctionType) and not getattr(cls, "_is_protocol", False):
            fields.insert(0, f"__init__{signature(init)}")
    return [head, *fields, *member_lines(cls)]


def member_lines(cls):
    """Return the methods and properties that a class itself adds, those of private bases among them.

    Laws of the conformance kit are none: they have a reference of their own, and a new one says what was always meant.
    """
    found = {}
    for one in reversed(cls.__mro__):
        if one is cls or is_private(one):
            for name, value in vars(one).items():
                hidden = name.startswith(("_", "test_")) and name not in SPOKEN
                if not hidden and (line := member_line(name, value)) is not None:
                    found[name] = line
    return [found[name] for name in sorted(found)]


def is_private(cls):
    """Tell whether a base of a class is reachable by no public name."""
    parts = cls.__module__.split(".")
    if parts[0] != "ticktrail":
        return False
    return not any(
        getattr(sys.modules[name], cls.__name__, None) is cls
        for name in public_modules()
        if name in sys.modules
    )


def member_line(name, value):
    if isinstance(value, property):
        return f"property {name} -> {written(value.fget.__annotations__.get('return', '?'))}"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__} {name}{signature(value.__func__)}"
    if isinstance(value, types.FunctionType):
        kind = "async def" if inspect.iscoroutinefunction(value) else "def"
        return f"{kind} {name}{signature(value)}"
    return None


NOTHING = object()


def field_line(name, kind, default):
    return f"{name}: {kind}" if default is NOTHING else f"{name}: {kind} = {shown(default)}"


def struct_default(field):
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return NOTHING if field.default_factory is msgspec.NODEFAULT else field.default_factory


def data_default(field):
    if field.default is not dataclasses.MISSING:
        return field.default
    return NOTHING if field.default_factory is dataclasses.MISSING else field.default_factory


def annotations_of(cls):
    found = {}
    for one in reversed(cls.__mro__):
        found |= {name: written(hint) for name, hint in vars(one).get("__annotations__", {}).items()}
    return found


def signature(function):
    """Return a signature as its source has it: annotations are text, and defaults the same on every machine."""
    told = inspect.signature(function)
    parts = []
    for part in told.parameters.values():
        if part.name in {"self", "cls"}:
            parts.append(part.replace(annotation=inspect.Parameter.empty))
            continue
        default = part.default if part.default is inspect.Parameter.empty else Shown(shown(part.default))
        kind = (
            part.annotation if part.annotation is inspect.Parameter.empty else Shown(written(part.annotation))
        )
        parts.append(part.replace(default=default, annotation=kind))
    back = told.return_annotation
    back = back if back is inspect.Signature.empty else Shown(written(back))
    return str(told.replace(parameters=parts, return_annotation=back))


class Shown:
    """Text that shows as it is."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def written(hint):
    return hint if isinstance(hint, str) else shown(hint)


def shown(value):
    """Return a value as text that is the same in every process and version of Python."""
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, frozenset | set):
        return f"{{{', '.join(sorted(map(shown, value)))}}}"
    if isinstance(value, typing.TypeVar):
        return f"TypeVar({value.__name__})"
    if isinstance(value, typing.NewType):
        return f"NewType({shown(value.__supertype__)})"
    if isinstance(value, typing.ForwardRef):
        return value.__forward_arg__
    if (origin := typing.get_origin(value)) is not None:
        parts = ", ".join(map(shown, typing.get_args(value)))
        name = (
            "Union" if origin in {typing.Union, types.UnionType} else getattr(origin, "__name__", str(origin))
        )
        return f"{name}[{parts}]"
    if isinstance(value, dict | types.MappingProxyType):
        return f"{{{', '.join(f'{shown(key)}: {shown(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(shown, value))})"
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType):
        return value.__name__
    text = repr(value)
    return type(value).__name__ if " at 0x" in text or str(ROOT) in text else text


def differences(before, now):
    """Return what changed, a line each: ``+`` for what came, ``-`` for what went, ``~`` for what is another."""
    lines = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old is None:
            lines.append(f"+ {name}")
        elif new is None:
            lines.append(f"- {name}")
        elif old != new:
            lines += [f"~ {name}: without {line}" for line in old if line not in new]
            lines += [f"~ {name}: with {line}" for line in new if line not in old]
            if sorted(old) == sorted(new):
                lines.append(f"~ {name}: in another order")
    return lines


def read():
    return json.loads(RECORD.read_text(encoding="utf-8"))


def squeezed(text):
    return " ".join(text.split())


def is_told(entry):
    """Tell whether an entry stands in the changelog, however its lines are broken."""
    return squeezed(entry) in squeezed(CHANGELOG.read_text(encoding="utf-8"))


def record(entry):
    """Record the surface anew, for a change that the changelog tells; returns what to say, and the exit status."""
    if not squeezed(entry):
        return "say with which words of CHANGELOG.md: make surface ENTRY='…'", 2
    if not is_told(entry):
        return f"CHANGELOG.md has no entry with the words {entry!r}; write it first", 2
    old = read() if RECORD.exists() else {"api_version": API_VERSION, "changes": [], "names": {}}
    now = surface()
    lines = differences(old["names"], now) if old["names"] else ["recorded for the first time"]
    if old["api_version"] != API_VERSION:
        lines.insert(0, f"~ API_VERSION is {API_VERSION}, was {old['api_version']}")
    if not lines:
        return "nothing public has changed", 0
    changes = [*old["changes"], {"entry": squeezed(entry), "changes": lines}]
    text = json.dumps(
        {"api_version": API_VERSION, "changes": changes, "names": now}, indent=1, ensure_ascii=False
    )
    RECORD.write_text(text + "\n", encoding="utf-8")
    return "\n".join([*lines, f"recorded, {len(now)} names"]), 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry", help="words of the entry in CHANGELOG.md that tells the change")
    text, status = record(parser.parse_args().entry)
    sys.stdout.write(f"{text}\n")
    sys.exit(status)
