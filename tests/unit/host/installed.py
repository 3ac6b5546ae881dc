"""Make throwaway plugins: modules on the spot, and distributions in a folder, found by their metadata."""

from __future__ import annotations

import types
from pathlib import Path

from ticktrail.plugin import hookimpl

ACME = Path(__file__).parent.parent / "plan" / "acme.py"


def install(site: Path, distribution: str, plugin: str, source: str, *, version: str = "1.0") -> None:
    """Write a distribution of one module, which an entry point of the group ``ticktrail`` names."""
    module = f"{distribution.replace('-', '_')}_module"
    (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[ticktrail]\n{plugin} = {module}\n")


def plugin(**hooks):
    """Return a plugin's module; keyword arguments are its hooks."""
    module = types.ModuleType("made_here")
    module.TICKTRAIL_API = 1
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module
