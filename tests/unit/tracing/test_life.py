"""What happens to a feed becomes spans with the times at which it happened."""

from ticktrail import events
from ticktrail._tracing.life import LifeSpans

S, MS = 1_000_000_000, 1_000_000


class Kept:
    def __init__(self, name, at_ns, attributes, parent):
        self.name, self.start_ns, self.parent = name, at_ns, parent
        self.attributes = dict(attributes)
        self.end_ns, self.failed = None, ""

    def add(self, attributes):
        self.attributes |= attributes

    def end(self, at_ns, *, failed=""):
        assert self.end_ns is None
        self.end_ns, self.failed = at_ns, failed


class Tracer:
    def __init__(self):
        self.spans = []

    def begin(self, name, at_ns, attributes, *, parent=None):
        self.spans.append(Kept(name, at_ns, attributes, parent))
        return self.spans[-1]

    def named(self, name):
        return [one for one in self.spans if one.name == name]


def up(at_ns, reconnects=0):
    return events.LegUp(at_ns=at_ns, provider="a", reconnects=reconnects)


def down(at_ns, cause="lost", *, permanent=False, failures=1):
    return events.LegDown(
        at_ns=at_ns,
        provider="a",
        cause=cause,
        detail="cut",
        permanent=permanent,
        failures=failures,
        retry_in_s=1.0,
    )


def heard(*records):
    tracer = Tracer()
    life = LifeSpans(tracer, "f")
    for record in records:
        life.hear(record)
    return tracer, life


def test_a_connection_is_from_up_to_down():
    """With its cause, and the place that it was to; what comes between it and the next one is its child."""
    opened = events.ConnectionOpened(
        at_ns=1, provider="a", kind="websocket", host="h", port=9, loopback=False, tls="TLSv1.3", cipher="c"
    )
    tracer, life = heard(opened, up(1 * S), down(5 * S), down(6 * S, failures=2), up(9 * S, 1))
    first, second = tracer.named("connection")
    assert (first.start_ns, first.end_ns, first.failed) == (1 * S, 5 * S, "lost: cut")
    assert (first.attributes["server.address"], first.attributes["tls"]) == ("h", "TLSv1.3")
    (resync,) = tracer.named("resync")
    assert (resync.start_ns, resync.end_ns, resync.parent) == (5 * S, 9 * S, first)
    assert resync.attributes["failures"] == 2
    assert second.end_ns is None
    life.close(10 * S)
    assert (second.end_ns, second.failed) == (10 * S, "")


def test_an_end_is_no_failure():
    """A source that has ended, for good: nothing is tried again."""
    tracer, life = heard(up(S), down(2 * S, "ended", permanent=True))
    assert tracer.named("connection")[0].failed == ""
    assert tracer.named("resync") == []
    life.close(3 * S)


def test_a_failover_is_from_the_last_tick_to_the_switch():
    """Its length is what the event says."""
    switched = events.LegSwitched(at_ns=9 * S, from_leg="a", to_leg="b", cause="silent", failover_ms=2500.0)
    tracer, _ = heard(switched)
    (one,) = tracer.spans
    assert (one.name, one.start_ns, one.end_ns) == ("failover", 9 * S - 2500 * MS, 9 * S)
    assert (one.attributes["from_leg"], one.attributes["to_leg"]) == ("a", "b")
    first = events.LegSwitched(at_ns=1, from_leg=None, to_leg="a", cause="start", failover_ms=None)
    assert heard(first)[0].spans == []


def test_a_hole_is_as_long_as_its_repair_took():
    """Repaired or left, which is a failure."""
    common = {
        "at_ns": 5 * S, "provider": "a", "instrument": "BTC/USDT", "channel": "trades", "from_id": 1, "to_id": 2,
        "from_ns": 1, "to_ns": 2, "cause": "lost", "took_ms": 1000.0,
    }  # fmt: skip
    repaired = events.HoleRepaired(**common, ticks=2, rejected=0)
    left = events.HoleLeft(**common, ticks=0, missing=2, reason="late", detail="")
    tracer, _ = heard(repaired, left)
    assert [(one.start_ns, one.end_ns, one.failed) for one in tracer.named("hole repair")] == [
        (4 * S, 5 * S, ""),
        (4 * S, 5 * S, "late"),
    ]


def test_an_outage_is_from_its_beginning_to_its_end():
    """Of the same instruments."""
    begun = events.OutageBegun(at_ns=S, legs={"a": "down"}, instruments=["X", "Y"])
    ended = events.OutageEnded(at_ns=3 * S, provider="a", lasted_s=2.0, instruments=["Y", "X"])
    tracer, _ = heard(begun, ended)
    (one,) = tracer.spans
    assert (one.start_ns, one.end_ns, one.attributes["leg"]) == (S, 3 * S, "a")
