"""What may import what: plugins → core ← compliance, and one direction within core."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = {
    "ticktrail": ROOT / "core/src/ticktrail",
    "ticktrail_binance": ROOT / "plugins/binance/src/ticktrail_binance",
    "ticktrail_alpaca": ROOT / "plugins/alpaca/src/ticktrail_alpaca",
    "ticktrail_kraken": ROOT / "plugins/kraken/src/ticktrail_kraken",
    "ticktrail_mock": ROOT / "plugins/mock/src/ticktrail_mock",
    "ticktrail_dashboard": ROOT / "plugins/dashboard/src/ticktrail_dashboard",
    "ticktrail_alerts": ROOT / "plugins/alerts/src/ticktrail_alerts",
    "ticktrail_compliance": ROOT / "compliance/src/ticktrail_compliance",
}
TEMPLATES = "_templates"
"""What `ticktrail plugins new` copies: plugins to be, no modules of core. tests/system/test_templates.py has them."""
FOREIGN_TO_CORE = {"sqlalchemy", "cryptography", "zstandard", "alpaca", "starlette", "hypercorn"}
"""Databases, ciphers and venues are plugins' business."""
FRINGE = {"h11": "ticktrail.testing.venue", "hypothesis": "ticktrail.testing", "pytest": "ticktrail.testing"}
"""What only the kit for tests may use, which nothing else of core imports."""

# Core's layers, lowest first; a module may import from its own layer's folder and from those below.
LAYERS = (
    (
        "errors",
        "model",
        "address",
        "claim",
        "digest",
        "moments",
        "latency",
        "pace",
        "recent",
        "text",
        "progress",
        "deprecation",
        "pins",
    ),
    ("quality", "shadow", "health", "report", "status", "readiness"),
    ("events", "wire", "book", "latest"),
    ("_contracts",),
    ("hookspecs", "plugin", "net"),
    ("_settings",),
    ("rules", "_sinks", "_routes", "feedfile"),
    ("_logs",),
    ("_tracing",),
    ("tracing",),
    ("_host",),
    ("_plan",),
    ("_clock",),
    ("_engine",),
    ("_backfill",),
    ("feed",),
    ("testing",),
    ("cli", "__main__", "__init__"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
EXCEPTIONS = {
    ("_contracts", "hookspecs"): "specs and hooks name each other's types",
}


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(package.rglob("*.py")):
        if TEMPLATES in path.relative_to(package).parts:
            continue
        yield ".".join((package.name, *path.relative_to(package).with_suffix("").parts)), path


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def faults_of_member(name: str, package: Path) -> list[str]:
    """What a distribution other than core imports and must not."""
    others = set(MEMBERS) - {name, "ticktrail"}
    found = []
    for module, path in modules(package):
        for imported in imports(path):
            parts = imported.split(".")
            if parts[0] in others:
                found.append(f"{module} imports {imported}, another distribution")
            if parts[0] == "ticktrail" and any(part.startswith("_") for part in parts[1:]):
                found.append(f"{module} imports {imported}, which is private to core")
    return sorted(set(found))


def faults_of_core(package: Path) -> list[str]:
    """What core imports and must not: a plugin, a database, or a layer above."""
    found = []
    for module, path in modules(package):
        own = module.split(".")[1]
        for imported in imports(path):
            parts = imported.split(".")
            foreign = parts[0] in FOREIGN_TO_CORE or (parts[0] in MEMBERS and parts[0] != "ticktrail")
            if foreign or not module.startswith(FRINGE.get(parts[0], "")):
                found.append(f"{module} imports {imported}")
            if parts[0] != "ticktrail" or len(parts) < 2 or parts[1] not in LEVEL:
                continue
            if LEVEL[parts[1]] > LEVEL[own] and (own, parts[1]) not in EXCEPTIONS:
                found.append(f"{module} imports {imported}, of a layer above")
    return sorted(set(found))


@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "ticktrail"])
def test_a_distribution_imports_the_public_core_alone(name):
    """Our own plugins are exactly what a stranger's plugin is."""
    assert faults_of_member(name, MEMBERS[name]) == []


def test_core_knows_no_plugin_and_its_layers_point_down():
    """Core names no venue and no database, and data flows one way within it."""
    assert faults_of_core(MEMBERS["ticktrail"]) == []


def test_every_part_of_core_has_a_layer():
    """A new folder in core takes its place in the table above."""
    parts = {path.stem if path.suffix else path.name for path in MEMBERS["ticktrail"].iterdir()}
    assert parts - {"py", "__pycache__", TEMPLATES} == set(LEVEL)


def test_the_checks_can_fail(tmp_path):
    """A private import, a neighbour and a layer above are each found."""
    plugin = tmp_path / "ticktrail_binance"
    plugin.mkdir()
    (plugin / "a.py").write_text("from ticktrail._host import Host\nimport ticktrail_mock.market\n")
    assert len(faults_of_member("ticktrail_binance", plugin)) >= 2
    core = tmp_path / "ticktrail"
    (core / "_contracts").mkdir(parents=True)
    (core / "_contracts" / "b.py").write_text("import sqlalchemy\nfrom ticktrail._engine import leg\n")
    assert len(faults_of_core(core)) >= 2


def test_what_stands_alone_imports_nothing_of_ours_and_is_imported_by_none():
    """A file that goes out with an export shares no code with what it checks."""
    paths = {module: path for package in MEMBERS.values() for module, path in modules(package)}
    for alone in ALONE:
        ours = [one for one in imports(paths[alone]) if one.split(".")[0] in MEMBERS]
        users = [module for module, path in paths.items() if alone in set(imports(path))]
        assert (ours, users) == ([], [])


@pytest.mark.parametrize("name", MEMBERS)
def test_every_module_says_what_it_owns(name):
    """A module's docstring names what it owns; packages' own files are exempt."""
    silent = [
        module
        for module, path in modules(MEMBERS[name])
        if path.stem not in {"__init__", "__main__"}
        and path.name != "plugin.py"
        and "Owns:" not in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
    ]
    assert silent == []


ALONE = {
    "ticktrail_compliance.export.verify_export": "one file that goes with every export and runs without any other",
}
"""Modules that may be long, with the reason: nobody imports them, and an auditor gets them by themselves."""


@pytest.mark.parametrize("name", MEMBERS)
def test_modules_stay_short(name):
    """A module of more than 400 lines does two things."""
    long = {
        module: lines
        for module, path in modules(MEMBERS[name])
        if (lines := path.read_text().count("\n")) > 400 and module not in ALONE
    }
    assert long == {}
