"""A firm that keeps a log over years: a clock that is set by hand, and everything that a person does with a log."""

import json
import os
import random
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from ticktrail.events import LegUp
from ticktrail.plugin import Routed
from ticktrail.testing import ManualClock, make_trade
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.holds.placing import Told, lift, place
from ticktrail_compliance.policy.adopted import adopt
from ticktrail_compliance.policy.loading import LoadedPolicy, parse_policy
from ticktrail_compliance.reading import Range, entry_of, open_records, read_records
from ticktrail_compliance.recording.duties import Recording
from ticktrail_compliance.recording.journal import Journal
from ticktrail_compliance.retention.applying import apply
from ticktrail_compliance.retention.planning import made_plan
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.keystore import month_of
from ticktrail_compliance.store.opening import open_log
from ticktrail_compliance.verify.whole import verify
from unit.compliance.logs import settings

DAY_NS = 86_400 * 10**9
DAY_S = 86_400


def policy_text(keep_days=30, then="shred", people=1, applicable=(), more=""):
    """A policy that keeps every class for the same time."""
    tables = "".join(
        f'[compliance.retention.{name}]\nkeep_days = {keep_days}\nthen = "{then}"\n'
        for name in ("journal", "control", "access", "clock", "incident")
    )
    declared = ", ".join(f'"{one}"' for one in applicable)
    return f'[compliance]\nfirm = "Example"\npeople = {people}\napplicable = [{declared}]\n{tables}{more}'


class Session:
    """The log, open for one writer; what `Recording` gives a duty, with a present that moves."""

    def __init__(self, log, clock, folder):
        self.log, self.clock, self.folder = log, clock, folder
        self.appender = Appender(log, clock.now_ns)

    @property
    def recording(self):
        return Recording(self.log, self.appender, self.clock.now_ns(), self.folder)

    def record(self, entry_class, *acts):
        return self.recording.record(entry_class, *acts)


class Firm:
    """A log in a folder, by its database."""

    def __init__(self, folder, database, **more):
        self.folder = folder
        self.more = {"database": database, **more}
        self.clock = ManualClock()
        self._random = random.Random(17)

    @property
    def month(self):
        return month_of(self.clock.now_ns())

    def pass_days(self, days):
        self.clock.step(days * DAY_S)

    @contextmanager
    def opened(self, *, write=False):
        own = settings(**self.more)
        with open_log(own, self.folder, write=write, now_ns=self.clock.now_ns(), warn=lambda _: None) as log:
            yield log

    @contextmanager
    def session(self):
        with self.opened(write=True) as log:
            yield Session(log, self.clock, self.folder)

    def write(self, *, times=1, days_between=0, **of):
        """Seal an event and a segment now, by a writer of its own; once, or several times by the same one.

        Returns their numbers.
        """
        found = []
        with self.session() as session:
            for number in range(times):
                self.pass_days(days_between if number else 0)
                found += [one.header.seq for one in session.appender.append(self._drafts(**of))]
        return found

    def _drafts(self, *, instrument="BTC/USDT", provider="leg", ticks=1):
        """A leg that came up, and ticks; their records bear the present time."""
        at_ns = self.clock.now_ns()
        of = {"instrument": instrument, "provider": provider, "recv_ns": at_ns}
        trades = [make_trade("1.5", id=self._random.getrandbits(60), **of) for _ in range(ticks)]
        up = LegUp(at_ns=at_ns, provider=provider, reconnects=0)
        journal = Journal(keep="all", segment_ticks=100_000)
        journal.take([up, Routed(provider=provider, recv_ns=at_ns, delivered=trades)], 0)
        journal.close_segment()
        return [draft for gathered in journal.ready() for draft in gathered.drafts()]

    def adopt(self, text, *, one_person_may_destroy=True):
        with self.session() as session:
            loaded = LoadedPolicy(parse_policy(text), text)
            now_ns = self.clock.now_ns()
            said = {"one_person_may_destroy": one_person_may_destroy}
            return adopt(session.log, loaded, now_ns, session.record, **said)

    def place(self, **told):
        with self.session() as session:
            return place(
                session, Told(**{"reason": "dispute", "reference": "Case 17", **told}), self.clock.now_ns()
            )

    def lift(self, hold_id):
        with self.session() as session:
            return lift(session, hold_id, "closed", "Case 17", self.clock.now_ns())

    def plan(self):
        with self.opened() as log:
            return made_plan(log, self.clock.now_ns())

    def apply(self, **more):
        """Apply whatever is due; gives what was done."""
        with self.session() as session:
            *_, done = apply(session, self.clock.now_ns, **more)
        return done

    def verified(self):
        with self.opened() as log:
            return verify(log)

    def readable(self):
        """The numbers of the entries that can be opened."""
        found = set()
        with self.opened() as log:
            for row in log.rows():
                with suppress(Unsealed, ValueError):
                    entry = entry_of(log.log_id, row)
                    open_records(entry, log.keys.find)
                    found.add(entry.header.seq)
        return found

    def told(self, *kinds):
        with self.opened() as log:
            left = LeftOut(log)
            return [one for _, one in read_records(log, Range(), left.passes_over) if isinstance(one, kinds)]


@contextmanager
def processes():
    """Ask `killing.py` for something; gives what asks it."""
    program = Path(__file__).with_name("killing.py")
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as running:

        def ask(firm, do, **more):
            asked = {
                "do": do,
                "folder": str(firm.folder),
                "database": firm.more["database"],
                "more": {name: value for name, value in firm.more.items() if name != "database"},
                "now_ns": firm.clock.now_ns(),
                **more,
            }
            running.stdin.write(json.dumps(asked) + "\n")
            running.stdin.flush()
            return json.loads(running.stdout.readline())

        yield ask
        running.stdin.close()
