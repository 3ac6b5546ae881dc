"""Tell a running feed something: `ticktrail ctl`.

Owns: the commands, and what a person sees of the answer.
Never: does anything by itself; the feed does, and records who asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ticktrail.cli.asking import answer_of, ask, lines_of, see_that_it_is_done
from ticktrail.cli.group import Group

if TYPE_CHECKING:
    from ticktrail.health import LegHealth
    from ticktrail.status import LegStatus

__all__ = ["ctl"]

_NAMED = 10


@click.group(cls=Group, short_help="See how a running feed stands, and tell it what to do.")
def ctl() -> None:
    """See how a running feed stands, and tell it what to do.

    The feed listens on the socket that its file names in [control]. Only its own user can connect, and each order is
    recorded in the audit with who gave it and why.

    \b
    Examples:
      ticktrail ctl status feed.toml
      ticktrail ctl ready feed.toml
      ticktrail ctl switch feed.toml fallback --instrument BTC/USDT --reason "spread too wide"
      ticktrail ctl pin feed.toml primary
      ticktrail ctl promote feed.toml
      ticktrail ctl drain feed.toml primary --reason maintenance
      ticktrail ctl subscribe feed.toml SOL/USDT
      ticktrail ctl reload feed.toml --dry-run
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"


_FEED = click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
_LEG = click.argument("leg")
_WHOM = click.option(
    "--instrument", "instruments", multiple=True, help="Only this instrument. May stand several times."
)
_WHICH = click.argument("instruments", nargs=-1, required=True, metavar="INSTRUMENT...")
_WHY = click.option("--reason", default="", help="Why: it stands in the audit.")


@ctl.command()
@_FEED
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(feed_file: Path, *, as_json: bool) -> None:
    """Show legs, who speaks, counts and lanes.

    \b
    Examples:
      ticktrail ctl status feed.toml
      ticktrail ctl status feed.toml --json | jq .legs
    """  # noqa: D301 - as above
    import msgspec  # noqa: PLC0415 - so that help comes without it

    from ticktrail.status import FeedStatus  # noqa: PLC0415 - likewise

    answer = ask(feed_file, {"do": "status"})
    found = msgspec.convert(answer["status"], FeedStatus)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    click.echo(f"feed {found.feed}: {', '.join(found.instruments)}, settings {found.settings_sha256[:12]}")
    for name, leg in found.legs.items():
        click.echo(
            f"  leg {name}: {leg.state}, breaker {leg.breaker}, {leg.failures} failures in a row, "
            f"{leg.sessions} sessions, {leg.received:,} received{_next_try(leg)}"
        )
        for line in _health_lines(leg.health):
            click.echo(f"    {line}")
    for node in found.route:
        speakers = ", ".join(f"{child} for {count:,}" for child, count in node.speakers.items())
        click.echo(f"  {node.kind}: {speakers}")
        for child, names in node.apart.items():
            click.echo(f"    {child}: {', '.join(names)}")
        for child, names in node.pinned.items():
            click.echo(f"    pinned to {child}: {_first(names)}")
        for what, text in node.state.items():
            click.echo(f"    {what}: {text}")
    click.echo(
        f"  {found.delivered:,} delivered, {found.rejected:,} rejected, {found.suppressed:,} suppressed, "
        f"{found.switches:,} {'switch' if found.switches == 1 else 'switches'}"
    )
    for name, lane in found.sinks.items():
        failed = "" if lane.failed is None else f", FAILED: {lane.failed}"
        click.echo(
            f"  sink {name}: {lane.queued:,} wait, {lane.written:,} written, {lane.dropped:,} dropped{failed}"
        )


@ctl.command()
@_FEED
@click.option(
    "--fresh-s",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="For how many seconds nothing may have come of an instrument.",
)
@click.option(
    "--closed", "is_closed", is_flag=True, help="The market is closed: do not ask that anything is fresh."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ready(feed_file: Path, fresh_s: float, *, is_closed: bool, as_json: bool) -> None:
    """Tell whether to go by the feed now: exit status 0, or 1 and why not.

    \b
    Examples:
      ticktrail ctl ready feed.toml
      ticktrail ctl ready feed.toml --fresh-s 5 --json | jq .reasons
      ticktrail ctl ready feed.toml --closed     # of a market that is closed
    """  # noqa: D301 - as above
    import msgspec  # noqa: PLC0415 - so that help comes without it

    from ticktrail.readiness import readiness  # noqa: PLC0415 - likewise
    from ticktrail.status import FeedStatus  # noqa: PLC0415 - likewise

    given = msgspec.convert(ask(feed_file, {"do": "status"}).get("status"), FeedStatus | None)
    found = readiness(given, fresh_s=None if is_closed else fresh_s)
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif found.ready:
        click.echo("ready")
    for reason in () if as_json else found.reasons:
        click.echo(f"{reason.code}: {reason.text}")
    if not found.ready:
        click.get_current_context().exit(1)


@ctl.command()
@_FEED
@_LEG
@_WHOM
@_WHY
def switch(feed_file: Path, leg: str, instruments: tuple[str, ...], reason: str) -> None:
    """Let a leg speak; what comes after is the route's to decide.

    \b
    Examples:
      ticktrail ctl switch feed.toml fallback --reason "spread too wide"
      ticktrail ctl switch feed.toml fallback --instrument BTC/USDT --instrument ETH/USDT
    """  # noqa: D301 - as above
    _tell(feed_file, "switch", leg, instruments, reason)


@ctl.command()
@_FEED
@_LEG
@_WHOM
@_WHY
def pin(feed_file: Path, leg: str, instruments: tuple[str, ...], reason: str) -> None:
    """Let a leg speak whatever happens, until it is unpinned.

    \b
    Examples:
      ticktrail ctl pin feed.toml primary --reason "venue announced maintenance of the other"
    """  # noqa: D301 - as above
    _tell(feed_file, "pin", leg, instruments, reason)


@ctl.command()
@_FEED
@_WHOM
@_WHY
def unpin(feed_file: Path, instruments: tuple[str, ...], reason: str) -> None:
    """Leave it to the route again.

    \b
    Examples:
      ticktrail ctl unpin feed.toml
      ticktrail ctl unpin feed.toml --instrument BTC/USDT
    """  # noqa: D301 - as above
    _tell(feed_file, "unpin", None, instruments, reason)


@ctl.command()
@_FEED
@_WHY
def promote(feed_file: Path, reason: str) -> None:
    """Give a canary's candidate its next share.

    \b
    Examples:
      ticktrail ctl promote feed.toml --reason "a day without a finding"
    """  # noqa: D301 - as above
    _tell(feed_file, "promote", None, (), reason)


@ctl.command(name="roll-back")
@_FEED
@_WHY
def roll_back(feed_file: Path, reason: str) -> None:
    """Take a canary's candidate its share.

    \b
    Examples:
      ticktrail ctl roll-back feed.toml --reason "late by a second"
    """  # noqa: D301 - as above
    _tell(feed_file, "roll_back", None, (), reason)


@ctl.command()
@_FEED
@_LEG
@_WHY
def reset(feed_file: Path, leg: str, reason: str) -> None:
    """Close a leg's breaker, and try it at once.

    \b
    Examples:
      ticktrail ctl reset feed.toml primary --reason "credentials renewed"
    """  # noqa: D301 - as above
    _tell(feed_file, "reset", leg, (), reason)


@ctl.command()
@_FEED
@_LEG
@_WHY
def rest(feed_file: Path, leg: str, reason: str) -> None:
    """Close a leg until it is woken; the others speak for it.

    \b
    Examples:
      ticktrail ctl rest feed.toml primary --reason maintenance
    """  # noqa: D301 - as above
    _tell(feed_file, "rest", leg, (), reason)


@ctl.command()
@_FEED
@_LEG
@_WHY
def wake(feed_file: Path, leg: str, reason: str) -> None:
    """Open a leg that rests.

    \b
    Examples:
      ticktrail ctl wake feed.toml primary
    """  # noqa: D301 - as above
    _tell(feed_file, "wake", leg, (), reason)


@ctl.command()
@_FEED
@_LEG
@_WHY
def drain(feed_file: Path, leg: str, reason: str) -> None:
    """Hand over all that a leg speaks for, then close it until it is woken.

    \b
    Examples:
      ticktrail ctl drain feed.toml primary --reason maintenance
    """  # noqa: D301 - as above
    _tell(feed_file, "drain", leg, (), reason)


@ctl.command()
@_FEED
@_WHICH
@_WHY
def subscribe(feed_file: Path, instruments: tuple[str, ...], reason: str) -> None:
    """Add instruments to the running feed; the file is left as it is.

    \b
    Examples:
      ticktrail ctl subscribe feed.toml SOL/USDT XRP/USDT
    """  # noqa: D301 - as above
    _change(feed_file, "subscribe", instruments, reason)


@ctl.command()
@_FEED
@_WHICH
@_WHY
def unsubscribe(feed_file: Path, instruments: tuple[str, ...], reason: str) -> None:
    """Take instruments out of the running feed; the file is left as it is.

    \b
    Examples:
      ticktrail ctl unsubscribe feed.toml SOL/USDT --reason delisted
    """  # noqa: D301 - as above
    _change(feed_file, "unsubscribe", instruments, reason)


@ctl.command()
@_FEED
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Only tell what would be applied, and what needs a restart."
)
@_WHY
def reload(feed_file: Path, reason: str, *, is_dry: bool) -> None:
    """Go by the feed file as it is now; all of it, or where something needs a restart, nothing.

    \b
    Examples:
      ticktrail ctl reload feed.toml --dry-run
      ticktrail ctl reload feed.toml --reason "tighter limits"
    """  # noqa: D301 - as above
    _change(feed_file, "preview" if is_dry else "reload", (), reason)


@ctl.command()
@_FEED
@_WHY
def stop(feed_file: Path, reason: str) -> None:
    """End the sources; the feed stops once what they brought is delivered.

    \b
    Examples:
      ticktrail ctl stop feed.toml --reason "end of day"
    """  # noqa: D301 - as above
    _tell(feed_file, "stop", None, (), reason)


def _first(names: Sequence[str]) -> str:
    rest = "" if len(names) <= _NAMED else f" and {len(names) - _NAMED:,} more"
    return ", ".join(names[:_NAMED]) + rest


def _next_try(leg: LegStatus) -> str:
    if leg.retry_in_s is not None:
        return f", next try in {leg.retry_in_s:,.1f} s"
    return ", not tried again by itself" if leg.state == "down" and leg.breaker == "open" else ""


def _health_lines(health: LegHealth) -> Iterator[str]:
    """Yield how a leg does, and below it the instruments that are not well."""
    if health.why:
        yield health.why
    if health.uptime_1h_pct == health.uptime_24h_pct == health.uptime_pct:  # a feed that has run for less
        yield f"up {health.uptime_pct:.2f} % since the start"
    else:
        yield (
            f"up {health.uptime_pct:.2f} % since the start, {health.uptime_1h_pct:.2f} % of the last hour, "
            f"{health.uptime_24h_pct:.2f} % of the last day"
        )
    parts = []
    if health.reject_rate is not None:
        parts.append(f"{health.reject_rate:.1%} rejected")
    if health.latency_ms is not None:
        drift = (
            ""
            if health.latency_drift_ms is None
            else f" ({health.latency_drift_ms:+.1f} against the long run)"
        )
        parts.append(f"{health.latency_ms:.1f} ms late{drift}")
    parts += [f"{channel} {silent_s:.1f} s ago" for channel, silent_s in health.silent_s.items()]
    if parts:
        yield ", ".join(parts)
    unheard = [name for name, own in health.instruments.items() if own.state == "connecting"]
    if unheard and health.state in {"live", "degraded"}:
        yield f"nothing yet of {_first(unheard)}"
    wrong = [(name, own) for name, own in health.instruments.items() if own.state == "degraded"]
    for name, own in wrong[:_NAMED]:
        yield f"{name}: {own.reject_rate or 0:.1%} rejected"
    if len(wrong) > _NAMED:
        yield f"and {len(wrong) - _NAMED:,} more instruments of which too much is rejected"


def _tell(feed_file: Path, do: str, leg: str | None, instruments: tuple[str, ...], reason: str) -> None:
    ask(feed_file, {"do": do, "leg": leg, "instruments": instruments or None, "reason": reason})
    click.echo("done")


def _change(feed_file: Path, do: str, instruments: tuple[str, ...], reason: str) -> None:
    """Change the feed, and tell what is different; of what needs a restart, all of it."""
    answer = answer_of(feed_file, {"do": do, "instruments": instruments or None, "reason": reason})
    would = "would be " if do == "preview" else ""
    for line in lines_of(answer, "applied"):
        click.echo(f"{would}applied: {line}")
    for line in lines_of(answer, "warnings"):
        click.echo(f"warning: {line}", err=True)
    see_that_it_is_done(answer)
    if do != "preview":
        click.echo("done")
    elif not lines_of(answer, "applied"):
        click.echo("nothing would change")
