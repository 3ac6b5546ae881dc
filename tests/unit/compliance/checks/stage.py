"""A sound feed of production in the log, now, and what is needed to break one of its safeguards."""

import hashlib
import sqlite3
import time
from importlib.metadata import version

import anyio

from ticktrail.digest import distribution_sha256
from ticktrail.events import ClockMeasured, ConnectionOpened, FeedStarted, LegUp, PluginLoaded
from ticktrail.testing import ManualClock
from ticktrail_compliance.acting import acting
from ticktrail_compliance.acts import LogVerified, actor_here
from ticktrail_compliance.checks.console import looked_at
from ticktrail_compliance.naming import find_named
from unit.compliance.logs import routed, write

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
POLICY = """\
[compliance]
firm = "Example Securities"
applicable = ["finra_4590"]
[compliance.providers.venue]
kind = "venue"
legs = ["leg"]
contract_date = {contract}
[compliance.checks]
backup = "{backup}"
plugins = {{ "ticktrail-binance" = "{version}" }}
{more}
"""


def day(at_ns):
    return time.strftime("%Y-%m-%d", time.gmtime(at_ns // 10**9))


class Stage:
    """A feed that is sound but for what `broken` says; its log and its files lie in a folder."""

    def __init__(self, folder, database, **broken):
        self.folder, self.database, self.broken = folder, database, broken
        self.now_ns = time.time_ns()
        self.feed_file = folder / "feed.toml"
        self.backups = folder / "backups"

    def get(self, name, default):
        return self.broken.get(name, default)

    def events(self):
        at_ns = self.now_ns
        plugin = {
            "distribution": "ticktrail-binance",
            "version": version("ticktrail-binance"),
            "sha256": distribution_sha256("ticktrail-binance"),
            **self.get("plugin", {}),
        }
        connection = {
            "host": "venue.example",
            "loopback": False,
            "tls": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
        }
        measured = {"at_ns": at_ns, "in_tolerance": True, "limit_ns": 50_000_000, **self.get("clock", {})}
        return [
            PluginLoaded(
                at_ns=at_ns,
                name="rules",
                distribution="ticktrail",
                version=version("ticktrail"),
                sha256=distribution_sha256("ticktrail"),
            ),
            PluginLoaded(at_ns=at_ns, name="binance", **plugin),
            FeedStarted(
                at_ns=at_ns,
                feed="test",
                profile=self.get("profile", "production"),
                ticktrail="0",
                settings_sha256=hashlib.sha256(self.feed_file.read_bytes()).hexdigest(),
                plan="",
            ),
            *(
                ConnectionOpened(
                    at_ns=at_ns, provider="leg", kind="websocket", port=443, **{**connection, **one}
                )
                for one in self.get("connections", [{}])
            ),
            LegUp(at_ns=at_ns, provider=self.get("leg", "leg"), reconnects=0),
            ClockMeasured(server="time.example", offset_ns=1_000, bound_ns=2_000, **measured),
            *self.get("more", []),
            routed(1, rejected=1),
            routed(2),
        ]

    def settings(self):
        keys = {} if self.get("together", False) else {"keys": "sqlite:///audit-keys.db"}
        own = {"policy": "policy.toml", "anchors": ("anchor.txt",), "database": self.database, **keys}
        return {**own, "segment_ticks": 1_000, **self.get("recording", {})}

    def build(self):
        """Run the feed, have it verified and backed up."""
        contract = day(self.now_ns - self.get("contract_days", 10) * DAY_NS)
        policy = POLICY.format(
            contract=contract,
            backup=self.get("backup", "backups/*.db"),
            version=self.get("pin", version("ticktrail-binance")),
            more=self.get("policy", ""),
        )
        (self.folder / "policy.toml").write_text(policy)
        self.write_feed()
        clock = ManualClock(self.now_ns - self.get("begun_days", 0) * DAY_NS)
        anyio.run(lambda: write(self.folder, self.events(), clock=clock, **self.settings()))
        if self.get("verified", True) is not None:
            self.verify(self.get("verified", True), self.get("verified_hours", 1))
        self.back_up()
        return self

    def write_feed(self, **more):
        table = {"journal": "all", **more}
        lines = "".join(f"{key} = {value}\n" for key, value in {**table}.items() if key != "journal")
        keys = "" if self.get("together", False) else 'keys = "sqlite:///audit-keys.db"\n'
        self.feed_file.write_text(
            f"""[feed]
name = "test"
[providers.leg]
plugin = "binance"
[compliance]
key = {{ file = "audit.key" }}
database = "{self.database}"
{keys}policy = "policy.toml"
anchors = ["anchor.txt"]
journal = "{table["journal"]}"
{lines}"""
        )

    def named(self):
        return find_named(self.feed_file, None, None)

    def verify(self, sound, hours):
        at_ns = self.now_ns - int(hours * HOUR_NS)
        act = LogVerified(
            at_ns=at_ns,
            actor=actor_here(),
            sound=sound,
            mode="full",
            size=9,
            findings=int(not sound),
            head="",
        )
        with acting(self.named(), "verify", "test") as found:
            found.record("access", act)

    def back_up(self):
        """Copy an SQLite log as its own tool does; of a server's there is a dump, which is not opened."""
        self.backups.mkdir(exist_ok=True)
        if self.database.startswith("sqlite"):
            source, target = (
                sqlite3.connect(self.folder / "audit.db"),
                sqlite3.connect(self.backups / "one.db"),
            )
            source.backup(target)
            source.close()
            target.close()
        else:
            (self.backups / "one.db").write_bytes(b"PGDMP")

    def look(self, *, at_ns=None):
        """What is found of each control, by its id."""
        found = looked_at(self.named(), self.feed_file, at_ns or self.now_ns + 60 * 10**9).results
        return {one.control: one for one in found}
