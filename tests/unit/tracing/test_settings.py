"""Where spans may go, and that OpenTelemetry is loaded for nobody else."""

import subprocess
import sys

import msgspec
import pytest

from ticktrail._tracing.settings import TracingSettings
from ticktrail.tracing import span

FEED = """\
[feed]
name = "t"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[providers.synthetic]
ticks = 100
rate = 10000
[clock]
servers = []
"""
RUN = """
import sys
from click.testing import CliRunner
from ticktrail.cli.program import program
done = CliRunner().invoke(program, ["run", sys.argv[1], "--json"])
assert done.exit_code == 0, done.output
print(sorted(name for name in sys.modules if name.partition(".")[0] == "opentelemetry"))
"""


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://otel.example:4318", "https://otel.example:4318/v1/traces"),
        ("https://otel.example/x/v1/traces", "https://otel.example/x/v1/traces"),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
    ],
)
def test_addresses(endpoint, url):
    """Encrypted, or on this machine; the path for traces is added where it lacks."""
    assert TracingSettings(endpoint=endpoint).url == url


@pytest.mark.parametrize(
    "endpoint", ["http://otel.example:4318", "otel.example:4318", "grpc://127.0.0.1", "https://"]
)
def test_addresses_that_are_refused(endpoint):
    """Plain text over a network, and what is no address."""
    with pytest.raises(msgspec.ValidationError, match="endpoint"):
        msgspec.convert({"endpoint": endpoint}, TracingSettings)


def test_a_header_is_given_by_reference():
    """Never by its value."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"endpoint": "https://x", "headers": {"authorization": "Bearer 1"}}, TracingSettings)


def test_without_the_table_nothing_is_imported(tmp_path):
    """A feed that is not traced does not load OpenTelemetry."""
    path = tmp_path / "feed.toml"
    path.write_text(FEED)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_span_that_nobody_takes_does_nothing():
    """And lets an exception through."""
    with span("x", number=1):
        pass
    with pytest.raises(KeyError), span("x"):
        raise KeyError
