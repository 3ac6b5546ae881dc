"""Write the page of all that a plugin may import, with its methods and fields, out of `ticktrail.plugin`.

Owns: docs/reference/contracts.md.
Never: names what is not public.
"""

import inspect
import re
import typing
from collections.abc import Callable

from generate.commands import escaped
from ticktrail import hookspecs, plugin
from ticktrail.events import Event

HEAD = """\
# Contracts

Written by `make docs-pages` from `ticktrail.plugin`, from where a plugin imports all of it. Which hook leads to which
of them: [hooks](hooks.md). How they are put to use: [write a plugin](../how-to/write-a-plugin.md).

A *protocol* is what a plugin implements, or is given; *data* is frozen; a *function* makes a spec, and checks it.
"""

KINDS = ("protocol", "data", "function", "type")


def page() -> str:
    """Return the page as it is to be."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name in sorted(plugin.__all__):
        kind, text = _describe(name, getattr(plugin, name))
        found[kind].append(text)
    titles = {"protocol": "Protocols", "data": "Data", "function": "Functions", "type": "Types and values"}
    hooks = [
        f"\n### `{name}{_signature(getattr(hookspecs, name))}`\n\n{_prose(getattr(hookspecs, name))}\n"
        for name in sorted(hookspecs.__all__)
        if name.startswith("ticktrail_")
    ]
    parts = [HEAD, "\n## Hooks\n", *hooks]
    for kind, title in titles.items():
        parts += [f"\n## {title}\n", *found[kind]]
    return "".join(parts)


def _describe(name: str, thing: object) -> tuple[str, str]:
    if inspect.isclass(thing):
        if getattr(thing, "_is_protocol", False):
            return "protocol", f"\n### `{name}`\n\n{_prose(thing)}\n{_members(thing)}"
        return "data", f"\n### `{name}`\n\n{_prose(thing)}\n{_fields(thing)}{_members(thing)}"
    if inspect.isfunction(thing):
        return "function", f"\n### `{name}`\n\n{_prose(thing)}\n\n```python\n{name}{_signature(thing)}\n```\n"
    return "type", f"\n### `{name}`\n\n`{_spelled(thing)}`\n"


def _spelled(thing: object) -> str:
    text = str(thing) if not callable(thing) or typing.get_origin(thing) else type(thing).__name__
    short = re.sub(r"\b(?:\w+\.)+(?=\w)", "", re.sub(r" at 0x\w+", "", text))
    return short.replace(" | ".join(one.__name__ for one in typing.get_args(Event)), "Event")


def _members(kind: type) -> str:
    rows = []
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(member):
            prefix = "async " if inspect.iscoroutinefunction(member) else ""
            rows.append(f"| `{prefix}{name}{_signature(member)}` | {escaped(_first(member))} |")
        elif isinstance(member, property):
            rows.append(f"| `{name}` | {escaped(_first(member))} |")
    rows = [row.replace(" | None", " or None").replace(" | bool", " or bool") for row in rows]
    rows = [re.sub(r"`[^`]*`", lambda part: part[0].replace(" | ", " or "), row, count=1) for row in rows]
    return "\n".join(["", "| member | what |", "| --- | --- |", *rows, ""]) if rows else ""


def _fields(kind: type) -> str:
    hints: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        hints |= {
            name: hint for name, hint in inspect.get_annotations(one).items() if not name.startswith("_")
        }
    rows = [f"`{name}: {hint}`" for name, hint in hints.items() if "ClassVar" not in str(hint)]
    return f"\nFields: {', '.join(rows)}.\n" if rows else ""


def _signature(function: Callable[..., object]) -> str:
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function)))
    text = re.sub(r"<function [^>]*>(?: at 0x\w+>)?", "...", text)
    return text.replace("(self, ", "(").replace("(self)", "()")


def _first(thing: object) -> str:
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _prose(thing: object) -> str:
    """Return a docstring as paragraphs: what stands under a heading of Google's style becomes a list."""
    blocks = []
    for block in (inspect.getdoc(thing) or "").split("\n\n"):
        head, _, body = block.partition("\n")
        if re.fullmatch(r"(Args|Attributes|Raises|Returns|Source):", head):
            items = re.split(r"\n(?=    \S)", f"\n{body}")[1:]
            lines = []
            for item in items:
                name, _, what = " ".join(item.split()).partition(": ")
                lines.append(f"- `{name}`: {escaped(what)}")
            blocks.append("\n".join([f"{head}", "", *lines]))
        else:
            blocks.append(escaped(" ".join(block.split())))
    return "\n\n".join(blocks)
