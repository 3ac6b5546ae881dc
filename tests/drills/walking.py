"""Follow a how-to page word for word in a folder: write what it says to write, run what it says to run.

A page is walked heading by heading. Of its fenced blocks, ``toml`` is written to the file that its first line names
(one that begins with a table of the feed file replaces that file from the table on); each line of ``sh`` is run; each
line of ``text`` must stand in what the ``sh`` before it printed, in that order, where ``…`` stands for anything. Two
comments, which no reader sees, go with them: ``<!-- status: 1 -->`` is the exit status of the last line of the next
block, and ``<!-- drill: NAME -->`` is the disaster, which the test brings about.

INCIDENT and HOLD stand for the number and the name that a command before printed, as the pages say.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from click.testing import CliRunner

from ticktrail.cli.program import program

ROOT = Path(__file__).parents[2]
FOREVER = "ticktrail run feed.toml"
"""As a page tells it, it runs until it is stopped."""
LIMIT_S = 60
PART = re.compile(
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"|^<!-- (?P<order>drill|status): (?P<value>[^\n]+) -->$"
    r"|^## (?P<heading>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)


class Walk:
    """One reader of one page.

    Args:
        page: The name of the page, without folder and ending.
        folder: Where the reader is.
        disasters: What ``drill`` names, to be called.
        instead: What stands on the page for the reader's own, such as the name of a server, and what it is here.
    """

    def __init__(self, page, folder, *, disasters=None, instead=None):
        self.text = (ROOT / f"docs/how-to/{page}.md").read_text(encoding="utf-8")
        self.folder = folder
        self.disasters = disasters or {}
        self.instead = dict(instead or {})
        self.feed = None
        self.printed = ""
        self.met = []

    def follow(self, *headings):
        """Do what stands under these headings, in this order."""
        parts = list(PART.finditer(self.text))
        known = [part["heading"] for part in parts if part["heading"]]
        for heading in headings:
            assert heading in known, f"the page has no heading {heading!r}: {known}"
            first = next(place for place, part in enumerate(parts) if part["heading"] == heading) + 1
            self._do(parts[first:])
            self.met.append(heading)
        return self

    def _do(self, parts):
        status = 0
        for part in parts:
            if part["heading"]:
                return
            match part["order"], part["language"]:
                case "drill", _:
                    self.disasters[part["value"]]()
                case "status", _:
                    status = int(part["value"])
                case _, "toml":
                    self._write(self._here(part["text"]))
                case _, "sh":
                    self._run(part["text"], status)
                    status = 0
                case _, "text":
                    self._compare(part["text"])
                case _, language:
                    raise AssertionError(f"nobody can follow a block of {language}")

    def _write(self, text):
        head, _, body = text.partition("\n")
        name = re.fullmatch(r"# (\S+\.toml)", head)
        assert name, f"the block does not say which file it is: {head}"
        path = self.folder / name[1]
        table = re.match(r"\[\w+\]\n", body)
        before = path.read_text() if path.exists() else ""
        if path.name == "feed.toml" and table and f"\n{table[0]}" in before:
            body = before[: before.index(f"\n{table[0]}") + 1] + body
        path.write_text(body)

    def _run(self, text, status):
        lines = text.replace("\\\n", " ").splitlines()
        self.printed = ""
        for number, line in enumerate(lines):
            wanted = status if number == len(lines) - 1 else 0
            found, printed = self.run(self._here(line))
            self.printed += printed
            assert found == wanted, f"{line}\nstatus {found}, not {wanted}\n{printed}"

    def run(self, line):
        """Run a line, and return its status and what it printed."""
        if line == FOREVER:
            return 0, self._start()
        command, _, into = line.partition(" > ")
        if line.startswith("ticktrail ") and not set(command + into) & set("|<>$&;*"):
            done = CliRunner().invoke(program, shlex.split(command)[1:])
            status, printed = done.exit_code, done.output
            if into:
                (self.folder / into).write_text(done.stdout)
        else:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", line],
                cwd=self.folder,
                env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
            status, printed = done.returncode, done.stdout + done.stderr
        if line == "ticktrail ctl stop feed.toml" and self.feed is not None:
            printed += self.stopped()
        self._remember(printed)
        return status, printed

    def _remember(self, printed):
        for word, pattern in (("INCIDENT", r"incident (\d+) was opened"), ("HOLD", r"(hold-[0-9a-f]{8})")):
            if found := re.search(pattern, printed):
                self.instead[word] = found[1]

    def _here(self, text):
        for word, value in {**self.instead, "SENT": str(time.time_ns())}.items():
            text = text.replace(word, value)
        return text

    def _compare(self, text):
        printed = self.printed
        for line in filter(None, map(str.strip, text.splitlines())):
            pattern = ".*?".join(map(re.escape, self._here(line).split("…")))
            found = re.search(pattern, printed)
            assert found, f"the page says that it prints\n{line}\nand what was printed is\n{self.printed}"
            printed = printed[found.end() :]

    def _start(self):
        """Start the feed, and wait until it has delivered something."""
        ticks = self.folder / "ticks.jsonl"
        before = ticks.stat().st_size if ticks.exists() else 0
        self.feed = subprocess.Popen(
            [sys.executable, "-m", "ticktrail", "run", "feed.toml"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._until(lambda: ticks.exists() and ticks.stat().st_size > before)
        self._until((self.folder / "feed.sock").is_socket)
        return ""

    def _until(self, met):
        deadline = time.monotonic() + LIMIT_S
        while not met():
            if self.feed is not None and self.feed.poll() is not None:
                raise AssertionError(f"the feed ended: {self.feed.stdout.read()}")
            assert time.monotonic() < deadline, "the feed does not come to it"
            time.sleep(0.05)

    def wait_for(self, met):
        """Wait until something is so while the feed runs."""
        self._until(met)

    def killed(self):
        """Kill the feed, as a power failure does."""
        self._ended(signal.SIGKILL)

    def stopped(self):
        """Wait for the end of a feed that was told to stop; returns what it printed."""
        printed = self.feed.communicate(timeout=LIMIT_S)[0]
        self.feed = None
        return printed

    def close(self):
        """Leave no process behind."""
        if self.feed is not None:
            self._ended(signal.SIGKILL)

    def _ended(self, how):
        self.feed.send_signal(how)
        self.feed.communicate(timeout=LIMIT_S)
        self.feed = None
