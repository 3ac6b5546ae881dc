"""Read pages of the documentation: their fenced blocks, their tables, and the pages themselves."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def pages():
    """Return every page that a reader may follow, by its path from the top of the repository."""
    found = [ROOT / "README.md", ROOT / "core/README.md", ROOT / "compliance/README.md"]
    found += sorted((ROOT / "plugins").glob("*/README.md"))
    found += sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in found}


def fenced(text, language):
    """Return the blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def section(text, heading):
    """Return what stands below a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    level = len(found[1])
    return re.split(rf"^#{{1,{level}}} ", found[2], maxsplit=1, flags=re.MULTILINE)[0]


def tables(text):
    """Return each table as a list of rows, the head first, each row as a list of cells; `|` in code may be escaped."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE):
        rows = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in block.splitlines()]
        found.append([[cell.strip() for cell in row] for row in (rows[0], *rows[2:])])
    return found


def keys(cell):
    """Return what stands in code in a cell."""
    return re.findall(r"`([^`]+)`", cell)
