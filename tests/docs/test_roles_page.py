"""What docs/how-to/give-people-roles.md and the reference of roles tell is right."""

import re
from pathlib import Path

import click
import pytest

from ticktrail.cli.program import program
from ticktrail_compliance.access.rights import ACTIONS, RIGHTS, ROLES
from ticktrail_compliance.policy.checking import faults
from ticktrail_compliance.policy.loading import parse_policy

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to/give-people-roles.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference/compliance-policy.md").read_text(encoding="utf-8")


def fenced(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


POLICIES = [text for page in (PAGE, REFERENCE) for text in fenced(page, "toml") if "\nkey = " not in text]
"""The other blocks are feed files."""


@pytest.mark.parametrize("text", POLICIES)
def test_every_policy_is_one_without_a_fault(text):
    """As it stands, or as a part of the policy of a firm."""
    if "firm" not in text:
        text = f'[compliance]\nfirm = "F"\n{text}'
    assert faults(parse_policy(text)) == []


def test_every_command_line_is_one():
    """Each command and each of its options is there."""
    lines = [
        line for text in fenced(PAGE, "sh") for line in text.splitlines() if line.startswith("ticktrail")
    ]
    assert lines
    for line in lines:
        command = program
        for word in line.split()[1:]:
            found = (
                command.get_command(click.Context(command), word)
                if isinstance(command, click.Group)
                else None
            )
            if found is None:
                break
            command = found
        options = {option for parameter in command.params for option in parameter.opts}
        assert not isinstance(command, click.Group), line
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_the_table_of_rights_is_the_tested_one():
    """Every action has its line, with the roles that may."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|.*\|$", REFERENCE, re.MULTILINE)
    told = {action: cells for action, cells in rows if action in ACTIONS}
    assert tuple(sorted(told)) == tuple(sorted(ACTIONS))
    for action, cells in told.items():
        may = [cell.strip() == "yes" for cell in cells.split("|")]
        assert may == [action in RIGHTS[role] for role in ROLES], action
