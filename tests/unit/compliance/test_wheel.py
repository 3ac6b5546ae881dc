"""The wheel holds whatever the program reads of its own package: texts, templates, migrations, the verifier."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

MEMBER = Path(__file__).parents[3] / "compliance"
PACKAGE = "ticktrail_compliance"
NEEDED = (
    "incidents/templates/individuals.txt",
    "incidents/templates/provider.txt",
    "incidents/templates/regulator.txt",
    "export/verify_export.py",
    "store/migrations/keys/env.py",
    "store/migrations/keys/versions/0001_data_keys.py",
    "store/migrations/log/env.py",
    "store/migrations/log/versions/0002_layout_2.py",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The files of a wheel that was built just now, by name, and what stands in each."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    done = subprocess.run(command, cwd=MEMBER, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_every_file_of_the_package(wheel):
    """Byte for byte, and among them what is read by name."""
    source = MEMBER / "src" / PACKAGE
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    there = {
        name.removeprefix(f"{PACKAGE}/"): content
        for name, content in wheel.items()
        if name.startswith(f"{PACKAGE}/")
    }
    assert there == files
    assert set(NEEDED) <= set(there)
    templates = {name for name in there if Path(name).suffix not in {".py", ".typed"}}
    assert any(name.startswith("evidence/") for name in templates), "the template of an evidence pack"
