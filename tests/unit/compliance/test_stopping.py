"""The end of a run, and of a call, while the log is slow: what was observed is sealed, or it is said that it is not."""

import threading

import anyio
import pytest

from ticktrail.errors import AuditError
from ticktrail_compliance.recording import observer as observing
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.recording.recorder import Recorder
from unit.compliance.logs import context, routed, settings, up, verified

pytestmark = pytest.mark.anyio


@pytest.fixture
def held(monkeypatch):
    """Checkpoints wait for `go` in the worker thread; `begun` says that one does."""
    begun, go = threading.Event(), threading.Event()
    real = Recorder.checkpoint

    def checkpoint(self):
        begun.set()
        go.wait(30)
        return real(self)

    monkeypatch.setattr(Recorder, "checkpoint", checkpoint)
    yield begun, go
    go.set()


async def _until(event):
    with anyio.fail_after(30):
        while not event.is_set():  # noqa: ASYNC110 - a thread rings no bell of the loop
            await anyio.sleep(0.01)


def _leaves(error):
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


async def test_what_was_not_sealed_at_the_stop_is_told(tmp_path, held, monkeypatch):
    """The last seal's time is over while the worker is busy: an error that says how many ticks are not in the log."""
    begun, go = held
    monkeypatch.setattr(observing, "LAST_SEAL_S", 0.1)

    async def release():
        await anyio.sleep(0.5)
        go.set()

    async def stop():
        async with anyio.create_task_group() as tasks:
            more = {"checkpoint_s": 0.01, "segment_s": 30.0, "segment_ticks": 1000}
            async with open_audit(settings(**more), context(tmp_path)) as observer:
                await observer.observe([routed(1), routed(2), routed(3)])
                await _until(begun)
                tasks.start_soon(release)

    with pytest.raises((AuditError, ExceptionGroup)) as caught:
        await stop()
    (error,) = _leaves(caught.value)
    assert isinstance(error, AuditError)
    assert "3 records that hold 6 ticks were not sealed within 0.1 s" in str(error)
    assert verified(tmp_path).sound


async def test_a_call_that_is_cancelled_loses_nothing(tmp_path, held):
    """Cancelled while a checkpoint holds the log: its records are sealed later."""
    begun, go = held
    async with open_audit(settings(checkpoint_s=0.01, segment_s=30.0), context(tmp_path)) as observer:
        await _until(begun)
        with anyio.move_on_after(0.05) as cancelled:
            await observer.observe([routed(1), up(2)])
        assert cancelled.cancelled_caught
        go.set()
    assert observer.summary()["ticks"] == 2
    outcome = verified(tmp_path)
    assert (outcome.sound, outcome.ticks) == (True, 2)


async def test_a_call_that_is_cancelled_from_the_start_loses_nothing(tmp_path):
    """In a scope that is cancelled already, with an entry that is ready at once."""
    async with open_audit(settings(), context(tmp_path)) as observer:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await observer.observe([routed(1), up(2)])
    assert observer.summary()["ticks"] == 2
    assert verified(tmp_path).sound
