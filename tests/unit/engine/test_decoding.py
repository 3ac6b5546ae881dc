"""What a provider gives of its frames, whatever that is."""

import msgspec
import pytest

from ticktrail._engine.decoding import decode, left_of, without_strangers
from ticktrail.events import VenueTrouble
from ticktrail.model import Trade, Undecodable
from ticktrail.testing import make_trade
from unit.engine.stage import STAGE, Collecting, Scripted, Watching, feed, run

pytestmark = pytest.mark.anyio
ONE = '[providers.a]\nplugin = "scripted"\nscript = "a"\n[[sinks]]\nplugin = "collecting"\n[watching]\n'


class Speechless(Exception):
    def __str__(self):
        raise ValueError("no")


class Gives:
    """A decoder that does as it is told with each payload, and at its end."""

    def __init__(self, how):
        self._how = how

    def decode(self, payloads, recv_ns):
        return self._how(payloads)

    def drain(self):
        return self._how(())

    def wants(self, payload):
        return True

    async def run(self, intake, *, task_status):
        raise NotImplementedError


def lazily(payloads):
    for payload in payloads:
        if payload == b"bad":
            raise LookupError("half way")
        yield make_trade(id=int(payload))


def test_a_generator_is_read_to_its_end():
    """Where it fails half way, each payload is asked for by itself, and none counts twice."""
    given = decode(Gives(lazily), [b"1", b"2"], 5, "a")
    assert [tick.id for tick in given] == [1, 2]
    first, bad, last = decode(Gives(lazily), [b"1", b"bad", b"2"], 5, "a")
    assert (first.id, last.id) == (1, 2)
    assert (bad.raw, bad.recv_ns, bad.reason) == (b"bad", 5, "the decoder failed: LookupError: half way")


@pytest.mark.parametrize("how", [lambda _: None, lambda _: 7])
def test_what_is_no_list_is_kept_as_it_came(how):
    """Payload by payload."""
    given = decode(Gives(how), [b"x", b"y"], 5, "a")
    assert [(type(one), one.raw) for one in given] == [(Undecodable, b"x"), (Undecodable, b"y")]


def test_an_exception_that_says_nothing_is_survived():
    """Its message is somebody else's code as well."""

    def fail(_):
        raise Speechless

    (kept,) = decode(Gives(fail), [b"x"], 5, "a")
    assert "Speechless: its message cannot be read" in kept.reason
    told = []
    assert left_of(Gives(fail), told.append) == ()
    assert told == ["Speechless: its message cannot be read"]


def test_what_is_no_tick_is_a_record_of_it():
    """In its place; its own words cannot hurt."""

    class Odd:
        def __repr__(self):
            raise ValueError("no")

    trade = make_trade()
    none, kept, odd = without_strangers([None, trade, Odd()], 5, "a")
    assert kept is trade
    assert (none.raw, none.recv_ns) == (b"None", 5)
    assert "gave a NoneType, which is no tick" in none.reason
    assert odd.raw == b"it cannot be shown"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"side": "SELL"}, "Invalid enum value 'SELL'"),
        ({"event_ns": 1.5}, "Expected `int | null`, got `float`"),
        ({"id": None}, "got `None`"),
        ({"price": "dear"}, "Invalid decimal string"),
        ({"id": 2**80}, "OverflowError"),
    ],
)
def test_a_tick_with_fields_of_other_types_is_none(changes, said):
    """Python checks no types: a log that held such a tick could be read by nobody."""
    sound, odd = make_trade(), msgspec.structs.replace(make_trade(), **changes)
    kept, kind = without_strangers([sound, odd], 5, "a")
    assert kept is sound
    assert "gave a Trade, which is not as its types say" in kind.reason
    assert said in kind.reason
    assert b"Trade(" in kind.raw


def test_what_is_said_of_a_misfit_has_a_bound():
    """It quotes the value, which may be of any length."""
    (kind,) = without_strangers([msgspec.structs.replace(make_trade(), side="S" * 1_000_000)], 5, "a")
    assert len(kind.reason) < 1_000


async def test_a_misfit_is_kept_apart_in_a_feed(tmp_path):
    """Counted as not decodable; its neighbours are delivered."""
    STAGE.sinks, STAGE.observers = {"main": Collecting()}, {"main": Watching()}

    async def source(session):
        session.up()
        await session.ticks(
            make_trade(id=1), msgspec.structs.replace(make_trade(id=2), side="SELL"), make_trade(id=3)
        )

    report = await run(feed(tmp_path, ONE, a=source))
    assert STAGE.sinks["main"].ids == [1, 3]
    assert (report.undecodable, report.received) == (1, {"a": {"trades": 2}})
    assert report.warnings == ()


async def test_in_a_feed_it_costs_itself_alone(tmp_path):
    """Again and again, of several kinds: counted as not decodable, and what stands beside it is delivered."""
    STAGE.sinks, STAGE.observers = {"main": Collecting()}, {"main": Watching()}

    async def source(session):
        session.up()
        await session.ticks(make_trade(id=1), None)
        await session.ticks("odd", make_trade(id=2), make_trade(id=3))
        await session.ticks(None)
        await session.ticks(make_trade(id=4))

    report = await run(feed(tmp_path, ONE, a=source))
    assert STAGE.sinks["main"].ids == [1, 2, 3, 4]
    assert report.undecodable == 3
    assert report.received == {"a": {"trades": 4}}
    assert report.delivered == {"trades": 4}


async def test_a_drain_that_fails_is_told(tmp_path, monkeypatch):
    """What came before it is delivered, and the feed ends as it would."""
    STAGE.sinks, STAGE.observers = {"main": Collecting()}, {"main": Watching()}

    def drain(self):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Scripted, "drain", drain, raising=False)

    async def source(session):
        session.up()
        await session.trades(1)

    report = await run(feed(tmp_path, ONE, a=source))
    assert report.delivered == {"trades": 1}
    (told,) = [one for one in STAGE.observers["main"].records if isinstance(one, VenueTrouble)]
    assert told.detail == (
        "what it held back at its end is lost, since its drain failed: ZeroDivisionError: oops"
    )
    assert isinstance(STAGE.sinks["main"].ticks[0], Trade)
