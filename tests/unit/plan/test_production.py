"""A production feed has no made-up data, sends no plain text over a network, and journals its ticks."""

import json

import pytest

from ticktrail._host import Host
from ticktrail._plan import as_json, compose, render
from ticktrail.errors import ConfigError, PluginError
from ticktrail.plugin import Settings, observer_spec, provider_spec, sink_spec
from unit.host.installed import plugin
from unit.plan import acme

HEAD = '[feed]\nname = "btc"\nprofile = "{}"\ninstruments = ["BTC/USDT"]\nchannels = ["trades"]\n'
KEPT = '[compliance]\nkey = { file = "audit.key" }\n'
REAL = '[providers.real]\nplugin = "acme"\n'
MADE = '[providers.made]\nplugin = "acme"\nsynthetic = true\n'

KINDS = {
    "provider": 'provider = "made"',
    "hybrid": 'primary = "real"\nfallback = {}',
    "canary": 'incumbent = "real"\ncandidate = {}',
    "split": 'parts = [{{ child = {}, instruments = ["*"] }}]',
    "merge": 'legs = ["real", {}]',
    "shadow": 'speaker = "real"\ncandidate = {}',
    "pair": 'first = "real"\nsecond = {}',
}


class Deaf(Settings, frozen=True):
    url: str = ""
    servers: tuple[str, ...] = ()
    asked: bool = False
    journal: bool = True


def journal(settings):
    return None if settings.journal else "journal: is off; write true"


def host(**hooks):
    plugins = {"acme": acme, **({"more": plugin(**hooks)} if hooks else {})}
    return Host.load(plugins=plugins)


def written(folder, text, profile="production", above=""):
    path = folder / "feed.toml"
    path.write_text(above + HEAD.format(profile) + text, encoding="utf-8")
    return path


def refused(path, host):
    with pytest.raises(ConfigError) as caught:
        compose(path, host)
    return [problem.partition("feed.toml:")[2] for problem in caught.value.problems]


def test_every_kind_of_node_is_looked_through():
    """A kind that is added is added here."""
    assert set(KINDS) >= {"provider", *host().routes()}


NESTED = '{ kind = "hybrid", chain = ["spare", { kind = "merge", legs = ["third", "made"] }] }'


@pytest.mark.parametrize("child", ['"made"', NESTED], ids=["child", "nested"])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() & {"provider", *host().routes()}))
def test_made_up_data_is_refused_wherever_it_stands(tmp_path, kind, child):
    """In every kind of node, and below it; development allows it, and says what production would."""
    others = "".join(f'[providers.{name}]\nplugin = "acme"\n' for name in ("spare", "third"))
    route = f'[route]\nkind = "{kind}"\n{KINDS[kind].format(child)}\n'
    text = KEPT + REAL + MADE + others + route
    (fault,) = refused(written(tmp_path, text), host())
    assert fault == (
        '10: [providers.made]: leg "made" makes its data up, which a production feed refuses; take it out of the '
        'route, or set profile = "development" in [feed]'
    )
    plan = compose(written(tmp_path, text, "development"), host())
    (unfit,) = plan.unfit
    assert unfit.endswith('10: [providers.made]: leg "made" makes its data up; take it out of the route')


def test_what_stands_outside_of_the_route_is_nobody_s_harm(tmp_path):
    """It is not opened."""
    away = MADE + 'url = "ws://10.0.0.1"\n'
    assert compose(written(tmp_path, KEPT + REAL + away, above='route = "real"\n'), host()).unfit == ()


def test_all_reasons_are_told_at_once_each_at_its_own_line(tmp_path):
    """Legs, sinks and observers, from the top down; a fault of another table hides none of them."""
    text = (
        MADE
        + 'url = "ws://me:hunter2@10.0.0.1:9/x?token=hunter2"\n'
        + '[[sinks]]\nplugin = "deaf"\nservers = ["http://127.0.0.1:8", "nats://a.test,nats://b.test"]\n'
        + '[watch]\nkey = { file = "k" }\ndatabase = "postgresql+psycopg://u:hunter2@db.test/x"\n'
        + "[limits]\nstop_s = 0\n"
    )
    sink = sink_spec(name="deaf", summary="x", settings=Deaf, open=acme.never_entered)
    faults = refused(written(tmp_path, text), host(ticktrail_sinks=lambda: [sink]))
    refuses = ", which a production feed refuses; "
    assert [fault.partition(", or set profile")[0] for fault in faults if "stop_s" not in fault] == [
        f"3: [feed] profile: no observer of this file journals the ticks{refuses}add [compliance]",
        f'6: [providers.made]: leg "made" makes its data up{refuses}take it out of the route',
        f"9: [providers.made] url: ws://10.0.0.1 would send plain text over a network{refuses}write wss://10.0.0.1",
        f"12: [[sinks]] 1 servers[2]: nats://a.test would send plain text over a network{refuses}write tls://a.test",
        f"12: [[sinks]] 1 servers[2]: nats://b.test would send plain text over a network{refuses}write tls://b.test",
        (
            "15: [watch] database: postgresql+psycopg://db.test without sslmode may send plain text over a network"
            f"{refuses}write ?sslmode=verify-full behind it (or verify-ca, or require, which does not ask who answers)"
        ),
    ]
    assert any("stop_s" in fault for fault in faults)
    assert "hunter2" not in "".join(faults)


def test_development_allows_it_all_and_check_says_what_production_would_refuse(tmp_path):
    """In a section of its own, in the text and in JSON; what a production feed would be free of is not there."""
    text = MADE + 'url = "ws://10.0.0.1"\n'
    plan = compose(written(tmp_path, text, "development"), host())
    section = render(plan).partition("\nnot for production\n")[2].splitlines()
    assert [line.partition("feed.toml:")[2] for line in section] == [
        '6: [providers.made]: leg "made" makes its data up; take it out of the route',
        "9: [providers.made] url: ws://10.0.0.1 would send plain text over a network; write wss://10.0.0.1",
        "3: [feed] profile: no observer of this file journals the ticks; add [compliance]",
    ]
    assert json.loads(as_json(plan))["not_for_production"] == list(plan.unfit)
    fit = compose(written(tmp_path, KEPT + REAL, "development"), host())
    assert "not for production" not in render(fit)
    assert compose(written(tmp_path, KEPT + REAL), host()).unfit == ()


def test_the_profile_is_the_safe_one(tmp_path):
    """Where the file does not say."""
    path = tmp_path / "feed.toml"
    path.write_text(HEAD.format("").replace('profile = ""\n', "") + REAL, encoding="utf-8")
    (fault,) = refused(path, host())
    assert fault.startswith("1: [feed]: no observer of this file journals the ticks, which a production feed")


def test_a_journal_that_is_off_is_refused_at_its_own_key(tmp_path):
    """Its table alone is not enough; a journal of the rejected ticks is one."""
    (fault,) = refused(written(tmp_path, REAL + KEPT + 'journal = "none"\n'), host())
    assert fault == (
        "10: [compliance] journal: keeps no tick, so that nobody can prove what became of one, which a production "
        'feed refuses; write "all", or "rejected", or set profile = "development" in [feed]'
    )
    assert compose(written(tmp_path, REAL + KEPT + 'journal = "rejected"\n'), host())


def test_any_observer_may_keep_the_journal(tmp_path):
    """One that does is enough, whoever brought it; one whose table has a fault is told of that fault alone."""
    spec = observer_spec(
        name="ledger",
        summary="x",
        settings=Deaf,
        open=acme.never_entered,
        report_key="ledger",
        unjournalled=journal,
    )
    found = host(ticktrail_observers=lambda: [spec])
    assert compose(written(tmp_path, REAL + "[ledger]\n"), found)
    assert compose(written(tmp_path, REAL + "[ledger]\n" + KEPT + 'journal = "none"\n'), found)
    (fault,) = refused(written(tmp_path, REAL + "[ledger]\njournal = false\n"), found)
    assert fault.startswith(
        "9: [ledger] journal: is off, which a production feed refuses; write true, or set"
    )
    (fault,) = refused(written(tmp_path, REAL), found)
    assert "add [compliance], [ledger], or set profile" in fault
    (fault,) = refused(written(tmp_path, REAL + "[ledger]\nurl = 3\n"), found)
    assert "expected a text in quotes" in fault


def test_a_plugin_says_itself_where_it_speaks(tmp_path):
    """What it leaves out is not looked for in its table, and what it adds is refused at the table."""

    def addresses(settings):
        return {"url": "http://10.0.0.1", "own": "http://10.0.0.2"} if settings.asked else {}

    sink = sink_spec(name="deaf", summary="x", settings=Deaf, open=acme.never_entered, addresses=addresses)
    found = host(ticktrail_sinks=lambda: [sink])
    text = REAL + KEPT + '[[sinks]]\nplugin = "deaf"\nurl = "http://10.0.0.1"\n'
    assert compose(written(tmp_path, text), found)
    faults = refused(written(tmp_path, text + "asked = true\n"), found)
    assert [fault[:40] for fault in faults] == [
        "10: [[sinks]] 1: http://10.0.0.2 would s",
        "12: [[sinks]] 1 url: http://10.0.0.1 wou",
    ]


def test_a_plugin_that_cannot_say_it_is_named(tmp_path):
    """Its exception does not come through bare."""

    def broken(settings):
        raise ZeroDivisionError("never")

    sink = sink_spec(name="deaf", summary="x", settings=Deaf, open=acme.never_entered, addresses=broken)
    with pytest.raises(PluginError, match=r"deaf cannot say where it speaks \(ZeroDivisionError: never\)"):
        compose(
            written(tmp_path, REAL + KEPT + '[[sinks]]\nplugin = "deaf"\n'),
            host(ticktrail_sinks=lambda: [sink]),
        )
    spec = observer_spec(
        name="ledger",
        summary="x",
        settings=Deaf,
        open=acme.never_entered,
        report_key="l",
        unjournalled=broken,
    )
    with pytest.raises(PluginError, match=r"observer ledger cannot say what it keeps"):
        compose(written(tmp_path, REAL + "[ledger]\n"), host(ticktrail_observers=lambda: [spec]))


def test_the_audit_log_s_database_is_looked_at(tmp_path):
    """A server off this machine needs TLS; a file, a socket and this machine do not."""
    away = 'database = "postgresql+psycopg://u:hunter2@db.test/audit{}"\n'
    (fault,) = refused(written(tmp_path, REAL + KEPT + away.format("?sslmode=prefer")), host())
    assert fault.startswith(
        "10: [compliance] database: postgresql+psycopg://db.test with sslmode=prefer may send plain text"
    )
    assert "hunter2" not in fault
    assert compose(written(tmp_path, REAL + KEPT + away.format("?sslmode=verify-full")), host())


@pytest.mark.parametrize("name", ["binance", "alpaca"])
def test_our_venues_say_where_they_speak(name):
    """Also where the table leaves it to them: encrypted, one address for the streams and one for requests."""
    spec = host().providers()[name]
    found = spec.addresses(spec.settings())
    assert sorted(found) == ["rest_url", "ws_url"]
    assert found["ws_url"].startswith("wss://")
    assert found["rest_url"].startswith("https://")


def test_what_stands_in_a_recording_s_keys_is_looked_at(tmp_path):
    """Whoever's venue it is: an address deep in a table has its own line."""
    spec = provider_spec(
        name="taped",
        summary="x",
        settings=acme.AcmeSettings,
        open=acme.unopened,
        describe=acme.describe,
        decoder=acme.unopened,
    )
    text = (
        KEPT + '[providers.replay]\npath = "r.jsonl"\nvenue = "taped"\n'
        '[providers.replay.venue_settings]\nurl = "ws://10.0.0.1"\n'
    )
    plugins = {"taped": plugin(ticktrail_providers=lambda: [spec])}
    faults = refused(written(tmp_path, text), Host.load(plugins=plugins))
    assert any(
        fault.startswith("12: [providers.replay.venue_settings] url: ws://10.0.0.1 would send plain text")
        for fault in faults
    )


def test_our_venues_refuse_plain_text_in_a_recording_s_keys_too(tmp_path):
    """In either profile: what stands in `venue_settings` is read as the venue's own table."""
    (tmp_path / "r.jsonl").write_text("", encoding="utf-8")
    text = KEPT + '[providers.replay]\npath = "r.jsonl"\nvenue_settings = { ws_url = "ws://10.0.0.1" }\n'
    for profile in ("production", "development"):
        (fault,) = refused(written(tmp_path, text, profile), host())
        assert "ws://10.0.0.1 would send plain text over a network" in fault
