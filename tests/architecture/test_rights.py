"""A right is asked for in one place: no command opens a log by itself."""

import re
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "compliance/src/ticktrail_compliance"

OPENS = re.compile(r"\b(?:\w*named|by|after)\.open\(|\bfind_named\([^)]*\)\.open\(|\bopen_log\(")

ALLOWED = {
    "acting.py": "asks for the right",
    "naming.py": "is how it opens one",
    "store/opening.py": "is where one is opened",
    "recording/recorder.py": "is the feed, which needs no role to record",
    "pages/looking.py": "is the feed, which shows counts, times and kinds, and no content",
    "keeping/console.py": "looks which keys there are once the right was asked for",
    "holds/console.py": "looks whether there is such a hold once the right was asked for",
    "retention/console.py": "looks what is due once the right was asked for",
    "incidents/automatic.py": "looks in which log none could be opened, after a verification that asked for its right",
    "incidents/console.py": "looks whether a step can be taken once the right was asked for",
    "incidents/moments.py": "looks which zone the policy in force names, for a day that a person said; no content",
    "checks/backups.py": "opens a backup, for a check that asked for its right",
    "checks/verified.py": "looks whether a policy is in force after a verification that asked for its right",
}


def openers(folder):
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if OPENS.search(path.read_text(encoding="utf-8"))
    }


def test_every_command_asks_for_its_right():
    """`acting` and `reading` open logs for commands; who does so beside them has a reason above."""
    assert openers(SOURCE) == set(ALLOWED)


def test_the_check_can_fail(tmp_path):
    """A command that opens its log by itself is found."""
    (tmp_path / "sly.py").write_text("with find_named(feed_file, None, None).open() as log:\n    pass\n")
    (tmp_path / "slier.py").write_text("def show(named):\n    log = named.open()\n")
    (tmp_path / "honest.py").write_text('with reading(named, "read", what) as log:\n    pass\n')
    assert openers(tmp_path) == {"sly.py", "slier.py"}
