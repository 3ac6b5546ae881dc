"""Write a notice for review, and record that one was sent.

Owns: the two halves of a notice, with a person between them.
Never: sends anything, or writes over a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import reading
from ticktrail_compliance.acts import IncidentNotified, actor_here
from ticktrail_compliance.acts.incidents import Audience
from ticktrail_compliance.incidents.console import find_incident, now_ns, take
from ticktrail_compliance.incidents.files import hashed, write_new
from ticktrail_compliance.incidents.moments import moments_of
from ticktrail_compliance.incidents.notices import MARK, fields_of, filled, is_marked, template_text
from ticktrail_compliance.incidents.register import register_of
from ticktrail_compliance.incidents.times import SaidTime
from ticktrail_compliance.naming import Named

__all__ = ["Wanted", "draft", "sent"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notice: for whom, from which template (a file, or ``shipped``), and what its fields are to say."""

    audience: Audience
    template: str
    given: Mapping[str, str]


def draft(named: Named, number: int, wanted: Wanted, out: Path, *, as_json: bool) -> None:
    """Write a notice for review.

    Raises:
        ConfigError: The template cannot be read or a field has no value, or the file is there already.
    """
    what = asked(f"incident notify {number}", to=wanted.audience, draft=out)
    with reading(named, "incident_handle", what, f"notice of incident {number}") as log:
        register = register_of(log)
        incident = find_incident(register, number, log)
    firm = "" if register.policy is None else register.policy.firm
    known = fields_of(incident, register.settings, firm, now_ns())
    text = filled(template_text(wanted.template, wanted.audience), known, wanted.given).encode()
    write_new(out, text, "--draft")
    sha256 = hashlib.sha256(text).hexdigest()
    if as_json:
        told = {"incident": number, "to": wanted.audience, "draft": str(out), "sha256": sha256}
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(
            f"{out} holds the notice to be reviewed and sent, sha256 {sha256}; once it was, run `ticktrail incident "
            f"notify` with --sent-at, --count and --text {out}"
        )


def sent(
    named: Named,
    number: int,
    audience: Audience,
    sent_at: SaidTime,
    *,
    count: int,
    text: Path,
    recipients: str,
    batch: str,
    all_told: str,
    as_json: bool,
) -> None:
    """Record that a notice was sent.

    Args:
        named: The log.
        number: The incident.
        audience: Who was told.
        sent_at: When, as a person said it; a date alone is the end of that day, or the present on that day.
        count: How many.
        text: The file of what was sent.
        recipients: To whom, in words.
        batch: The list of individuals that was told, by its name.
        all_told: Why it is known that all were told; empty: that is not said.
        as_json: Print one JSON object.

    Raises:
        ConfigError: The file cannot be read, or the step is refused.
    """
    _, sha256 = hashed(text, "--text")
    if is_marked(text):
        marks = f"marks of the template, which are for review ({MARK} …])"
        click.echo(f"note: --text {text} still has {marks}: take them out before a notice is sent", err=True)
    at_ns = now_ns()
    (sent_ns,) = moments_of(named, sent_at, present_ns=at_ns)
    act = IncidentNotified(
        at_ns=at_ns,
        incident=number,
        actor=actor_here(),
        audience=audience,
        sent_ns=at_ns if sent_ns is None else sent_ns,
        count=count,
        text_sha256=sha256,
        recipients=recipients,
        batch=batch,
        all_told=all_told,
    )
    take(named, "record a notice of", act, as_json=as_json)
