"""A real Prometheus scrapes a running feed; the documentation's alert rules and dashboard go by what it finds."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from debian import why_without
from system.alerting import CASES, unit_tests
from system.program import running
from ticktrail_dashboard.metrics.families import FAMILIES

FILES = Path(__file__).parents[2] / "docs/how-to/files"
RULES = FILES / "prometheus-rules.yml"
DASHBOARD = FILES / "grafana-dashboard.json"
TOKEN = "a-token-for-prometheus-alone"
LIMIT_S = 90
FEED = """
[feed]
name = "scraped"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
[providers.a]
plugin = "synthetic"
seed = 1
[providers.b]
plugin = "synthetic"
seed = 2
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
[clock]
servers = []
chrony = "off"
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[compliance]
key = {{ file = "audit.key" }}
[dashboard]
address = "127.0.0.1:{port}"
token = {{ file = "ticktrail-token" }}
"""


@pytest.fixture(scope="module", autouse=True)
def _installed():
    """Prometheus and its promtool, of Debian's package; where services are required it is a failure to have none."""
    if reason := why_without("promtool", "prometheus"):
        if os.environ.get("TICKTRAIL_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def promtool(*arguments, text=None):
    done = subprocess.run(
        ["promtool", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port():
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


def get(url, token=None, method="GET"):
    request = urllib.request.Request(url, method=method)
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def until(look, wanted=bool):
    """Look again and again until what is seen is wanted."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            found = look()
        except (OSError, ValueError) as exc:
            found = None
            last = exc
        else:
            last = found
            if wanted(found):
                return found
        assert time.monotonic() < deadline, last
        time.sleep(0.2)


class Server:
    """A Prometheus that runs."""

    def __init__(self, port):
        self._url = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, path, **query):
        answer = json.loads(get(f"{self._url}{path}?{urllib.parse.urlencode(query)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def value(self, expr):
        """Return the sum of what an expression finds; None: nothing."""
        found = self.ask("query", query=expr)["result"]
        return sum(float(one["value"][1]) for one in found) if found else None


@contextmanager
def prometheus(folder, feed_port):
    """Run it with the documentation's configuration, at a feed of this test and with a shorter interval."""
    text = (FILES / "prometheus.yml").read_text()
    assert "127.0.0.1:8787" in text
    text = text.replace("127.0.0.1:8787", f"127.0.0.1:{feed_port}").replace("interval: 15s", "interval: 1s")
    config = folder / "prometheus.yml"
    config.write_text(text)
    shutil.copy(RULES, folder)
    promtool("check", "config", config)
    port = free_port()
    command = [
        *("prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
    ]
    with (
        (folder / "prometheus.log").open("w") as log,
        subprocess.Popen(command, stderr=log, stdout=log) as process,
    ):
        try:
            yield Server(port)
        finally:
            process.terminate()
            process.wait(LIMIT_S)


@pytest.fixture(scope="module")
def scraped(_installed, tmp_path_factory):
    """A feed that runs and a Prometheus that has seen it twice; gives the server and the feed's address."""
    folder = tmp_path_factory.mktemp("prometheus")
    port = free_port()
    (folder / "ticktrail-token").write_text(TOKEN)
    (folder / "feed.toml").write_text(FEED.format(port=port))
    with running("run", folder / "feed.toml", "--json") as process, prometheus(folder, port) as server:
        until(lambda: process.poll() is not None or server.value("count_over_time(ticktrail_ready[1m]) >= 3"))
        assert process.poll() is None, process.stderr.read()
        yield server, f"http://127.0.0.1:{port}"


def test_prometheus_sees_the_feed(scraped):
    """By its token; the figures are there, grow, and agree with each other."""
    server, _ = scraped
    assert server.value('up{job="ticktrail"}') == 1
    assert until(lambda: server.value("ticktrail_ready")) == 1
    assert server.value("sum(ticktrail_ticks_received_total)") > 0
    assert server.value('sum(ticktrail_leg_state{state="live"})') == 2
    assert server.value("ticktrail_leg_speaks_for_instruments") == 2
    before = server.value("sum(ticktrail_lane_written_ticks_total)")
    until(lambda: server.value("sum(ticktrail_lane_written_ticks_total)") > before)
    assert until(lambda: server.value("sum(rate(ticktrail_ticks_delivered_total[30s]))")) > 0
    assert server.value('ticktrail_observer_counts_total{observer="compliance",what="records"}') > 0


def test_nobody_else_sees_it(scraped):
    """Without the token, or with another one, nothing is told."""
    _, url = scraped
    for token in (None, "another-token-of-somebody"):
        for path in ("/metrics", "/healthz", "/readyz"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(url + path, token)
            assert refused.value.code == 401
            assert "ticktrail_" not in refused.value.read().decode()


def test_what_is_told_over_http_is_in_order(scraped):
    """`promtool check metrics` has nothing to say of a scrape; health and readiness answer beside it."""
    _, url = scraped
    assert promtool("check", "metrics", text=get(url + "/metrics", TOKEN)) == ""
    assert json.loads(get(url + "/healthz", TOKEN))["alive"]
    assert until(lambda: json.loads(get(url + "/readyz", TOKEN)))["ready"]
    for path in ("/metrics", "/healthz", "/readyz"):
        assert get(url + path, TOKEN, "HEAD") == ""


def test_the_rules_are_evaluated(scraped):
    """Every rule is loaded and evaluates; nothing fires of a feed that is well."""
    server, _ = scraped

    def rules():
        return [rule for group in server.ask("rules")["groups"] for rule in group["rules"]]

    found = until(rules, lambda all_of: all_of and all(rule["health"] == "ok" for rule in all_of))
    assert {rule["name"] for rule in found if rule["type"] == "alerting"} == set(CASES)
    firing = [
        alert["labels"]["alertname"] for alert in server.ask("alerts")["alerts"] if alert["state"] == "firing"
    ]
    assert firing == []
    assert until(lambda: server.value("ticktrail:ticks_received:rate1m")) > 0


def test_each_alert_fires_where_it_must_and_alone(tmp_path):
    """By Prometheus's own unit tests of rules; of a feed that is well none fires."""
    assert "SUCCESS" in promtool("check", "rules", RULES)
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    assert sorted(alerts) == sorted(CASES)
    tests = tmp_path / "tests.yml"
    tests.write_text(json.dumps(unit_tests(RULES, alerts)))
    assert "SUCCESS" in promtool("test", "rules", tests)


def test_an_alert_that_does_not_fire_is_found(tmp_path):
    """The unit tests can fail: a rule with another limit does not pass them."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.read_text().replace("> 0.8\n", "> 0.95\n"))
    tests = tmp_path / "tests.yml"
    tests.write_text(json.dumps(unit_tests(rules, ["TicktrailSinkBehind"])))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", tests)


def expressions():
    """Every PromQL expression of the dashboard, as Grafana would send it, by its panel."""
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expr = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "5m")
            yield panel["title"], expr


def names_in(text):
    return set(re.findall(r"\b(?:ticktrail|process)_\w+", text))


def samples_of_families():
    for name, family in FAMILIES.items():
        yield from (
            (f"{name}_{part}" for part in ("bucket", "sum", "count"))
            if family.kind == "histogram"
            else [name]
        )


def test_the_dashboard_asks_for_what_there_is(scraped):
    """Each expression is one that Prometheus evaluates, and names only metrics that the feed tells."""
    server, url = scraped
    told = set(samples_of_families()) | set(
        re.findall(r"^(process_\w+)", get(url + "/metrics", TOKEN), re.MULTILINE)
    )
    found = list(expressions())
    assert len(found) > 40
    for title, expr in found:
        assert "$" not in expr, title
        assert names_in(expr) <= told, title
        server.ask("query", query=expr)
    rules = "\n".join(line for line in RULES.read_text().splitlines() if not line.strip().startswith("#"))
    exprs = re.sub(r"(summary|description): .*", "", rules)
    assert names_in(exprs) <= told


def test_the_dashboard_has_data(scraped):
    """Of a feed that runs, the panels on ticks, legs, lanes and the process are not empty."""
    server, _ = scraped
    found = [(title, server.value(expr)) for title, expr in expressions()]
    empty = {title for title, _ in found} - {title for title, value in found if value is not None}
    assert empty <= {
        *("Not ready because", "Gaps and holes", "Clock, of its tolerance", "Rejected and flagged, by rule"),
        "Suppressed, by reason",
    }


def test_every_family_is_on_the_dashboard_or_in_a_rule():
    """What is told is shown, so that nobody has to know its name to see it."""
    shown = names_in("\n".join(expr for _, expr in expressions()) + RULES.read_text())
    whole = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} | shown
    assert set(FAMILIES) - whole == set()


def test_the_dashboard_is_whole():
    """Panels have numbers and places of their own, and ask the data source that is chosen."""
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        for target in panel.get("targets", ()):
            assert (
                target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            )
    assert [one["name"] for one in dashboard["templating"]["list"]] == ["datasource", "instance"]
