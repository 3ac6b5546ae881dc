"""The life of a feed over a quarter, told to a log day by day, and what came of it, counted while it is made up.

What is counted here knows nothing of the log: spans are drawn first, and events are made of them.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockUnavailable,
    FeedStarted,
    FeedStopped,
    HoleLeft,
    LatencyMeasured,
    LegDown,
    LegSwitched,
    LegUp,
    OutageBegun,
    OutageEnded,
    QualityMeasured,
)
from ticktrail.model import Flagged, Rejected, Suppressed
from ticktrail.plugin import Routed
from ticktrail.quality import InstrumentQuality
from ticktrail.testing import ManualClock, make_gap, make_trade
from ticktrail_compliance.acts import (
    Accessed,
    AccessRefused,
    Actor,
    ChecksRun,
    ControlResult,
    IncidentAssessed,
    IncidentClosed,
    IncidentContained,
    IncidentNotified,
    IncidentOpened,
    LogVerified,
    ProviderReviewed,
    actor_here,
)
from ticktrail_compliance.checks.registry import CONTROLS
from ticktrail_compliance.holds.placing import Told, lift, place
from ticktrail_compliance.policy.adopted import adopt
from ticktrail_compliance.policy.loading import LoadedPolicy, parse_policy
from ticktrail_compliance.recording.journal import Journal, gathered_act
from ticktrail_compliance.recording.recorder import Recorder
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.opening import open_log
from unit.compliance.logs import TooBig, settings

S = 10**9
HOUR = 3_600 * S
DAY = 24 * HOUR


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * S


FROM_NS = at("2025-01-01")
PEOPLE = ("ada", "ben", "eve")
ACTIONS = ("read", "export", "verify", "hold_place")
POLICY = """\
[compliance]
firm = "{firm}"
applicable = ["finra_4590"]

[compliance.retention.journal]
keep_days = 80

[compliance.retention_schedule]
apply_at = "03:00"

[compliance.providers.alpha_ltd]
kind = "venue"
legs = ["alpha"]
contract_date = 2024-06-01
certifications = ["SOC 2 Type II 2024"]

[compliance.providers.beta_ltd]
kind = "venue"
legs = ["beta"]
contract_date = 2023-01-01
"""


@dataclass
class Counted:
    """What came of it in the period."""

    n: Counter = field(default_factory=Counter)
    people: Counter = field(default_factory=Counter)
    worst_ms: float = 0.0
    took_us: list = field(default_factory=list)
    leg_down_s: Counter = field(default_factory=Counter)
    out_s: float = 0.0
    ran_s: float = 0.0
    gaps: Counter = field(default_factory=Counter)
    journal_keys: set = field(default_factory=set)


class Life:
    """A feed, and the people around it.

    Args:
        folder: Of the log.
        database: Its URL.
        days: How long the period is.
    """

    def __init__(self, folder, database, days):
        self.folder, self.database, self.days = folder, database, days
        self.to_ns = FROM_NS + days * DAY - 1
        self.counted = Counted()
        self.chance = random.Random(20250101)
        self.clock = ManualClock(FROM_NS - 20 * DAY)
        self.number = 0
        self.incidents = {}
        self.down_since = {}

    # --- how a day is told

    def run(self, until_ns, *, firm="Example Securities", instrument="BTC/USDT"):
        """Let a feed run from now until a time."""
        (self.folder / "policy.toml").write_text(POLICY.format(firm=firm))
        self.adopt(POLICY.format(firm=firm))
        own = settings(database=self.database, policy="policy.toml", segment_ticks=1_000)
        self.recorder = Recorder(own, self.folder, "quarter", self.clock, lambda _: None)
        self.recorder.open()
        self.journal = Journal(keep="all", segment_ticks=1_000)
        try:
            begun_ns = self.clock.now_ns()
            self.tell([*self.starting(begun_ns)])
            while self.clock.now_ns() < until_ns:
                self.day(self.clock.now_ns(), instrument)
            self.tell([self.stopping(self.clock.now_ns())])
            self.count_run(begun_ns, self.clock.now_ns())
        finally:
            self.recorder.checkpoint()
            self.recorder.close()

    def adopt(self, text):
        """Put a policy into force by somebody who acknowledges that one person may destroy under it."""
        own, now_ns = settings(database=self.database), self.clock.now_ns()
        with open_log(own, self.folder, write=True, now_ns=now_ns, warn=lambda _: None) as log:
            writing = _Writing(Appender(log, self.clock.now_ns))
            loaded = LoadedPolicy(parse_policy(text), text)
            adopt(log, loaded, now_ns, writing.record, one_person_may_destroy=True)

    def tell(self, records):
        self.journal.take(records, 0)
        self.journal.close_segment()
        self.recorder.store(self.journal.ready())

    def act(self, entry_class, *acts):
        """Record acts of people."""
        appender = self.recorder._opened()
        drafts = [gathered_act(entry_class, one).draft() for one in acts]
        return appender.append(drafts)[-1].header.seq

    def within(self, at_ns):
        return FROM_NS <= at_ns <= self.to_ns

    def count(self, name, at_ns, by=1):
        if self.within(at_ns):
            self.counted.n[name] += by

    def starting(self, at_ns):
        self.count("starts", at_ns)
        yield FeedStarted(
            at_ns=at_ns,
            feed="quarter",
            profile="production",
            ticktrail="1",
            settings_sha256="0" * 64,
            plan="",
        )
        yield LegUp(at_ns=at_ns, provider="alpha", reconnects=0)
        yield LegUp(at_ns=at_ns, provider="beta", reconnects=0)

    def stopping(self, at_ns):
        return FeedStopped(
            at_ns=at_ns,
            cause="",
            received={},
            delivered={"trades": 1},
            rejected={},
            suppressed={},
            undecodable=0,
        )

    def count_run(self, begun_ns, ended_ns):
        first_ns, last_ns = max(begun_ns, FROM_NS), min(ended_ns, self.to_ns)
        self.counted.ran_s += max(0, last_ns - first_ns) / S

    def day(self, midnight_ns, instrument):
        """Tell one day, and what people did on it."""
        hours = self.chance.sample(range(1, 23), 8)
        records = [
            *self.checks(midnight_ns),
            *self.trouble(midnight_ns, hours),
            *self.ticks(midnight_ns, hours[3:7], instrument),
            *self.quality(midnight_ns + 23 * HOUR + 1, instrument),
        ]
        records.sort(key=lambda one: one.recv_ns if isinstance(one, Routed) else one.at_ns)
        self.clock.advance(12 * 3_600)
        self.people(self.clock.now_ns(), (midnight_ns - FROM_NS) // DAY)
        self.clock.advance(12 * 3_600)
        self.tell(records)
        self.recorder.attend()
        self.recorder.checkpoint()

    # --- what a feed tells

    def checks(self, midnight_ns):
        """An hourly check; now and then one finds the clock out of tolerance until the next."""
        bad = self.chance.sample(range(2, 22), 2) if self.chance.random() < 0.3 else []
        unmeasured = self.chance.randrange(24) if self.chance.random() < 0.2 else None
        begun_ns = None
        for hour in range(24):
            now_ns = midnight_ns + hour * HOUR + S
            self.count("checks", now_ns)
            if hour == unmeasured and hour not in bad and begun_ns is None:
                yield ClockUnavailable(at_ns=now_ns, cause="no answer")
                continue
            offset = self.chance.randrange(60, 90) if hour in bad else self.chance.randrange(-9, 9)
            bound = self.chance.randrange(1, 5)
            if self.within(now_ns):
                self.counted.worst_ms = max(self.counted.worst_ms, abs(offset) + bound)
            good = hour not in bad
            self.count("in_tolerance", now_ns, good)
            yield ClockMeasured(
                at_ns=now_ns,
                server="time.example",
                offset_ns=offset * 10**6,
                bound_ns=bound * 10**6,
                in_tolerance=good,
                limit_ns=50 * 10**6,
            )
            of = {
                "cause": "offset",
                "offset_ns": offset * 10**6,
                "bound_ns": bound * 10**6,
                "limit_ns": 50 * 10**6,
            }
            if not good and begun_ns is None:
                begun_ns = now_ns
                yield ClockBreachBegun(at_ns=now_ns, **of)
            elif good and begun_ns is not None:
                self.count("breaches", now_ns)
                yield ClockBreachEnded(
                    at_ns=now_ns, begun_ns=begun_ns, lasted_s=(now_ns - begun_ns) / S, **of
                )
                begun_ns = None

    def trouble(self, midnight_ns, hours):
        """One leg down and a switch away and back; seldom both, and nothing is delivered."""
        for leg, other, hour in (("alpha", "beta", hours[0]), ("beta", "alpha", hours[1])):
            if self.chance.random() < 0.4:
                begun_ns, span_s = midnight_ns + hour * HOUR + 60 * S, self.chance.randrange(5, 900)
                yield from self.away(leg, begun_ns, span_s)
                if leg == "alpha":
                    for now_ns, legs in (
                        (begun_ns + S, (leg, other)),
                        (begun_ns + (span_s + 60) * S, (other, leg)),
                    ):
                        self.count("switches", now_ns)
                        yield LegSwitched(
                            at_ns=now_ns,
                            from_leg=legs[0],
                            to_leg=legs[1],
                            cause="lost",
                            failover_ms=12.5,
                        )
                else:
                    yield LegSwitched(
                        at_ns=begun_ns + S,
                        from_leg=leg,
                        to_leg=other,
                        cause="lost",
                        failover_ms=1,
                        on_air=False,
                    )
        if self.chance.random() < 0.1:
            begun_ns, span_s = midnight_ns + hours[2] * HOUR + 60 * S, self.chance.randrange(30, 300)
            yield from self.away("alpha", begun_ns, span_s)
            yield from self.away("beta", begun_ns, span_s)
            self.count("outages", begun_ns)
            if self.within(begun_ns):
                self.counted.out_s += span_s
            yield OutageBegun(at_ns=begun_ns, legs={"alpha": "down", "beta": "down"})
            yield OutageEnded(at_ns=begun_ns + span_s * S, provider="alpha", lasted_s=float(span_s))

    def away(self, leg, begun_ns, span_s):
        if self.within(begun_ns):
            self.counted.leg_down_s[leg] += span_s
        yield LegDown(
            at_ns=begun_ns,
            provider=leg,
            cause="cut",
            detail="<script>alert(1)</script>",
            permanent=False,
            failures=1,
            retry_in_s=1.0,
        )
        yield LegUp(at_ns=begun_ns + span_s * S, provider=leg, reconnects=1)

    def ticks(self, midnight_ns, hours, instrument):
        for hour in hours:
            now_ns = midnight_ns + hour * HOUR + 30 * 60 * S
            of = {"instrument": instrument, "provider": "alpha", "recv_ns": now_ns}
            many = {
                "delivered": self.chance.randrange(100, 400),
                "rejected": self.chance.randrange(4),
                "suppressed": self.chance.randrange(9),
            }
            trades = {
                name: [make_trade("1.5", id=self.next(), **of) for _ in range(count)]
                for name, count in many.items()
            }
            for name, count in many.items():
                self.count(name, now_ns, count)
            flagged = trades["delivered"][:1] if self.chance.random() < 0.05 else []
            self.count("flagged", now_ns, len(flagged))
            gap = []
            if self.chance.random() < 0.2:
                gap = [make_gap(recv_ns=now_ns)]
                self.count("gaps", now_ns)
                yield HoleLeft(
                    at_ns=now_ns,
                    provider="alpha",
                    instrument=instrument,
                    channel="trades",
                    from_id=2,
                    to_id=4,
                    from_ns=None,
                    to_ns=None,
                    cause="reconnected",
                    ticks=0,
                    missing=3,
                    took_ms=1.0,
                    reason="empty",
                    detail="",
                )
            yield Routed(
                provider="alpha",
                recv_ns=now_ns,
                delivered=[*gap, *trades["delivered"]],
                rejected=[Rejected(tick=one, violations=(TooBig(size=9),)) for one in trades["rejected"]],
                suppressed=[Suppressed(reason="standby", ticks=trades["suppressed"])],
                flagged=[Flagged(tick=one, violations=(TooBig(size=1),)) for one in flagged],
            )

    def quality(self, now_ns, instrument):
        seen = self.chance.randrange(1_000)
        self.count("judged", now_ns, seen)
        row = InstrumentQuality(
            provider="alpha", instrument=instrument, seen=seen, rejected=seen // 100, flagged=0, rules=()
        )
        yield QualityMeasured(at_ns=now_ns, from_ns=now_ns - HOUR, rows=[row])
        yield self.latency(now_ns)

    def latency(self, now_ns):
        """Ticks that took 1, 20 and 300 ms, of the last more on some days than one in a hundred."""
        counts = [self.chance.randrange(500, 900), self.chance.randrange(100), self.chance.randrange(14)]
        edges_us = (1_000.0, 20_000.0, 300_000.0)
        if self.within(now_ns):
            self.counted.took_us += [
                edge_us for edge_us, count in zip(edges_us, counts, strict=True) for _ in range(count)
            ]
        return LatencyMeasured(
            at_ns=now_ns,
            from_ns=now_ns - HOUR,
            ticks=sum(counts),
            p50_us=1_000.0,
            p99_us=20_000.0,
            buckets=[pair for pair in zip(edges_us, counts, strict=True) if pair[1]],
        )

    def next(self):
        self.number += 1
        return self.number

    # --- what people do

    def people(self, now_ns, day):
        """Accesses and refusals each day, checks each week, a review a month, holds, and incidents by a plan."""
        acts = []
        for _ in range(self.chance.randrange(4)):
            user, action = self.chance.choice(PEOPLE), self.chance.choice(ACTIONS)
            actor = Actor(user=user, host="desk", pid=1)
            refused = user == "eve"
            if self.within(now_ns):
                self.counted.people[user, "refused" if refused else "let"] += 1
            self.count("refusals" if refused else "accesses", now_ns)
            if refused:
                acts.append(
                    AccessRefused(
                        at_ns=now_ns,
                        actor=actor,
                        roles=(),
                        action=action,
                        needed=("auditor",),
                        why="role",
                        purpose="to look",
                    )
                )
            else:
                acts.append(
                    Accessed(at_ns=now_ns, actor=actor, role="auditor", action=action, purpose="review")
                )
        if day % 7 == 3:
            failed = self.chance.randrange(3)
            self.count("runs", now_ns)
            self.count("failed", now_ns, failed)
            if self.within(now_ns):
                self.counted.n["last_failed"] = failed
            results = [
                ControlResult(
                    control=CONTROLS[n].id,
                    found="failed" if n < failed else "passed",
                    detail="as it was made up",
                    evidence=1,
                )
                for n in range(4)
            ]
            acts.append(ChecksRun(at_ns=now_ns, actor=actor_here(), failed=failed, results=results))
            acts.append(
                LogVerified(
                    at_ns=now_ns, actor=actor_here(), sound=True, mode="full", size=5, findings=0, head="00"
                )
            )
        if day % 30 == 5:
            self.count("reviews", now_ns)
            acts.append(
                ProviderReviewed(
                    at_ns=now_ns,
                    actor=actor_here(),
                    provider="alpha_ltd",
                    outcome="ok",
                    note="calm",
                    next_review="2026-01-01",
                )
            )
        if acts:
            self.act("access", *acts)
        self.hold(now_ns, day)
        for told in PLAN:
            self.handle(told, now_ns, day)

    def hold(self, now_ns, day):
        writing = _Writing(self.recorder._opened())
        if day in (2, 40):
            told = Told(
                reason="dispute",
                reference=f"Case {day}",
                from_ns=FROM_NS - 12 * DAY,
                to_ns=FROM_NS - 11 * DAY,
                classes=("journal",),
            )
            self.held = place(writing, told, now_ns).hold_id
            self.count("holds", now_ns)
            self.count("standing", now_ns)
        elif day == 50:
            lift(writing, self.held, "closed", "Case 40", now_ns)
            self.count("standing", now_ns, -1)

    def handle(self, told, now_ns, day):
        """Do the step of an incident that its plan has for this day."""
        name, opening, *steps = told
        if day == opening["day"]:
            self.incidents[name] = self.act("incident", _opened(name, opening, now_ns))
            self.count("opened", now_ns)
        elif name in self.incidents:
            for step_day, make in steps:
                if step_day == day:
                    self.act("incident", make(self.incidents[name], now_ns))


@dataclass
class _Writing:
    """What `holds` asks of whoever writes."""

    appender: object

    @property
    def log(self):
        return self.appender.log

    def record(self, entry_class, *acts):
        drafts = [gathered_act(entry_class, one).draft() for one in acts]
        return self.appender.append(drafts)[-1].header.seq


def _opened(name, opening, now_ns):
    provider = {}
    if opening.get("provider"):
        provider = {"provider": "alpha_ltd", "provider_aware_ns": now_ns}
    return IncidentOpened(
        at_ns=now_ns,
        actor=actor_here(),
        by="ada",
        kind=opening["kind"],
        severity="high",
        subject=name,
        title=f"<b>{name}</b> & more",
        aware_ns=now_ns,
        customer_information=opening["customers"],
        **provider,
    )


def _assessed(**more):
    return lambda incident, now_ns: IncidentAssessed(
        at_ns=now_ns, incident=incident, actor=actor_here(), **more
    )


def _contained(incident, now_ns):
    return IncidentContained(at_ns=now_ns, incident=incident, actor=actor_here(), measures="locked")


def _closed(incident, now_ns):
    return IncidentClosed(at_ns=now_ns, incident=incident, actor=actor_here(), outcome="learnt")


def _notified(count, **more):
    return lambda incident, now_ns: IncidentNotified(
        at_ns=now_ns,
        incident=incident,
        actor=actor_here(),
        audience="individuals",
        sent_ns=now_ns - HOUR,
        count=count,
        text_sha256="0" * 64,
        **{"batch": "list A", **more},
    )


def _told(incident, now_ns):
    return IncidentAssessed(
        at_ns=now_ns, incident=incident, actor=actor_here(), ground="they called", provider_told_ns=now_ns
    )


AFFECTED = _assessed(customer_information="yes", affected=3, ground="counted")
TWELVE = _assessed(customer_information="yes", affected=12, ground="counted")
UNCOUNTED = _assessed(customer_information="yes", ground="nobody knows how many")
NONE = _assessed(customer_information="no", ground="only quotes")
LIKELY = _assessed(harm="likely", ground="an account was used")
HARMLESS = _assessed(harm="not_likely", ground="it was encrypted")
PLAN = (
    ("long over", {"day": -15, "kind": "other", "customers": "no"}, (-14, _assessed(ground="seen")),
     (-14, _contained), (-13, _closed)),
    ("still open", {"day": -10, "kind": "other", "customers": "no"}, (1, _assessed(ground="seen")), (2, _contained),
     (3, _closed)),
    ("told", {"day": 5, "kind": "unauthorized_access", "customers": "unknown"}, (6, AFFECTED), (7, _contained),
     (20, _notified(3)), (21, _closed)),
    ("late", {"day": 6, "kind": "log_integrity", "customers": "yes"}, (7, AFFECTED), (41, _notified(3))),
    ("never", {"day": 8, "kind": "key_misuse", "customers": "unknown"}),
    ("harmless", {"day": 9, "kind": "venue_authentication", "customers": "yes"}, (19, HARMLESS)),
    ("provider", {"day": 10, "kind": "service_provider", "customers": "no", "provider": True}, (12, _told)),
    ("slow provider", {"day": 11, "kind": "service_provider", "customers": "no", "provider": True}, (16, _told)),
    ("same six twice", {"day": 15, "kind": "other", "customers": "yes"}, (16, TWELVE), (17, _notified(6)),
     (18, _notified(6))),
    ("six and six", {"day": 15, "kind": "other", "customers": "yes"}, (16, TWELVE), (17, _notified(6)),
     (18, _notified(6, batch="list B"))),
    ("uncounted", {"day": 16, "kind": "other", "customers": "yes"}, (17, UNCOUNTED), (18, _notified(1_000))),
    ("uncounted and all told", {"day": 16, "kind": "other", "customers": "yes"}, (17, UNCOUNTED),
     (18, _notified(1_000, all_told="it is everybody")), (19, _contained), (20, _closed)),
    ("reopened", {"day": 17, "kind": "other", "customers": "unknown"}, (18, NONE), (19, LIKELY)),
    ("policy", {"day": 12, "kind": "policy_breach", "customers": "no"}),
    ("clock", {"day": 13, "kind": "clock", "customers": "no"}),
    ("out", {"day": 14, "kind": "availability", "customers": "no"}),
    ("fresh", {"day": 80, "kind": "other", "customers": "unknown"}),
    ("after", {"day": 91, "kind": "other", "customers": "no"}),
)  # fmt: skip
"""Each incident: how it is opened, and its steps by day of the period."""

OUTCOMES = {"told": "kept", "late": "missed", "never": "missed", "harmless": "kept", "provider": "kept",
            "slow provider": "missed", "fresh": "running", "same six twice": "missed", "six and six": "kept",
            "uncounted": "missed", "uncounted and all told": "kept", "reopened": "missed"}  # fmt: skip
"""What became of the deadline of each that has one, at the end of 90 days."""


def live(life):
    """Let a feed live: before the period, through it with a restart under another policy, and beyond its end."""
    life.run(FROM_NS - 15 * DAY)
    life.run(FROM_NS - 5 * DAY, instrument="ETH/USDT")
    life.run(FROM_NS)
    life.run(FROM_NS + life.days // 3 * DAY)
    life.run(FROM_NS + (life.days + 3) * DAY, firm="Example Securities & Sons")
