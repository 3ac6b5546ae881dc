"""Write the reference of the conformance kit out of its laws: ``python docs/write_laws.py`` after a change of one."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from ticktrail import testing
from ticktrail.testing._laws import Law, laws_of

PAGE = Path(__file__).parent / "reference" / "conformance.md"

SUITES = {
    "Providers": (testing.ProviderConformance, testing.ProviderCase),
    "Histories": (testing.HistoryConformance, testing.HistoryCase),
    "Validators": (testing.ValidatorConformance, testing.ValidatorCase),
    "Sinks": (testing.SinkConformance, testing.SinkCase),
    "Routes": (testing.RouteConformance, testing.RouteCase),
    "Observers": (testing.ObserverConformance, testing.ObserverCase),
}

HEAD = """\
# The laws of the conformance kit

Written by `docs/write_laws.py` from the code; how to use the kit is in [Write a plugin](../how-to/write-a-plugin.md).

`ticktrail.testing` holds one suite a kind of plugin. Subclass it in a test file and give it a fixture named `case`;
each check that you inherit is one law, with a number that is never given to another. What the kit needs comes with
`pip install 'ticktrail[testing]'`. Much of what the laws keep out was reported by users of other clients:
[what others suffer from](../explanation/what-others-suffer-from.md).

In pytest:

- A check that fails begins with its law's number and words, then says what was seen.
- Behind the run stands a line a suite: how many laws were kept, skipped and broken, and the numbers of those.
- `--ticktrail-card FILE` writes the same as JSON (`ticktrail.testing.card`). A law that was skipped says why. A plugin
  conforms if some law was kept and none is broken.
- `-m ticktrail_law` runs the laws alone. A suite that puts a check of its own in the place of the kit's has that law
  skipped, and an expected failure counts as broken.
- Where pytest loads no plugins by itself (`PYTEST_DISABLE_PLUGIN_AUTOLOAD`), add
  `-p ticktrail.testing.pytest_plugin`.

No law measures speed; where one has a limit in seconds, it finds what blocks or hangs, and is far from what a sound
plugin needs.
"""


def all_laws() -> Iterator[Law]:
    """Yield every law of every suite."""
    for suite, _ in SUITES.values():
        yield from laws_of(suite)


def page() -> str:
    """Return the page as it is to be."""
    parts = [HEAD]
    for title, (suite, case) in SUITES.items():
        laws = list(laws_of(suite))
        parts.append(f"\n## {title}\n\n`{suite.__name__}`: {len(laws)} laws. A `{case.__name__}` brings:\n\n")
        parts += [f"- `{name}`: {_cell(what)}\n" for name, what in _attributes(case)]
        parts.append(
            "\n| law | what must hold | how it is provoked | skipped where |\n| --- | --- | --- | --- |\n"
        )
        parts += [
            f"| {law.number} | {_cell(law.what)} | {_cell(law.provoked)} | {_cell(law.skipped) or 'Never.'} |\n"
            for law in laws
        ]
    return "".join(parts)


def _attributes(case: type) -> Iterator[tuple[str, str]]:
    """Yield what a case's docstring says of each of its attributes."""
    section = (inspect.getdoc(case) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    for name, what in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
        yield name, " ".join(what.split())


def _cell(text: str) -> str:
    """Return a docstring's words as they stand in a table."""
    return (text[:1].upper() + text[1:]).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
