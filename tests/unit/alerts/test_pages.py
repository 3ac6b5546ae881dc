"""The pages say what the code does."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from ticktrail_alerts.message import Alert, Message
from ticktrail_alerts.rule_settings import RulesSettings, rules_in_force
from ticktrail_alerts.settings import AlertSettings, EmailSettings, FileSettings, Target, WebhookSettings

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference/alerts.md").read_text()
HOW_TO = (DOCS / "how-to/be-alerted.md").read_text()


COMMON = {"severity", "after_s", "clear_s"}


def rows(page):
    """By first cell, the whole row."""
    found = {}
    for line in page.splitlines():
        if line.startswith("| `"):
            for name in re.findall(r"`(\w+)`", line.split("|")[1]):
                found.setdefault(name, []).append(line)
    return found


@pytest.mark.parametrize(
    "kind", [AlertSettings, Target, WebhookSettings, EmailSettings, FileSettings, Message, Alert]
)
def test_every_key_and_field_has_its_row(kind):
    """Also of the tables within the table, and of what receivers get."""
    known = rows(PAGE)
    assert {field.encode_name for field in msgspec.structs.fields(kind)} - set(known) == set()


def test_every_rule_stands_there_with_its_defaults():
    """Severity, times and limits are those of the code."""
    everything = RulesSettings(silent=True, leg_latency=True)
    for name, rule in rules_in_force(everything).items():
        (row,) = (
            line
            for line in rows(PAGE)[name]
            if "critical |" in line or "warning |" in line or "notice's" in line
        )
        cells = [cell.strip() for cell in row.split("|")]
        assert cells[3] == (rule.severity if name != "notice" else "the notice's"), name
        assert cells[4:6] == [f"{rule.after_s:g}", f"{rule.clear_s:g}"], name
        own = {key: value for key, value in msgspec.to_builtins(rule).items() if key not in COMMON}
        for key, value in own.items():
            assert f"`{key}`" in cells[6], (name, key)
            if isinstance(value, float | int) and key != "min_free_bytes":  # which is told in GiB
                assert f"`{key}` ({value:.10g})" in cells[6], (name, key)


def test_the_feed_tables_of_the_pages_are_ones():
    """What a reader copies decodes."""
    feed_file = (DOCS / "reference/feed-file.md").read_text()
    tables = [
        tomllib.loads(text)
        for page in (HOW_TO, feed_file.partition("### `[alerts]`")[2])
        for text in re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ]
    whole = [table["alerts"] for table in tables if "to" in table["alerts"]]
    rules = [table["alerts"]["rules"] for table in tables if "rules" in table["alerts"]]
    assert (len(whole), len(rules)) == (2, 2)
    for table in whole:
        msgspec.convert(table, AlertSettings)
    for table in rules:
        msgspec.convert(table, RulesSettings)


def test_the_message_of_the_page_is_one():
    """Field by field."""
    (example,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    told = msgspec.json.decode(example, type=Message)
    assert msgspec.json.decode(msgspec.json.encode(told)) == msgspec.json.decode(example)
