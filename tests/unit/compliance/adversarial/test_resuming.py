"""A verification that is interrupted, resumed, or shared out among processes finds the same."""

import pytest

from ticktrail.errors import ConfigError
from ticktrail_compliance.naming import Named
from ticktrail_compliance.store import schema
from ticktrail_compliance.verify import whole
from ticktrail_compliance.verify.whole import Progress, verify
from unit.compliance.adversarial.attacks import add_many, made
from unit.compliance.logs import settings

SEQ = schema.entries.c.seq


class Stopped(Exception):
    """Somebody stops a verification."""


class Stopping(Progress):
    """Stops once so many entries' contents are done."""

    def __init__(self, after):
        self.after = after
        self.begun = []
        self.seen = []

    def begin(self, what, entries):
        self.begun.append(what)

    def done(self, entries):
        if self.begun[-1] == "contents":
            self.seen.append(entries)
            if entries > self.after:
                raise Stopped


def _verified(log, mark, progress=None, **more):
    with log.opened() as opened:
        return verify(opened, mark=mark, progress=progress, **more)


@pytest.fixture
def interrupted(log, tmp_path):
    """A log with something wrong at its beginning, and the mark of a verification that was stopped after it."""
    add_many(log, 1_000)
    log.change(schema.entries, {"body": b"x"}, SEQ == 3)
    mark = tmp_path / "verify.mark"
    with pytest.raises(Stopped):
        _verified(log, mark, Stopping(400))
    assert mark.is_file()
    return log, mark


def test_a_verification_goes_on_where_it_was_stopped(interrupted):
    """With what it had found, to the same outcome; the mark is taken away at the end."""
    log, mark = interrupted
    expected = log.verified()
    progress = Stopping(10**9)
    outcome = _verified(log, mark, progress)
    assert outcome == expected
    assert [finding.seq for finding in outcome.findings] == [3]
    assert progress.seen[0] >= 400
    assert not mark.exists()


def test_a_mark_that_was_changed_is_refused(interrupted):
    """Who could write one would have parts of a log left out: another size, fewer findings, no MAC, a huge number."""
    log, mark = interrupted
    text = mark.read_text()
    seq = text.partition('"seq":')[2].partition(",")[0]
    changes = (
        text.replace(f'"seq":{seq}', f'"seq":{int(seq) + 1}'),
        text.replace("body", "none"),
        text.partition('"mac"')[0] + '"mac":""}',
        text.replace(f'"seq":{seq}', f'"seq":{2**70}'),
        text[:-9],
    )
    for changed in changes:
        assert changed != text
        mark.write_text(changed)
        with log.opened() as opened, pytest.raises(ConfigError, match="--resume"):
            whole._resumed(opened, mark)
    with pytest.raises(ConfigError, match="--resume"):
        _verified(log, mark)


def test_a_mark_of_another_log_or_of_a_log_that_changed_since_is_refused(interrupted, tmp_path_factory):
    """It names an entry by its digest, under the log's own key."""
    log, mark = interrupted
    with made("sqlite", tmp_path_factory.mktemp("other")) as other:
        other.sample()
        with pytest.raises(ConfigError, match="is of another log"):
            _verified(other, mark)
    seq = int(mark.read_text().partition('"seq":')[2].partition(",")[0])
    log.change(schema.entries, {"digest": bytes(32)}, seq == SEQ)
    with pytest.raises(ConfigError, match="the log is not what it was"):
        _verified(log, mark)


def test_a_mark_that_cannot_be_written_is_told(log, tmp_path):
    """With its name."""
    with pytest.raises(ConfigError, match="cannot be written"):
        _verified(log, tmp_path / "nowhere" / "verify.mark")


def test_many_processes_find_what_one_finds(interrupted):
    """The same outcome, with a finding in the first share and one in the last."""
    log, _ = interrupted
    add_many(log, 400)
    log.change(schema.entries, {"summary": b"x"}, SEQ == 1_400)
    alone = log.verified()
    with log.opened() as opened:
        shared = verify(opened, reopen=Named(settings(database=log.database), log.folder).open)
    assert shared == alone
    assert [finding.seq for finding in shared.findings] == [3, 1_400]
    assert shared.events > 1_390
