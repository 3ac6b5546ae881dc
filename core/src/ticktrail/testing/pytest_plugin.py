"""Tell by its number which law of the kit a test checks, and write the report card.

pytest loads this wherever ticktrail is installed. A run without a law pays for one look at each test.

Owns: the option ``--ticktrail-card``, the mark ``ticktrail_law``, the lines behind a run.
Never: imports the kit before a test file did; changes what passes or fails.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from ticktrail.testing._laws import Law
    from ticktrail.testing.card import Card, LawCard, Outcome

__all__: list[str] = []

_ATTRIBUTE = "ticktrail_law"
_REPLACED = "the suite puts a check of its own in the place of the kit's"
_TAKEN_OUT = "the suite has taken the kit's check out"
_LONGEST = 4_000

Told: TypeAlias = dict[str, str]
"""What a report carries from the process of the test to the one that writes the card."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("ticktrail", "ticktrail's laws for plugins")
    group.addoption(
        "--ticktrail-card",
        metavar="FILE",
        type=Path,
        default=None,
        help="write which laws were kept, broken or skipped into FILE, as JSON",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to collect, in the process that reports.

    Raises:
        UsageError: The card's folder does not exist.
    """
    config.addinivalue_line("markers", f"{_ATTRIBUTE}(number): the check of a law of ticktrail.testing")
    path: Path | None = config.getoption("--ticktrail-card")
    if path is not None and not path.resolve().parent.is_dir():
        raise pytest.UsageError(
            f"--ticktrail-card {path}: there is no folder {path.resolve().parent}; make it"
        )
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist: its controller reports
        config.pluginmanager.register(_Collected(path), "ticktrail-card")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what checks a law."""
    found = _law_of(item)
    if found is not None:
        item.add_marker(pytest.mark.ticktrail_law(found.number))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a report its law, and whom it binds."""
    report = yield
    found = _law_of(item)
    if found is not None:
        given = getattr(item, "funcargs", None) or {}
        case = given.get("case")
        spec = getattr(case, "spec", case)  # the case of a history has the name itself
        parent = item.parent
        told: Told = {
            "key": item.nodeid.rpartition("::")[0] if parent is None else parent.nodeid,
            "suite": type(item).__name__ if parent is None else parent.name,
            "kind": found.kind,
            "name": str(getattr(spec, "name", None) or getattr(spec, "kind", None) or ""),
            "number": found.number,
            "what": found.what,
            "replaced": _REPLACED if _is_replaced(item) else "",
            "taken out": "\n".join(f"{law.number} {law.what}" for law in _taken_out(item)),
        }
        setattr(report, _ATTRIBUTE, told)
    return report


class _Collected:
    """What the reports of a run say about laws."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._told: dict[tuple[str, str], dict[str, list[tuple[str, Outcome, str]]]] = {}
        self._suites: dict[tuple[str, str], Told] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told: Told | None = getattr(report, _ATTRIBUTE, None)
        if told is None:
            return
        became = _became(report)
        if became is None:
            return
        name = told["name"] or next((of for suite, of in self._suites if suite == told["key"]), "")
        key = (told["key"], name)
        self._suites.setdefault(key, told)
        for law in told["taken out"].splitlines():
            number, _, what = law.partition(" ")
            self._told.setdefault(key, {})[number] = [(what, "skipped", _TAKEN_OUT)]
        outcome, detail = became
        if told["replaced"] and outcome == "kept":
            outcome, detail = "skipped", told["replaced"]
        detail = (
            detail.removeprefix("AssertionError: ").removeprefix(f"{told['number']}: {told['what']}").strip()
        )
        self._told.setdefault(key, {}).setdefault(told["number"], []).append((told["what"], outcome, detail))

    def pytest_sessionfinish(self) -> None:
        if self._path is not None:
            self._path.write_bytes(self._card().encode())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._suites:
            return
        card = self._card()
        terminalreporter.section("ticktrail's laws")
        for suite in card.suites:
            is_broken = bool(suite.numbers("broken"))
            terminalreporter.write_line(suite.line(), red=is_broken, green=not is_broken)
        if self._path is not None:
            terminalreporter.write_line(f"card: {self._path}")

    def _card(self) -> Card:
        from importlib.metadata import version  # noqa: PLC0415 - for a run with laws alone

        from ticktrail.hookspecs import API_VERSION  # noqa: PLC0415 - likewise
        from ticktrail.testing.card import Card, SuiteCard  # noqa: PLC0415 - likewise

        suites = [
            SuiteCard(
                suite=told["suite"],
                kind=told["kind"],
                name=key[1],
                laws=tuple(_law_card(number, seen) for number, seen in sorted(self._told[key].items())),
            )
            for key, told in self._suites.items()
        ]
        return Card(ticktrail=version("ticktrail"), api=API_VERSION, suites=tuple(suites))


def _law_of(item: pytest.Item) -> Law | None:
    laws = sys.modules.get("ticktrail.testing._laws")
    if laws is None:
        return None
    found: Law | None = laws.law_of(getattr(item, "obj", None))
    if found is None and _is_replaced(item):
        found = next(filter(None, (laws.law_of(one) for one in _inherited(item))), None)
    return found


def _is_replaced(item: pytest.Item) -> bool:
    """Tell whether a suite hides a check of the kit behind a method of the same name."""
    laws = sys.modules["ticktrail.testing._laws"]
    return laws.law_of(getattr(item, "obj", None)) is None and any(map(laws.law_of, _inherited(item)))


def _taken_out(item: pytest.Item) -> Iterator[Law]:
    """Yield the laws that a suite inherits, and has put no function in the place of: pytest does not see them."""
    laws, suite = sys.modules["ticktrail.testing._laws"], getattr(item, "cls", None)
    for base in () if suite is None else suite.__mro__:
        for name, check in vars(base).items():
            found: Law | None = laws.law_of(check)
            if found is not None and not callable(getattr(suite, name, None)):
                yield found


def _inherited(item: pytest.Item) -> list[object]:
    suite: type | None = getattr(item, "cls", None)
    name = getattr(item, "originalname", item.name)
    return [] if suite is None else [vars(base).get(name) for base in suite.__mro__]


def _became(report: pytest.TestReport) -> tuple[Outcome, str] | None:
    """Return what a phase of a test says of its law; None: nothing yet."""
    if report.outcome == "failed":
        crash = getattr(report.longrepr, "reprcrash", None)
        said = str(report.longrepr) if crash is None else str(crash.message)
        place = "" if report.when == "call" else f"{report.when}: "
        return "broken", f"{place}{said}"[:_LONGEST]
    if hasattr(report, "wasxfail"):
        return ("broken", f"known: {report.wasxfail}") if report.outcome == "skipped" else ("kept", "")
    if report.outcome == "skipped":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return "skipped", reason.removeprefix("Skipped: ")[:_LONGEST]
    return ("kept", "") if report.when == "call" else None


def _law_card(number: str, seen: list[tuple[str, Outcome, str]]) -> LawCard:
    """Make one of the checks of one law: a law is broken where one is, and kept where one that was not skipped is."""
    from ticktrail.testing.card import LawCard  # noqa: PLC0415 - for a run with laws alone

    outcomes = {outcome for _, outcome, _ in seen}
    worst: Outcome = "broken" if "broken" in outcomes else "kept" if "kept" in outcomes else "skipped"
    details = dict.fromkeys(detail for _, outcome, detail in seen if outcome == worst and detail)
    return LawCard(number=number, what=seen[0][0], outcome=worst, detail="\n".join(details))
