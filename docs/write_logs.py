"""Write the reference of the log out of the code: ``python docs/write_logs.py`` after a change of events or levels."""

import re
from pathlib import Path

from ticktrail._logs.entry import OWN, entry_fields
from ticktrail._logs.levels import LEVELS, OF_A_NOTICE
from ticktrail.events import Notice

PAGE = Path(__file__).parent / "reference" / "logs.md"

HEAD = """\
# The log

Written by `docs/write_logs.py` from the code; how to use it is in [Read the log](../how-to/read-the-logs.md).

`ticktrail run` and `ticktrail backfill` write a line for each event of the feed's bus, and for what else there is to
say. A tick is never a line. In JSON a line is one object:

| key | what |
| --- | --- |
| `time` | UTC, RFC 3339 with nine digits of the second: when it happened, by the feed's own clock. |
| `level` | `debug`, `info`, `warning` or `error`. |
| `event` | One name, as below. |
| `feed` | The feed's name. |
| … | The event's own fields, as on the page on [events](events.md), but for `at_ns` (the time says it) and \
`plan` (a page of text: `ticktrail check` prints it). |
| `text` | A sentence for people, where there is one. |
| `exception` | A traceback, of `library` lines alone. |
| `folded`, `folded_s` | The line stands for so many of its kind in so many seconds, and is the last of them. |

A field whose name is one of these keys has `_` behind it. A decimal is a string with its own digits. `[secret]` stands
in the place of every secret that was resolved, and of what looks like one.

| event | level | meaning | fields |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page as it is to be."""
    rows = []
    for kind, level in LEVELS.items():
        name = kind.__struct_config__.tag
        summary = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        meaning = re.split(r"(?<=\.) ", summary)[0]
        told = ", ".join(f"`{field}`" for field in entry_fields(kind))
        shown: str = level
        if kind is Notice:
            shown = ", ".join(f"{one} (`{severity}`)" for severity, one in OF_A_NOTICE.items())
        rows.append(f"| `{name}` | {shown} | {meaning} | {told} |")
    fields = {
        "log_dropped": "`count`",
        "library": "`logger`",
        "feed_progress": "`received`, `delivered`, `rejected`, `suppressed`",
    }
    for name, (level, meaning) in OWN.items():
        rows.append(f"| `{name}` | {level} | {meaning} | {fields.get(name, '')} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
