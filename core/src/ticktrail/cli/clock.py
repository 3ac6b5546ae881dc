"""`ticktrail clock`: measure this machine's clock once, now.

Owns: how a measurement is shown, and its exit status.
Never: sets the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from ticktrail._plan.clock import ClockSettings, host_and_port
from ticktrail._settings.decode import as_table, decode
from ticktrail._settings.document import read_document
from ticktrail.errors import ConfigError
from ticktrail.events import ClockMeasured, ClockSource, ClockUnavailable
from ticktrail.text import one_line

__all__ = ["clock"]

_FOUND = 1
_NS_PER_MS = 1_000_000
_VERDICTS = {
    "used": "used",
    "false_ticker": "false ticker",
    "no_majority": "no majority",
    "no_answer": "no answer",
}


class ServerType(click.ParamType[str]):
    """A time server as HOST or HOST:PORT."""

    name = "server"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the server as it was written."""
        try:
            host_and_port(str(value))
        except ValueError:
            self.fail(
                f"{str(value)!r} is neither a host nor host:port; write such as time.nist.gov", param, ctx
            )
        return str(value)


@click.command(short_help="Measure this machine's clock once.")
@click.argument("feed_file", required=False, type=click.Path(path_type=Path), metavar="[FEED.toml]")
@click.option(
    "--server",
    "servers",
    multiple=True,
    type=ServerType(),
    metavar="HOST[:PORT]",
    help="Ask this time server instead of those of the feed file. May stand several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def clock(ctx: click.Context, feed_file: Path | None, servers: tuple[str, ...], *, as_json: bool) -> None:
    """Measure this machine's clock once, against the sources and the limit of a feed file's [clock] table.

    Without a feed file against the defaults: public time servers, chronyd where it runs, and 50 ms. Each source is
    shown with its offset (how far true time is ahead of this machine), error bound and verdict.

    Exit status 0: in tolerance; 1: out of it, or not measured; 2: wrong use or settings.

    \b
    Examples:
      ticktrail clock
      ticktrail clock feed.toml --json
      ticktrail clock --server time.nist.gov --server time.cloudflare.com --server pool.ntp.org
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    import anyio  # noqa: PLC0415 - so that help comes without it
    import msgspec  # noqa: PLC0415 - likewise

    from ticktrail._clock.measure import measure_once  # noqa: PLC0415 - likewise
    from ticktrail._contracts.clock import SystemClock  # noqa: PLC0415 - likewise

    settings = _settings(feed_file, servers)
    found = anyio.run(measure_once, settings, SystemClock(), backend="trio")
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for line in _lines(found, settings):
            click.echo(one_line(line))
    ctx.exit(0 if isinstance(found, ClockMeasured) and found.in_tolerance else _FOUND)


def _settings(feed_file: Path | None, servers: tuple[str, ...]) -> ClockSettings:
    import msgspec  # noqa: PLC0415 - see above

    settings: ClockSettings | None = ClockSettings()
    if feed_file is not None:
        document = read_document(feed_file)
        table = as_table(document, ("clock",), document.tables.get("clock", {}))
        settings = None if table is None else decode(document, ("clock",), table, ClockSettings)
        if settings is None:
            raise document.error()
    assert settings is not None  # noqa: S101 - a fault was raised above
    if servers:
        addresses = [host_and_port(server) for server in servers]
        for server, address in zip(servers, addresses, strict=True):
            if addresses.count(address) > 1:
                raise click.UsageError(
                    f"--server {server} stands twice and would have two votes; give it once"
                )
        least = min(settings.min_sources, len(servers))
        return msgspec.structs.replace(settings, servers=servers, chrony="off", min_sources=least)
    if not settings.measures:
        raise ConfigError(
            f"{feed_file}: [clock] servers = [] turns the measurement off; name servers there, or give --server"
        )
    return settings


def _lines(found: ClockMeasured | ClockUnavailable, settings: ClockSettings) -> Iterator[str]:
    width = max((len(source.server) for source in found.sources), default=0)
    for source in found.sources:
        yield f"{source.server:<{width}}  {_told(source)}"
    if isinstance(found, ClockUnavailable):
        yield f"clock: not measured: {found.cause}"
        return
    verdict = "in tolerance" if found.in_tolerance else "OUT OF TOLERANCE"
    yield (
        f"clock: {_offset(found.offset_ns, found.bound_ns)} by {found.server}, limit "
        f"{settings.max_offset_ms:g} ms: {verdict}"
    )


def _told(source: ClockSource) -> str:
    verdict = _VERDICTS[source.verdict]
    if source.offset_ns is None or source.bound_ns is None:
        return f"{verdict}: {source.detail}"
    return f"{_offset(source.offset_ns, source.bound_ns)}  {verdict}"


def _offset(offset_ns: int, bound_ns: int) -> str:
    return f"{offset_ns / _NS_PER_MS:+.3f} ms ± {bound_ns / _NS_PER_MS:.3f} ms"
