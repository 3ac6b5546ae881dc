"""The page about validation and the rules are one."""

import re
from decimal import Decimal
from pathlib import Path

from ticktrail.rules.plugin import ticktrail_validators

DOCS = Path(__file__).parents[3] / "docs"


def read(value: str) -> Decimal | bool:
    """Return what a value of TOML is."""
    return value == "true" if value in {"true", "false"} else Decimal(value.strip('"'))


def test_the_page_lists_every_rule_with_its_keys_and_defaults() -> None:
    """In the order in which they are declared."""
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \|.*`(\w+)` \|$",
        (DOCS / "explanation" / "validation.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    specs = list(ticktrail_validators())
    assert [name for name, _, _ in rows] == [spec.name for spec in specs]
    for (_, keys, violation), spec in zip(rows, specs, strict=True):
        told = {key: read(value) for key, value in re.findall(r"`(\w+) = ([^`]+)`", keys)}
        settings = spec.settings()
        assert told == {key: getattr(settings, key) for key in spec.settings.__struct_fields__}
        assert hasattr(__import__("ticktrail.rules", fromlist=[violation]), violation)
