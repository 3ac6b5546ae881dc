"""The register of service providers: who is in it, when a review is due, and that one is recorded."""

import json
from datetime import UTC, datetime, timedelta

import anyio
import msgspec
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.events import FeedStarted, PluginLoaded
from ticktrail.plugin import Routed
from ticktrail.testing import ManualClock, make_gap
from ticktrail_compliance.acts import ProviderReviewed
from ticktrail_compliance.oversight.duty import Reminding
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.duties import Recording
from ticktrail_compliance.store.appender import Appender
from unit.compliance.logs import NOW_NS, down, opened, routed, up, write

POLICY = """\
[compliance]
firm = "Example Securities"
[compliance.providers.exchange]
kind = "venue"
legs = ["leg"]
distribution = "ticktrail-binance"
contract_date = {contract}
contact = "desk@exchange.example"
certifications = ["SOC 2 Type II"]
notice_hours = 24
review_every_days = 90
[compliance.providers.host]
kind = "cloud"
"""
TODAY = datetime.now(tz=UTC).date()
DAY_NS = 86_400 * 10**9


def day(days):
    return (TODAY + timedelta(days=days)).isoformat()


def feed(folder, database, *, contract=-10, clock=None, told=None):
    """A run of a feed under the policy; gives its file."""
    (folder / "policy.toml").write_text(POLICY.format(contract=day(contract)))
    path = folder / "feed.toml"
    path.write_text(
        f"""[feed]
name = "test"
[providers.leg]
plugin = "binance"
[compliance]
key = {{ file = "audit.key" }}
database = "{database}"
policy = "policy.toml"
"""
    )
    started = FeedStarted(at_ns=NOW_NS, feed="test", profile="", ticktrail="", settings_sha256="", plan="")
    loaded = PluginLoaded(
        at_ns=NOW_NS, name="binance", distribution="ticktrail-binance", version="9.8", sha256="abc"
    )
    gap = Routed(
        provider="leg", recv_ns=NOW_NS + 3, delivered=[msgspec.structs.replace(make_gap(), provider="leg")]
    )
    records = [loaded, started, up(1), routed(1), gap, down(4), up(6)]
    warn = (told if told is not None else []).append
    anyio.run(lambda: write(folder, records, clock=clock, warn=warn, database=database, policy="policy.toml"))
    return path


def run(command, path, *more, status=0):
    done = CliRunner().invoke(program, ["compliance", "providers", command, str(path), *more])
    assert done.exit_code == status, done.output
    return done.output


def test_the_list_tells_what_is_due_and_what_ran(tmp_path, database):
    """One with a contract is due after its time, one that was never reviewed at once; plugins are the log's."""
    path = feed(tmp_path, database)
    told = {one["name"]: one for one in json.loads(run("list", path, "--json"))["providers"]}
    assert (told["exchange"]["next_review"], told["exchange"]["overdue"]) == (day(80), False)
    assert (told["host"]["next_review"], told["host"]["overdue"]) == (None, True)
    assert told["exchange"]["plugins"] == [
        {"name": "binance", "distribution": "ticktrail-binance", "version": "9.8", "sha256": "abc"}
    ]
    assert told["exchange"]["notice_hours"] == 24
    text = run("list", path)
    assert "plugin binance of ticktrail-binance 9.8, sha256 abc" in text
    assert "OVERDUE: never reviewed" in text


def test_a_review_is_recorded_and_moves_the_next_one(tmp_path, database):
    """In an entry of its own; --overdue has status 1 until there is none."""
    path = feed(tmp_path, database, contract=-100)
    assert "exchange" in run("list", path, "--overdue", status=1)
    for name in ("exchange", "host"):
        run("review", path, name, "--outcome", "concerns", "--note", "two outages", "--next", day(30))
    assert "no review is overdue" in run("list", path, "--overdue")
    with opened(tmp_path, database=database) as log:
        acts = [(head, one) for head, one in read_records(log, Range()) if isinstance(one, ProviderReviewed)]
    assert [(one.provider, one.outcome, one.note, one.next_review) for _, one in acts] == [
        ("exchange", "concerns", "two outages", day(30)),
        ("host", "concerns", "two outages", day(30)),
    ]
    assert {head.entry_class for head, _ in acts} == {"access"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("nobody", "--outcome", "ok", "--next", day(9)), "write one of exchange, host"),
        (("host", "--outcome", "ok", "--next", day(0)), "is no day to come"),
        (
            ("exchange", "--outcome", "ok", "--next", day(91)),
            f"every 90 days; write {day(90)} or a day before",
        ),
        (("host", "--outcome", "fine", "--next", day(9)), "'ok', 'concerns', 'failed'"),
    ],
)
def test_a_review_that_cannot_be_is_refused(tmp_path, more, words):
    """What is wrong, and what would be right; nothing is recorded."""
    path = feed(tmp_path, "sqlite:///audit.db")
    assert words in run("review", path, *more, status=2)
    with opened(tmp_path) as log:
        assert not [one for _, one in read_records(log, Range()) if isinstance(one, ProviderReviewed)]


def test_show_draws_on_the_log(tmp_path, database):
    """Legs, gaps out of the segments, failures and reviews."""
    path = feed(tmp_path, database)
    run("review", path, "exchange", "--outcome", "ok", "--next", day(90))
    told = json.loads(run("show", path, "exchange", "--json"))
    (leg,) = told["legs"]
    assert (leg["leg"], leg["gaps"], leg["reconnects"]) == ("leg", 1, 2)
    assert leg["failures"] == {"cut": 1}
    assert [one["outcome"] for one in told["reviews"]] == ["ok"]
    text = run("show", path, "exchange")
    assert "has to tell of a breach within 24 h" in text
    assert "1 gap" in text
    later = json.loads(run("show", path, "exchange", "--json", "--from", str(NOW_NS + DAY_NS)))
    assert (later["legs"][0]["gaps"], later["legs"][0]["failures"]) == (0, {})


def test_without_a_register_the_remedy_is_named(tmp_path):
    """No policy, or one that names nobody."""
    anyio.run(lambda: write(tmp_path, [up(1)]))
    path = tmp_path / "feed.toml"
    path.write_text('[compliance]\nkey = { file = "audit.key" }\n')
    assert "[compliance.providers.NAME]" in run("list", path, status=2)


def test_a_feed_warns_of_an_overdue_review_once_a_day(tmp_path, database):
    """At its start, and not each minute; again the next day."""
    told = []
    feed(
        tmp_path,
        database,
        contract=-100,
        told=told,
        clock=ManualClock(int(datetime.now(tz=UTC).timestamp() * 1e9)),
    )
    warned = [text for text in told if "the review of service provider" in text]
    assert len(warned) == 2
    assert f"exchange was due on {day(-10)}" in warned[0]
    duty, at_ns = Reminding(), int(datetime.now(tz=UTC).timestamp()) // 86_400 * DAY_NS
    with opened(tmp_path, write=True, database=database) as log:
        appender = Appender(log, lambda: at_ns)
        counts = [
            len(list(duty.attend(Recording(log, appender, at_ns + later, tmp_path))))
            for later in (0, 60 * 10**9, DAY_NS - 1, DAY_NS)
        ]
    assert counts == [2, 0, 0, 2]
