"""Every command on every page is one that the program reads, and it is run: here, by a test that follows the page, or,
where it needs what no test has, it is named with the reason."""

import re
import shlex
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from docs.reading import ROOT, fenced, pages
from ticktrail.cli.program import program

FEED = """\
[feed]
name = "btc"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]

[providers.binance]
plugin = "synthetic"
rate = 200.0
[providers.tomorrow]
plugin = "synthetic"
rate = 200.0

[route]
kind = "shadow"
speaker = "binance"
candidate = "tomorrow"

[validation]
max_price_jump = 0.0000005

[clock]
servers = []

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[alerts]
[[alerts.to]]
name = "on-call"
file = { path = "alerts.jsonl" }

[dashboard]
address = "127.0.0.1:0"

[compliance]
key = { file = "audit.key" }
policy = "policy.toml"
"""
POLICY = """\
[compliance]
firm = "Example Securities LLC"

[compliance.providers.binance]
kind = "venue"
legs = ["binance"]
distribution = "ticktrail-mock"
contract_date = 2026-01-15
notice_hours = 72
contact = "desk@venue.example, +1 212 555 0100"
review_every_days = 180
"""

FOLLOWED = {
    "docs/how-to/answer-a-venue-breach.md": "drills/test_venue_breach.py",
    "docs/how-to/back-up-the-log.md": "drills/test_back_up.py",
    "docs/how-to/handle-an-incident.md": "docs/test_incident_page.py",
    "docs/how-to/migrate-a-venue.md": "docs/test_migration.py",
    "docs/how-to/recover-a-corrupt-tail.md": "drills/test_corrupt_tail.py",
    "docs/how-to/recover-a-lost-database.md": "drills/test_lost_database.py",
    "docs/how-to/recover-a-lost-key.md": "drills/test_lost_key.py",
    "docs/tutorial/first-feed.md": "docs/test_tutorial.py",
    "docs/tutorial/first-plugin.md": "docs/test_tutorial_plugin.py",
}
"""Pages of which a test of their own does every step."""

READ = {
    r"^clock( |$)": ("asks time servers", "system/test_clock.py"),
    r"^backfill ": ("asks a venue's archive", "system/test_backfill.py"),
    r"^venue ": ("runs until it is stopped", "system/test_venues.py"),
    r"^chaos ": ("goes on for minutes", "system/test_chaos.py"),
    r"^ctl ": ("speaks to a feed that runs", "system/test_ctl.py"),
    r"^report compliance ": ("of a period that is past", "system/test_quarter.py"),
    r"^audit keys rotate .*--to (vault|aws-kms):": ("a key service", "unit/compliance/test_keys.py"),
    r"^audit retention (plan .*--save|approve|apply .*--plan)": ("two people", "unit/compliance/retention"),
    r"^audit hold lift ": ("the hold of the page is not the one that was placed", "unit/compliance/holds"),
    r"^compliance (access|policy) .*(carol|alice|bob)": ("logins of PostgreSQL", "drills/test_give_roles.py"),
    r"^audit (grant|show|verify) .*(carol|alice|bob|ticktrail_feed|--purpose)": (
        "logins of PostgreSQL, or roles",
        "drills/test_give_roles.py",
    ),
    r"^compliance access ": ("roles, which no policy here gives", "unit/compliance/access"),
    r"^compliance policy (check|adopt) ": ("the policy of its page", "unit/compliance/policy"),
    r"^plugins list --allow house": ("a distribution that is not installed", "docs/test_pages.py"),
    r"^plugins test ": ("a distribution that is not installed", "unit/cli/test_plugins_test.py"),
    r"^run .*\| jq|^run .*2>&1": ("needs jq", "unit/logs"),
    r"^audit retention (plan|apply) ": ("a policy under which something is due", "unit/compliance/retention"),
    r"^audit hold ": ("a hold", "unit/compliance/holds"),
    r"^audit check-proof ": ("the proof of an entry", "unit/compliance/test_check_proof.py"),
}
"""What is read by the program and not run here, by its words: why, and which test runs it."""

SHELL = {
    *(
        "apt",
        "aws",
        "cd",
        "chmod",
        "cp",
        "curl",
        "export",
        "find",
        "grep",
        "head",
        "install",
        "journalctl",
        "ls",
    ),
    *(
        "make",
        "mkdir",
        "openssl",
        "pg_dump",
        "pg_restore",
        "pip",
        "promtool",
        "psql",
        "pytest",
        "python",
        "python3",
        "rm",
        "sed",
    ),
    *(
        "sha256sum",
        "sqlite3",
        "systemctl",
        "systemd-analyze",
        "truncate",
        "useradd",
        "vault",
        ".",
        "(umask",
        "(sqlite3",
    ),
}
"""Programs of others that pages name; what they do is not ours to try."""


def lines_of(text):
    """Return the command lines of a page, those that go on after a backslash joined."""
    blocks = "\n".join(fenced(text, "sh")).replace("\\\n", " ")
    return [line.strip() for line in blocks.splitlines() if line.strip() and not line.startswith("#")]


def ours(line):
    """Return what a line tells ticktrail, up to a redirection or a comment; None: it tells something else."""
    words = re.sub(r"^\.venv/bin/", "", line)
    if not words.startswith("ticktrail "):
        return None
    return re.split(r"\s+(?:#|\||>|2>&1|&&)(?=\s|$)", words.removeprefix("ticktrail "))[0]


FOR_THE_READER = {"SENT": "1", "AWARE": "1", "TOLD": "1", "INCIDENT": "7", "LAST": "9"}
"""What pages leave to the reader."""
COMMANDS = [
    (page, line, told)
    for page, text in pages().items()
    for line in lines_of(text)
    if (told := ours(line)) is not None
]


def reason_of(line):
    """Return why a command is only read, and the test that runs it; None: it is run here."""
    whole = line.partition("ticktrail ")[2]
    return next((why for pattern, why in READ.items() if re.search(pattern, whole)), None)


def parsed(arguments):
    """Return what click makes of arguments: the last command. Nothing is run."""
    ctx = program.make_context("ticktrail", list(arguments))
    while isinstance(ctx.command, click.Group):
        name, command, rest = ctx.command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        ctx = command.make_context(name, rest, parent=ctx)
    return ctx.command


@pytest.mark.parametrize("page", sorted({page for page, _, _ in COMMANDS}))
def test_the_program_reads_every_command(page, tmp_path, monkeypatch):
    """Command, options and their values: as they stand, whoever runs them."""
    monkeypatch.chdir(tmp_path)
    for _, line, told in (one for one in COMMANDS if one[0] == page):
        asked = re.sub(r"\$\(.*?\)", "2027-01-01", told)
        words = [FOR_THE_READER.get(word, word) for word in shlex.split(asked)]
        for word in words:  # a file that must be there is
            if re.fullmatch(r"[\w./-]+\.[a-z][\w.-]*", word) and not word.startswith("/"):
                path = tmp_path / word
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        assert parsed(words) is not None, line


def test_every_line_is_ours_or_named():
    """A program of somebody else's is on the list; a slip of the pen is not."""
    others = {line.split()[0] for text in pages().values() for line in lines_of(text) if ours(line) is None}
    assert others - SHELL == set()


def test_commands_stand_where_they_are_tried():
    """Each block says its language, and lines that a reader is to type stand in one of sh."""
    for page, text in pages().items():
        fences = re.findall(r"^```(.*)$", text, re.MULTILINE)
        assert all(fences[::2]), f"{page}: a block has no language"
        assert "console" not in fences, page
        told = "" if page.endswith("reference/commands.md") else "\n".join(fenced(text, "text"))
        assert not re.search(r"^\$? ?ticktrail [a-z]+ .*\.toml", told, re.MULTILINE), page


def test_no_page_and_no_reason_is_idle():
    """What is told of pages and reasons is of some command, and of tests that are there."""
    for page, name in FOLLOWED.items():
        test = (ROOT / "tests" / name).read_text(encoding="utf-8")
        assert Path(page).stem in test, name
        assert any(one[0] == page for one in COMMANDS), page
    wholes = [line.partition("ticktrail ")[2] for _, line, _ in COMMANDS]
    for pattern, (_, name) in READ.items():
        assert (ROOT / "tests" / name).exists(), name
        assert any(re.search(pattern, whole) for whole in wholes), pattern


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A folder with a feed that has run, so that its log has ticks with every outcome; and the id of a trade."""
    folder = tmp_path_factory.mktemp("logged")
    (folder / "feed.toml").write_text(FEED)
    (folder / "policy.toml").write_text(POLICY)
    feed = str(folder / "feed.toml")
    done = CliRunner().invoke(program, ["run", feed, "--for", "2s", "--json", "--log", "off"])
    assert done.exit_code == 0, done.output
    (folder / "log.key").write_text(CliRunner().invoke(program, ["audit", "key", feed]).stdout)
    trade = re.search(r'"type":"trade","id":(\d+)', (folder / "ticks.jsonl").read_text())[1]
    return folder, trade


HERE = {}
for _page, _line, _told in COMMANDS:
    if _page not in FOLLOWED and reason_of(_line) is None:
        HERE.setdefault(_page, []).append((_line, _told))

FINDINGS = {
    "audit find feed.toml --event leg_switched --json",
    "audit find desk.toml --event leg_switched",
    "compliance check feed.toml",
    "compliance check btc.toml",
    "compliance providers list feed.toml --overdue",
    "report slo btc.toml --html slo.html",
    "report slo feed.toml --from 2026-11-01 --to 2026-11-30 --html slo.html",
}
"""Commands that end with a finding here, as they may: nobody switched, and the folder of a test is no firm."""
ROTATED = "audit keys rotate feed.toml --to file:new.key"


def here(told, trade):
    """Return a command as a reader at this folder would give it: with their own numbers and days, and soon over."""
    now = datetime.now(UTC)
    today = f"{now:%Y-%m-%d}"
    told = re.sub(r"(--(?:from|to|since|until) )20\d\d-\d\d-\d\d(?!\d)(?:T\S+)?", rf"\g<1>{today}", told)
    told = told.replace("3735683259", trade).replace("4711", "5").replace("127.0.0.1:8787", "127.0.0.1:0")
    told = re.sub(r"--next 20\d\d-\d\d-\d\d", f"--next {now + timedelta(days=90):%Y-%m-%d}", told)
    return re.sub(r"^(run \S+)(?: --for \w+)?", r"\1 --for 1s", told)


@pytest.mark.parametrize("page", HERE)
def test_every_command_runs(page, logged, tmp_path, monkeypatch):
    """In the order of the page, in a folder with a feed and its log, with the status that a reader gets."""
    source, trade = logged
    folder = tmp_path / "it"
    shutil.copytree(source, folder)
    for name in ("btc.toml", "desk.toml"):
        shutil.copy(folder / "feed.toml", folder / name)
    monkeypatch.chdir(folder)
    for line, told in HERE[page]:
        done = CliRunner().invoke(program, shlex.split(here(told, trade)), input="y\n")
        assert done.exit_code == (1 if told in FINDINGS else 0), f"{line}\n{done.output}"
        if told == ROTATED:  # the page says: then let the feed file name the new key
            (folder / "new.key").replace(folder / "audit.key")


def test_the_check_can_fail():
    """An option that there is not is found."""
    with pytest.raises(click.UsageError):
        parsed(["audit", "verify", "feed.toml", "--quickly"])
