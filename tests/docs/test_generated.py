"""Pages that are taken out of the code are what the code says now."""

import click
import pytest
from generate import PAGES, commands

from docs.reading import DOCS
from ticktrail.cli.program import program


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name):
    """`make docs-pages` writes it anew."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_no_command_is_left_out():
    """Whatever --help lists has its section, its options their rows, wherever it stands in the tree."""
    text = PAGES["reference/commands.md"]()
    top = program.list_commands(click.Context(program))
    assert {name for name in top if f"\n## {name}\n" not in text} == set()
    found = list(commands.leaves(program))
    assert len(found) > len(top)
    for path, command in found:
        section = text.partition(f"### `ticktrail {' '.join(path)}`\n")[2].partition("\n### ")[0]
        assert {
            option.opts[0] for option in commands.options_of(command) if f"`{option.opts[0]}`" not in section
        } == set()
