"""A log of many entries is read by few statements, and says what it said before."""

import json
from contextlib import contextmanager

import pytest
import sqlalchemy
from click.testing import CliRunner
from sqlalchemy import event

from ticktrail.cli.program import program
from ticktrail_compliance.acts import Accessed, WriterOpened, actor_here
from ticktrail_compliance.reading import Range, entry_of, open_records, read_records
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from unit.compliance.checks.stage import Stage
from unit.compliance.logs import attacked

ACCESS = Range(classes=frozenset({"access"}))
WRITERS, EACH = 20, 50


@contextmanager
def statements():
    """The statements that are run meanwhile, on any database."""
    found = []

    def ran(*arguments):
        found.append(arguments[2])

    event.listen(sqlalchemy.Engine, "before_cursor_execute", ran)
    try:
        yield found
    finally:
        event.remove(sqlalchemy.Engine, "before_cursor_execute", ran)


def used(stage, number):
    return Accessed(
        at_ns=stage.now_ns + number, actor=actor_here(), role="auditor", action="read", purpose=f"{number}"
    )


@pytest.fixture
def stage(tmp_path, database):
    """A thousand accesses, by twenty writers who have a data key each."""
    stage = Stage(tmp_path, database).build()
    with stage.named().open(write=True) as log:
        for writer in range(WRITERS):
            appender = Appender(log, lambda: stage.now_ns)
            opened = WriterOpened(
                at_ns=stage.now_ns, writer=appender.writer, actor=actor_here(), program="", purpose="x"
            )
            acts = [opened, *(used(stage, writer * EACH + number) for number in range(EACH))]
            appender.append([gathered_act("access", act).draft() for act in acts])
        appender.checkpoint()
    return stage


def test_records_are_read_by_the_page_and_are_those_that_each_row_holds(stage):
    """Neither an entry nor a data key has a statement of its own."""
    with stage.named().open() as log:
        one_by_one = []
        for seq in range(1, (log.head() or pytest.fail("no head")).seq + 1):
            entry = entry_of(log.log_id, log.row(seq))
            if entry.header.entry_class == "access":
                one_by_one += [(entry.header, one) for one in open_records(entry, log.keys.find)]
    with stage.named().open() as log, statements() as ran:
        assert list(read_records(log, ACCESS)) == one_by_one
    assert len(one_by_one) > WRITERS * EACH
    assert sum(schema.keys.name in one for one in ran) <= 4
    assert sum(schema.entries.name in one for one in ran) <= 8


def test_a_check_and_a_list_of_accesses_run_few_statements(stage):
    """However many entries there are."""
    with statements() as ran:
        stage.look()
    assert len(ran) < 300
    command = ["compliance", "access", "log", str(stage.feed_file), "--json"]
    with statements() as ran:
        done = CliRunner().invoke(program, command)
    assert [json.loads(line)["record"]["purpose"] for line in done.stdout.splitlines()] == [
        str(number) for number in range(WRITERS * EACH)
    ]
    assert len(ran) < 60


def test_an_export_reads_bodies_by_the_page(stage, tmp_path):
    """Not one of them by a statement of its own."""
    command = ["audit", "export", str(stage.feed_file), "--out", str(tmp_path / "out"), "--format", "csv"]
    command += ["--purpose", "a test"]
    with statements() as ran:
        done = CliRunner().invoke(program, command)
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "out/entries.jsonl").read_text().splitlines()
    assert len(lines) > WRITERS * EACH
    assert len(ran) < 400


def test_without_the_keys_of_the_policy_reading_goes_on_and_says_what_is_not_known(stage):
    """What can be opened is shown; what goes by a policy is unknown; nothing is written under none."""
    with attacked(stage.folder, database=stage.settings()["keys"], keys=False) as connection:
        gone = schema.keys.delete().where(schema.keys.c.entry_class == "retention")
        assert connection.execute(gone).rowcount > 0

    def run(*command, although="1"):
        given = [*command[:2], str(stage.feed_file), *command[2:]]
        return CliRunner().invoke(program, given, env={"TICKTRAIL_WITHOUT_POLICY": although})

    locked = run("audit", "show", although=None)
    assert locked.exit_code == 2, locked.output
    assert "TICKTRAIL_WITHOUT_POLICY=1" in locked.stderr
    assert locked.stdout == ""
    shown = run("audit", "show", "--limit", "3000")
    assert shown.exit_code == 1, shown.stderr
    assert "leg_up" in shown.stdout
    assert "entries of class retention cannot be read" in shown.stderr
    assert "which policy, roles and legal holds are in force" in shown.stderr
    whole = run("audit", "show")
    assert whole.exit_code == 1
    assert "1 entry of class retention cannot be read: the data keys are missing" in whole.stderr
    assert "leg_up" in run("audit", "find", "--class", "control", "--event", "leg_up").stdout
    found = stage.look()
    for name in (
        "policy.in_force",
        "providers.reviewed",
        "providers.registered",
        "plugins.pinned",
        "retention.lag",
    ):
        assert found[name].found == "unknown", name
        assert "put the key store back" in found[name].detail
    assert found["plugins.installed"].found == found["log.verified"].found == "passed"
    refused = run("audit", "export", "--out", str(stage.folder / "out"), "--format", "csv", "--purpose", "x")
    assert refused.exit_code == 2, refused.output
    assert "its data key" in refused.stderr
    assert not (stage.folder / "out").exists()
