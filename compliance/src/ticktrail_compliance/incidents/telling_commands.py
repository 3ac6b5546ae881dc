"""Give incidents their commands: who is told of them, and what is seen of them.

Owns: options and help of ``ticktrail incident notify``, ``list``, ``show`` and ``report``.
Never: reads a log; `ticktrail_compliance.incidents.showing` and `notifying` do.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ticktrail_compliance.acts.incidents import Audience
from ticktrail_compliance.incidents.options import as_json, sorted_out, which_incident
from ticktrail_compliance.incidents.times import FirmTimeType, SaidTime
from ticktrail_compliance.options import which_log

__all__ = ["list_incidents", "notify", "report", "show"]

_OUT = click.Path(path_type=Path, dir_okay=False)


@click.command()
@which_incident
@click.option("--to", "audience", required=True, type=click.Choice(get_args(Audience)), help="Who is told.")
@click.option(
    "--template",
    default="shipped",
    show_default=True,
    metavar="FILE",
    help="Its text, with $fields to be filled in.",
)
@click.option(
    "--set", "given", multiple=True, metavar="FIELD=TEXT", help="What a field is to say; may be repeated."
)
@click.option(
    "--draft", type=_OUT, metavar="OUT", help="Write the notice to a new file, to be reviewed and sent."
)
@click.option(
    "--sent-at",
    type=FirmTimeType(last=True),
    help="It was sent, at this time; of the firm's zone where it names none. A date alone is the end of that day.",
)
@click.option("--count", type=click.IntRange(1), help="With --sent-at: to how many.")
@click.option(
    "--batch",
    default="",
    metavar="NAME",
    help="With --sent-at, to individuals: the firm's name for the list of whom was told; the same list counts once.",
)
@click.option(
    "--all-told",
    default="",
    metavar="GROUND",
    help="With --sent-at, to individuals: all those affected were told, and why that is known without their number.",
)
@click.option(
    "--text", type=_OUT, metavar="FILE", help="With --sent-at: the text that was sent; its hash is kept."
)
@click.option("--recipients", default="", help="With --sent-at: to whom, in words or as the name of a list.")
@as_json
def notify(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    words: tuple[str, ...],
    *,
    audience: Audience,
    template: str,
    given: tuple[str, ...],
    draft: Path | None,
    sent_at: SaidTime | None,
    count: int | None,
    text: Path | None,
    recipients: str,
    batch: str,
    all_told: str,
    as_json: bool,
) -> None:
    """Write the notice of an incident for review, or record that one was sent.

    ticktrail sends nothing: a person reviews the draft, sends it, and says so, list by list. As many have to be told as
    the assessment says are affected; where it says no number, only --all-told ends it.

    \b
    Examples:
      ticktrail incident notify feed.toml 8 --to individuals --draft notice.txt
      ticktrail incident notify feed.toml 8 --to individuals --template ours.txt --set office="Privacy office" \\
        --draft notice.txt
      ticktrail incident notify feed.toml 8 --to individuals --text notice.txt --batch "list A" --count 12 \\
        --sent-at 2026-11-25T10:00:00Z
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.incidents import notifying  # noqa: PLC0415 - `--help` needs no database
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, _ = sorted_out(feed_file, database, words)
    if (draft is None) == (sent_at is None):
        raise click.UsageError(
            "either write the notice for review (--draft OUT), or say that it was sent (--sent-at)"
        )
    named = find_named(feed_file, database, key)
    if draft is not None:
        if count is not None or text is not None or batch or all_told:
            raise click.UsageError(
                "--count, --text, --batch and --all-told say what was sent: give them with --sent-at"
            )
        wanted = notifying.Wanted(audience, template, _fields(given))
        notifying.draft(named, number, wanted, draft, as_json=as_json)
    elif sent_at is not None:
        if count is None or text is None:
            raise click.UsageError(
                "--sent-at needs --count (to how many) and --text (the text that was sent)"
            )
        if audience == "individuals" and not batch.strip():
            raise click.UsageError(
                "--to individuals needs --batch, the firm's name for the list of whom was told: nobody counts twice"
            )
        if audience != "individuals" and (batch or all_told):
            raise click.UsageError("--batch and --all-told are of individuals: leave them out")
        notifying.sent(
            named,
            number,
            audience,
            sent_at,
            count=count,
            text=text,
            recipients=recipients,
            batch=batch.strip(),
            all_told=all_told.strip(),
            as_json=as_json,
        )


@click.command("list")
@which_log
@click.option("--all", "with_closed", is_flag=True, help="Those that are closed as well.")
@click.option("--overdue", "only_overdue", is_flag=True, help="Only those of which something is overdue.")
@as_json
@click.pass_context
def list_incidents(
    ctx: click.Context,
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    with_closed: bool,
    only_overdue: bool,
    as_json: bool,
) -> None:
    """Print the incidents that are open, and what is due by when.

    Exit status 0: nothing is overdue; 1: something is.

    \b
    Examples:
      ticktrail incident list feed.toml
      ticktrail incident list feed.toml --overdue
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.incidents import showing  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    named = find_named(feed_file, database, key)
    ctx.exit(
        showing.list_incidents(named, with_closed=with_closed, only_overdue=only_overdue, as_json=as_json)
    )


@click.command()
@which_incident
@as_json
def show(
    feed_file: Path | None, database: str | None, key: str | None, words: tuple[str, ...], *, as_json: bool
) -> None:
    """Print what is known of an incident.

    \b
    Examples:
      ticktrail incident show feed.toml 8
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.incidents import showing  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, _ = sorted_out(feed_file, database, words)
    showing.show(find_named(feed_file, database, key), number, as_json=as_json)


@click.command()
@which_incident
@click.option("--out", type=_OUT, metavar="FILE", help="Write it to a new file.")
@click.option("--html", "as_html", is_flag=True, help="A page to be printed.")
@as_json
def report(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    words: tuple[str, ...],
    *,
    out: Path | None,
    as_html: bool,
    as_json: bool,
) -> None:
    """Print the record of an incident: what is known, and every act with the number of its entry.

    \b
    Examples:
      ticktrail incident report feed.toml 8
      ticktrail incident report feed.toml 8 --html --out incident-8.html
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.incidents import showing  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file, number, _ = sorted_out(feed_file, database, words)
    if as_html and as_json:
        raise click.UsageError("--html and --json are two forms of it: choose one")
    form: showing.Form = "html" if as_html else "json" if as_json else "text"
    showing.report(find_named(feed_file, database, key), number, form, out)


def _fields(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, is_there, text = one.partition("=")
        if not is_there or not name.isidentifier():
            raise click.UsageError(f"--set {one!r}: write FIELD=TEXT, such as information='names'")
        found[name] = text
    return found
