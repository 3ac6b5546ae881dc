"""A feed that is traced, at a real collector: names, parents, attributes, times; and one that is dead costs nothing."""

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from ticktrail._tracing.export import STOP_WITHIN_S, Exporting
from ticktrail._tracing.settings import TracingSettings
from ticktrail._tracing.tracer import tracing_by
from ticktrail.plugin import Secret
from ticktrail.tracing import span
from unit.tracing.collector import collector

PATIENCE_S = 120
FEED = """\
[feed]
name = "traced"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]
[providers.synthetic]
ticks = {ticks}
rate = 20000
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[[sinks]]
plugin = "memory"
[compliance]
key = {{ file = "audit.key" }}
[tracing]
endpoint = "{url}"
headers = {{ authorization = {{ env = "TRACE_TOKEN" }} }}
service_name = "desk"
sample_batches = {every}
{more}
"""
TOKEN = "Bearer abcdefghij0123456789"


def run(folder, url, *, ticks=2_000, every=5, more="", status=0, what=("run",), options=("--json",)):
    path = folder / "feed.toml"
    path.write_text(FEED.format(ticks=ticks, url=url, every=every, more=more))
    began_s = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "ticktrail", *what, str(path), *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "TRACE_TOKEN": TOKEN},
    )
    assert done.returncode == status, done.stderr
    return done, time.monotonic() - began_s


def test_a_feed_s_spans(tmp_path):
    """Connection, batches end to end with every stage, and the sealing of segments."""
    before_ns = time.time_ns()
    with collector() as found:
        done, _ = run(tmp_path, found.url)
    after_ns = time.time_ns()
    report = json.loads(done.stdout)
    assert not any("did not get to" in one for one in report["warnings"])
    assert set(found.paths) == {"/v1/traces"}
    assert {headers["Authorization"] for headers in map(titled, found.headers)} == {TOKEN}
    assert {one.service for one in found.spans} == {"desk"}
    for one in found.spans:
        assert before_ns <= one.start_ns <= one.end_ns <= after_ns
    (connection,) = found.named("connection")
    assert connection.attributes["leg"] == "synthetic"
    assert connection.attributes["cause"] == "ended"
    assert not connection.parent
    batches = [one for one in found.named("batch") if one.attributes["outcome"] == "delivered"]
    assert batches
    for batch in batches:
        parts = [one for one in found.spans if one.parent == batch.id]
        names = sorted(one.name for one in parts)
        assert names == ["decode", "lane", "lane", "receive", "route", "validate", "write", "write"]
        assert {one.trace for one in parts} == {batch.trace}
        assert min(one.start_ns for one in parts) == batch.start_ns
        assert max(one.end_ns for one in parts) <= batch.end_ns
        by_name = {one.name: one for one in parts if one.name not in {"lane", "write"}}
        order = [by_name[name] for name in ("receive", "decode", "validate", "route")]
        for earlier, later in pairwise(order):
            assert earlier.end_ns == later.start_ns
        assert {one.attributes["sink"] for one in parts if one.name == "write"} == {"jsonl", "memory"}
        assert batch.attributes["delivered"] == batch.attributes["ticks"] - batch.attributes["rejected"]
    assert found.named("seal")
    told = json.dumps([one.attributes for one in found.spans])
    assert "price" not in told
    assert "size" not in told


def titled(headers):
    return {name.title(): value for name, value in headers.items()}


@pytest.mark.parametrize(("what", "options"), [
    (("audit", "verify"), ()),
    (("audit", "export"), ("--format", "csv", "--out", "out", "--purpose", "test")),
])  # fmt: skip
def test_commands_are_traced_too(tmp_path, what, options):
    """By the table of the feed file that they are given."""
    if options:
        options = tuple(str(tmp_path / "out") if one == "out" else one for one in options)
    with collector() as found:
        run(tmp_path, found.url, ticks=200, every=0)
        found.spans.clear()
        run(tmp_path, found.url, what=what, options=options)
    (one,) = [one for one in found.spans if one.name == " ".join(what)]
    assert one.end_ns > one.start_ns


@pytest.mark.parametrize("kind", ["hangs", "dead", "refuses"])
def test_a_collector_that_does_not_take_them_costs_nothing(tmp_path, kind):
    """Every tick is delivered, the stop has its deadline, and it is told how many spans were lost."""
    if kind == "dead":
        done, took_s = run(tmp_path, "http://127.0.0.1:9", ticks=5_000, every=1)
    else:
        with collector(answers=kind != "hangs", status=503) as found:
            done, took_s = run(tmp_path, found.url, ticks=5_000, every=1, more="timeout_s = 60.0")
    report = json.loads(done.stdout)
    assert sum(report["delivered"].values()) == 5_000
    assert took_s < 60  # it would be `timeout_s` at least if anything waited for the answer
    (warning,) = [one for one in report["warnings"] if "did not get to" in one]
    assert "spans did not get to http://127.0.0.1:" in warning


def test_what_has_no_room_is_counted():
    """Ends of spans never wait; beyond the bound they are dropped, and the count is right."""
    with collector(answers=False) as found:
        tracer = Exporting(TracingSettings(endpoint=found.url, queue_spans=10), Path())
        for number in range(1_000):
            tracer.begin("x", number, {}).end(number + 1)
        assert tracer.ended == 1_000
        assert tracer.dropped >= 900
        began_s = time.monotonic()
        tracer.close()
        assert time.monotonic() - began_s < STOP_WITHIN_S + 20
        assert tracer.lost == 1_000


def nested():
    with span("outer", note="has very-secret-indeed in it"):
        with span("inner", number=7):
            pass
        raise RuntimeError("very-secret-indeed")


def test_spans_within_spans(tmp_path, monkeypatch):
    """The inner one is the outer one's child; a failure is told by its type, and no secret is."""
    monkeypatch.setenv("SPAN_SECRET", "very-secret-indeed")
    Secret(env="SPAN_SECRET").resolve(tmp_path)
    with collector() as found:
        tracer = Exporting(TracingSettings(endpoint=found.url), tmp_path)
        with tracing_by(tracer), pytest.raises(RuntimeError):
            nested()
        tracer.close()
    (outer,), (inner,) = found.named("outer"), found.named("inner")
    assert (inner.parent, inner.trace) == (outer.id, outer.trace)
    assert (outer.failed, inner.failed) == ("RuntimeError", "")
    assert outer.attributes == {"note": "has [secret] in it"}
    assert inner.attributes == {"number": 7}
    assert tracer.lost == 0
