"""Give incidents their commands: what is done about one.

Owns: options and help of ``ticktrail incident`` that take a step.
Never: takes it; `ticktrail_compliance.incidents.console` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ticktrail_compliance.acts.incidents import CustomerInformation, Harm, IncidentKind, Severity
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.incidents.options import as_json, nature, sorted_out, which_incident
from ticktrail_compliance.incidents.telling_commands import list_incidents, notify, report, show
from ticktrail_compliance.incidents.times import FirmTimeType, SaidTime
from ticktrail_compliance.options import which_log

__all__ = ["incident"]


@click.group()
def incident() -> None:
    """Handle incidents: open, assess, contain, notify, close; and what is due by when.

    It gives evidence and workflow, and no legal advice: whom to tell is for the firm and its counsel.
    """


for command in (notify, list_incidents, show, report):
    incident.add_command(command)


@incident.command("open")
@which_log
@click.option("--title", required=True, help="What happened, in a sentence.")
@click.option("--detail", default="", help="What happened, in more.")
@click.option(
    "--kind",
    type=click.Choice(get_args(IncidentKind)),
    default="other",
    show_default=True,
    help="What happened, in a word.",
)
@click.option("--subject", default="", help="What it is about, in a word, such as a system or an account.")
@click.option(
    "--aware",
    type=FirmTimeType(),
    help="When the firm became aware; now by itself; a day is its beginning.",
)
@click.option("--owner", default="", help="Who sees to it.")
@click.option("--provider", default="", help="The service provider at which it happened.")
@nature
@as_json
def open_incident(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    title: str,
    detail: str,
    kind: IncidentKind,
    subject: str,
    aware: SaidTime | None,
    owner: str,
    provider: str,
    severity: Severity | None,
    customer_information: CustomerInformation | None,
    occurred_from: SaidTime | None,
    occurred_to: SaidTime | None,
    classes: tuple[EntryClass, ...],
    systems: tuple[str, ...],
    provider_aware: SaidTime | None,
    provider_told: SaidTime | None,
    as_json: bool,
) -> None:
    """Open an incident, and print its number and what is due.

    A date alone, and a time that names no zone, are of the firm's zone ([compliance.incidents] zone of the policy in
    force; UTC without one).

    \b
    Examples:
      ticktrail incident open feed.toml --kind unauthorized_access --title "Laptop with account data lost"
      ticktrail incident open feed.toml --title "Mail went astray" --aware 2026-11-23T14:30 --owner "J. Doe"
      ticktrail incident open feed.toml --kind service_provider --title "Breach at the mailing house" \\
        --provider "Mail Inc." --provider-aware 2026-11-20T09:00:00Z --provider-told 2026-11-21T16:00:00Z
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.acts import IncidentOpened, actor_here  # noqa: PLC0415 - `--help` needs no database
    from ticktrail_compliance.incidents import console, moments  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    named, actor, now_ns = find_named(feed_file, database, key), actor_here(), console.now_ns()
    aware_ns, from_ns, to_ns, provider_aware_ns, provider_told_ns = moments.moments_of(
        named, aware, occurred_from, occurred_to, provider_aware, provider_told, present_ns=now_ns
    )
    act = IncidentOpened(
        at_ns=now_ns,
        actor=actor,
        by=actor.user,
        kind=kind,
        severity=severity or "medium",
        subject=subject,
        title=title,
        detail=detail,
        owner=owner,
        aware_ns=now_ns if aware_ns is None else aware_ns,
        occurred_from_ns=from_ns,
        occurred_to_ns=to_ns,
        classes=classes,
        systems=systems,
        customer_information=customer_information or "unknown",
        provider=provider,
        provider_aware_ns=provider_aware_ns,
        provider_told_ns=provider_told_ns,
    )
    console.open_incident(named, act, as_json=as_json)


@incident.command()
@which_incident
@click.option(
    "--harm",
    type=click.Choice(get_args(Harm)),
    help="Whether substantial harm or inconvenience to anybody is reasonably likely.",
)
@click.option("--ground", default="", help="Why, and what was investigated.")
@click.option("--affected", type=click.IntRange(1), help="How many individuals are affected.")
@click.option("--information", default="", help="What information of theirs, in general terms.")
@nature
@as_json
def assess(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    words: tuple[str, ...],
    *,
    harm: Harm | None,
    ground: str,
    affected: int | None,
    information: str,
    severity: Severity | None,
    customer_information: CustomerInformation | None,
    occurred_from: SaidTime | None,
    occurred_to: SaidTime | None,
    classes: tuple[EntryClass, ...],
    systems: tuple[str, ...],
    provider_aware: SaidTime | None,
    provider_told: SaidTime | None,
    as_json: bool,
) -> None:
    """Record what was found of nature and scope; may be done again, and what is left out stays as it was.

    A date alone, and a time that names no zone, are of the firm's zone ([compliance.incidents] zone of the policy in
    force; UTC without one).

    \b
    Examples:
      ticktrail incident assess feed.toml 8 --customer-information yes --harm likely --affected 12 \\
        --information "names and account numbers" --ground "The laptop was not encrypted."
      ticktrail incident assess feed.toml 8 --customer-information no --ground "Only quotes of a venue."
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.acts import IncidentAssessed, actor_here  # noqa: PLC0415 - see above
    from ticktrail_compliance.incidents import console, moments  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, _ = sorted_out(feed_file, database, words)
    named, now_ns = find_named(feed_file, database, key), console.now_ns()
    from_ns, to_ns, provider_aware_ns, provider_told_ns = moments.moments_of(
        named, occurred_from, occurred_to, provider_aware, provider_told, present_ns=now_ns
    )
    act = IncidentAssessed(
        at_ns=now_ns,
        incident=number,
        actor=actor_here(),
        customer_information=customer_information,
        harm=harm,
        ground=ground,
        affected=affected,
        information=information,
        severity=severity,
        occurred_from_ns=from_ns,
        occurred_to_ns=to_ns,
        classes=classes,
        systems=systems,
        provider_aware_ns=provider_aware_ns,
        provider_told_ns=provider_told_ns,
    )
    console.take(named, "assess", act, as_json=as_json)


@incident.command()
@which_incident
@click.option("--measures", required=True, help="What was done so that it goes no further.")
@as_json
def contain(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    words: tuple[str, ...],
    *,
    measures: str,
    as_json: bool,
) -> None:
    """Record what was done so that it goes no further, and does not happen again.

    \b
    Examples:
      ticktrail incident contain feed.toml 8 --measures "Account locked; the laptop was wiped from afar."
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.acts import IncidentContained, actor_here  # noqa: PLC0415 - see above
    from ticktrail_compliance.incidents import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, _ = sorted_out(feed_file, database, words)
    act = IncidentContained(at_ns=console.now_ns(), incident=number, actor=actor_here(), measures=measures)
    console.take(find_named(feed_file, database, key), "contain", act, as_json=as_json)


@incident.command()
@which_incident
@click.option("--owner", required=True, help="Who sees to it from now on.")
@as_json
def assign(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    words: tuple[str, ...],
    *,
    owner: str,
    as_json: bool,
) -> None:
    """Say who sees to an incident.

    \b
    Examples:
      ticktrail incident assign feed.toml 8 --owner "J. Doe"
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.acts import IncidentAssigned, actor_here  # noqa: PLC0415 - see above
    from ticktrail_compliance.incidents import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, _ = sorted_out(feed_file, database, words)
    act = IncidentAssigned(at_ns=console.now_ns(), incident=number, actor=actor_here(), owner=owner)
    console.take(find_named(feed_file, database, key), "assign", act, as_json=as_json)


@incident.command()
@which_incident
@click.option(
    "--from", "from_seq", type=click.IntRange(1), help="The first entry of the log that is evidence."
)
@click.option("--to", "to_seq", type=click.IntRange(1), help="The last one; the first one by itself.")
@click.option("--note", default="", help="What it shows.")
@as_json
def attach(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    words: tuple[str, ...],
    *,
    from_seq: int | None,
    to_seq: int | None,
    note: str,
    as_json: bool,
) -> None:
    """Attach evidence: files, of which name, size and hash are recorded, and entries of this log.

    The files themselves are not copied: keep them as they are, and the hash proves that they are the same.

    \b
    Examples:
      ticktrail incident attach feed.toml 8 report-of-loss.pdf mail.eml
      ticktrail incident attach feed.toml 8 --from 120 --to 180 --note "what the account did"
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.incidents import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, paths = sorted_out(feed_file, database, words, more=True)
    if not paths and from_seq is None:
        raise click.UsageError("attach files (FILE ...), or entries of the log (--from and --to)")
    if from_seq is None and to_seq is not None:
        raise click.UsageError("--to is the last entry of a range: give the first one as well (--from)")
    evidence = console.Evidence(
        paths=tuple(map(Path, paths)),
        from_seq=from_seq,
        to_seq=from_seq if to_seq is None else to_seq,
        note=note,
    )
    console.attach(find_named(feed_file, database, key), number, evidence, as_json=as_json)


@incident.command()
@which_incident
@click.option("--outcome", required=True, help="What came of it, and what was learnt.")
@as_json
def close(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    words: tuple[str, ...],
    *,
    outcome: str,
    as_json: bool,
) -> None:
    """Close an incident that was assessed and contained, and of which those affected were told where it is owed.

    \b
    Examples:
      ticktrail incident close feed.toml 8 --outcome "All 12 were told; disks are encrypted from now on."
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.acts import IncidentClosed, actor_here  # noqa: PLC0415 - see above
    from ticktrail_compliance.incidents import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, _ = sorted_out(feed_file, database, words)
    act = IncidentClosed(at_ns=console.now_ns(), incident=number, actor=actor_here(), outcome=outcome)
    console.take(find_named(feed_file, database, key), "close", act, as_json=as_json)
