"""Write the reference pages that are taken out of the code: ``make docs-pages``.

Owns: which page is written by which module. tests/docs/test_generated.py fails where a page is not what stands here.
Never: writes what a person has to explain; those pages stand beside, and tests compare them with the code.
"""

from pathlib import Path

from generate import commands, contracts, keys, model

__all__ = ["DOCS", "PAGES", "write"]

DOCS = Path(__file__).parents[1]
PAGES = {
    "reference/commands.md": commands.page,
    "reference/contracts.md": contracts.page,
    "reference/feed-keys.md": keys.page,
    "reference/model.md": model.page,
}


def write() -> None:
    """Write each page anew."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
