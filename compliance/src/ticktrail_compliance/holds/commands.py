"""Give legal holds their commands.

Owns: options and help of ``ticktrail audit hold``.
Never: touches a log; `ticktrail_compliance.holds.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.incidents.times import FirmTimeType, SaidTime
from ticktrail_compliance.options import of_classes, which_log

__all__ = ["hold"]


@click.group()
def hold() -> None:
    """Keep part of a log from being destroyed, for a dispute or an examination, and let it go again."""


@hold.command("place")
@which_log
@click.option(
    "--from",
    "first",
    type=FirmTimeType(),
    metavar="TIME",
    help="Records that came from this time on; a date alone is its beginning. Else from the log's beginning.",
)
@click.option(
    "--to",
    "last",
    type=FirmTimeType(last=True),
    metavar="TIME",
    help="Records that came up to this time; a date alone is its end. Else without an end, also what is yet to come.",
)
@of_classes
@click.option("--instrument", "instruments", multiple=True, help="Only of this instrument; may be repeated.")
@click.option(
    "--provider",
    "providers",
    multiple=True,
    help="Only what names this leg, whoever brought it; may be repeated.",
)
@click.option(
    "--incident", default="", metavar="NUMBER", help="The incident for which it is kept; it bounds nothing."
)
@click.option(
    "--unknown-names",
    is_flag=True,
    help="Also names of --instrument and --provider that no entry of its times and classes has, as of what is yet to "
    "come.",
)
@click.option("--reason", required=True, help="Why; it stands in the log.")
@click.option("--reference", required=True, help="The matter, letter or case; it stands in the log.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def place(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    first: SaidTime | None,
    last: SaidTime | None,
    classes: tuple[EntryClass, ...],
    instruments: tuple[str, ...],
    providers: tuple[str, ...],
    incident: str,
    unknown_names: bool,
    reason: str,
    reference: str,
    as_json: bool,
) -> None:
    """Place a hold: nothing that it names is destroyed, by no rule and no command, before it is lifted.

    It says which keys it keeps, and what of its range was destroyed before. Times are those at which a record came, not
    those that a venue gave it: what arrives late is of its arrival. A date alone, and a time that names no zone, are of
    the firm's zone ([compliance.incidents] zone of the policy in force; UTC without one), and it prints which moments
    are meant.

    What names no instrument, such as an event of a leg, concerns every instrument, and every event concerns every leg.
    Ticks are a leg's where they name it in any role: whose they are, that spoke before, or that a rule compared with. A
    name that no entry has is refused: it would keep nothing.

    \b
    Examples:
      ticktrail audit hold place feed.toml --from 2026-03-01 --to 2026-03-31 --reason "SEC inquiry" --reference HO-1234
      ticktrail audit hold place feed.toml --instrument BTC/USDT --reason dispute --reference "Case 17"
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.holds import console  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.holds.placing import Told  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    told = Told(
        classes=classes,
        instruments=instruments,
        providers=providers,
        incident=incident,
        reason=reason,
        reference=reference,
    )
    named = find_named(feed_file, database, key)
    console.place_hold(named, told, first, last, unknown_names=unknown_names, as_json=as_json)


@hold.command("list")
@which_log
@click.option("--all", "with_lifted", is_flag=True, help="Those that were lifted as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_holds(
    feed_file: Path | None, database: str | None, key: str | None, *, with_lifted: bool, as_json: bool
) -> None:
    """Print the holds that stand.

    \b
    Examples:
      ticktrail audit hold list feed.toml
      ticktrail audit hold list feed.toml --all
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.holds import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    console.list_holds(find_named(feed_file, database, key), with_lifted=with_lifted, as_json=as_json)


@hold.command("show")
@which_log
@click.option("--hold", "hold_id", required=True, metavar="ID", help="Which, as `list` prints it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(
    feed_file: Path | None, database: str | None, key: str | None, *, hold_id: str, as_json: bool
) -> None:
    """Print a hold, what it keeps, and what of its range was destroyed before.

    \b
    Examples:
      ticktrail audit hold show feed.toml --hold hold-1f3a9c42
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.holds import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    console.show_hold(find_named(feed_file, database, key), hold_id, as_json=as_json)


@hold.command("lift")
@which_log
@click.option("--hold", "hold_id", required=True, metavar="ID", help="Which, as `list` prints it.")
@click.option("--reason", required=True, help="Why; it stands in the log.")
@click.option("--reference", required=True, help="The matter, letter or case; it stands in the log.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def lift(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    hold_id: str,
    reason: str,
    reference: str,
    as_json: bool,
) -> None:
    """Lift a hold: what it kept is destroyed when its time by the policy is over.

    \b
    Examples:
      ticktrail audit hold lift feed.toml --hold hold-1f3a9c42 --reason "inquiry closed" --reference HO-1234
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.holds import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    console.lift_hold(find_named(feed_file, database, key), hold_id, reason, reference, as_json=as_json)
