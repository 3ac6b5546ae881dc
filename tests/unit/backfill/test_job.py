"""How far a backfill has come: kept in a file that another run reads, or refuses by name."""

import stat

import msgspec
import pytest

from ticktrail._backfill.job import Job, Progress, Series
from ticktrail.errors import ConfigError

JOB = Job(
    provider="old",
    sinks=["one"],
    series=[Series("BTC/USDT", "trades"), Series("ETH/USDT", "trades")],
    start_ns=100,
    end_ns=200,
    source_sha256="ab",
)


def changed(**more):
    return msgspec.structs.replace(JOB, **more)


def begun(folder, job=JOB):
    progress = Progress(job, folder)
    place = progress.places[0]
    place.pages, place.ticks, place.cursor, place.through_ns = 3, 30, "c", 150
    progress.save()
    return progress


def test_another_run_goes_on_from_there(tmp_path):
    """Places, counts and the part that is done come back; nobody but this user reads the file."""
    path = begun(tmp_path).path
    again = Progress(JOB, tmp_path)
    assert again.resumed
    assert again.ticks == 30
    assert again.part == 0.25
    assert not again.done
    assert again.places[0].cursor == "c"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_new_job_is_at_its_beginning(tmp_path):
    """Nothing is written before there is something to keep."""
    progress = Progress(JOB, tmp_path)
    assert not progress.resumed
    assert progress.part == 0
    assert list(tmp_path.iterdir()) == []
    progress.forget()


@pytest.mark.parametrize(
    "other",
    [
        changed(start_ns=101),
        changed(end_ns=201),
        changed(sinks=["two"]),
        changed(provider="new"),
        changed(series=JOB.series[:1]),
        changed(source_sha256="cd"),
    ],
)
def test_another_job_is_another_file(tmp_path, other):
    """Another period, sink, leg, instrument or feed file does not go on from this one's place."""
    begun(tmp_path)
    assert not Progress(other, tmp_path).resumed


def test_an_open_end_is_the_first_run_s_end(tmp_path):
    """Without --to the period ends at the moment at which the backfill was begun, however often it is resumed."""
    begun(tmp_path, changed(open_end=True))
    again = Progress(changed(open_end=True, end_ns=999), tmp_path)
    assert again.resumed
    assert again.job.end_ns == 200
    assert not Progress(changed(end_ns=999), tmp_path).resumed


def test_begin_anew(tmp_path):
    """Whatever the file says, be it unreadable; with the end of this run where the end is open."""
    path = begun(tmp_path, changed(open_end=True)).path
    again = Progress(changed(open_end=True, end_ns=999), tmp_path, restart=True)
    assert not again.resumed
    assert again.part == 0
    assert again.job.end_ns == 999
    path.write_bytes(b"{")
    assert not Progress(changed(open_end=True), tmp_path, restart=True).resumed


def test_one_process_at_a_time(tmp_path):
    """Who comes second is refused by name, until the first has finished."""
    one, other = Progress(JOB, tmp_path), Progress(JOB, tmp_path)
    one.claim()
    with pytest.raises(ConfigError, match="runs already, in another process"):
        other.claim()
    one.forget()
    other.claim()
    other.release()
    assert list(tmp_path.iterdir()) == []


def test_what_else_was_interrupted_here(tmp_path):
    """Another period, with other settings: it is found, and what cannot be read is none of this job's business."""
    begun(tmp_path, changed(start_ns=7))
    (tmp_path / ".backfill-spoilt.json").write_bytes(b"{")
    (other,) = Progress(JOB, tmp_path).others()
    assert other.job.start_ns == 7


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"[" * 100_000, b'{"job":1,"places":[]}'])
def test_a_file_that_says_nothing(tmp_path, text):
    """It is named, with what to do; nothing is guessed."""
    path = begun(tmp_path).path
    path.write_bytes(text)
    with pytest.raises(ConfigError, match="remove it to begin anew") as caught:
        Progress(JOB, tmp_path)
    assert str(path) in str(caught.value)


def test_a_file_of_another_job(tmp_path):
    """Put there by hand: refused."""
    path = begun(tmp_path).path
    other = begun(tmp_path, changed(start_ns=7)).path
    path.write_bytes(other.read_bytes())
    with pytest.raises(ConfigError, match="is of another backfill"):
        Progress(JOB, tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    """The place cannot be kept, and the message says why that matters."""
    with pytest.raises(ConfigError, match="make its folder writable"):
        begun(tmp_path / "nowhere")


def test_a_place_that_is_a_folder(tmp_path):
    """What stands in the way is named."""
    progress = Progress(JOB, tmp_path)
    progress.path.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        Progress(JOB, tmp_path)
