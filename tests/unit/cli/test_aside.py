"""What is said on standard error beside a feed: in order, without waiting, and with a count of what had no room."""

import subprocess
import sys

PROGRAM = """
import os, sys
from rich.console import Console
from ticktrail.cli.aside import MOST, Aside
reads, writes = os.pipe()
own = os.dup(2)
os.dup2(writes, 2)
aside = Aside(Console(stderr=True, width=200))
said = "x" * 100_000  # more than a pipe holds: the thread stands at the first
aside.say(said)
while aside._queue:
    pass
for number in range(MOST + 5):
    aside.say(f"[bold]{number}[/bold]")
os.dup2(own, 2)
os.close(writes)
with os.fdopen(reads, "rb") as pipe:
    first = pipe.read(len(said) + 1)
aside.close()
print(len(first), aside.lost)
"""


def test_a_reader_that_comes_late_is_told_in_order_and_how_much_is_missing():
    """Whoever says something goes on at once; what had room comes, then the number of what had none."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "100001 0\n"
    assert done.stderr.splitlines() == [
        *(str(number) for number in range(1_000)),
        "5 more had no room here while nobody read",
    ]
