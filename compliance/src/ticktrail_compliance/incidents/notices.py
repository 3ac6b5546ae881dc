"""Write the text of a notice from a template and the record.

Owns: which fields a template may name, and that none stays empty unseen.
Never: sends anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from ticktrail.errors import ConfigError
from ticktrail_compliance.acts.incidents import Audience
from ticktrail_compliance.given_file import content_of, opened_file
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident
from ticktrail_compliance.incidents.times import day_in_words, in_words, period_in_words

__all__ = ["MARK", "SHIPPED", "fields_of", "filled", "is_marked", "template_text"]

SHIPPED = "shipped"
"""The name of the template that comes with ticktrail."""

MARK = "[check:"
"""How the shipped templates begin what is for the firm to check, and to take out before a notice is sent."""

MOST_BYTES = 256 * 1024


def template_text(name: str, audience: Audience) -> str:
    """Return the text of a template.

    Args:
        name: A file, or ``shipped``.
        audience: For whom.

    Raises:
        ConfigError: The file cannot be read as UTF-8, is no regular file, or is larger than 256 KiB.
    """
    if name == SHIPPED:
        return (files("ticktrail_compliance.incidents") / "templates" / f"{audience}.txt").read_text("utf-8")
    option, remedy = f"--template {name}", f"name a text file, or {SHIPPED}"
    try:
        return content_of(Path(name), MOST_BYTES, name=option, remedy=remedy).decode()
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{option} is not UTF-8 ({exc.reason}); {remedy}") from exc


def is_marked(path: Path) -> bool:
    """Tell whether the beginning of a text that is said to be sent still has a mark of the shipped templates.

    Raises:
        ConfigError: It cannot be read, or is no regular file.
    """
    try:
        with opened_file(path) as file:
            return MARK.encode() in file.read(MOST_BYTES)
    except OSError as exc:
        raise ConfigError(
            f"--text {path} cannot be read: {exc.strerror}; name the text that was sent"
        ) from exc


def fields_of(incident: Incident, settings: IncidentSettings, firm: str, now_ns: int) -> Mapping[str, str]:
    """Return what the record says for each field of a template, times in words of the firm's zone; empty: nothing.

    Args:
        incident: Which.
        settings: The firm's.
        firm: Its name; empty: no policy names it.
        now_ns: The present, the date of the notice.
    """
    place, began_ns, ended_ns = settings.place, incident.occurred_from_ns, incident.occurred_to_ns

    def at(at_ns: int | None) -> str:
        return "" if at_ns is None else in_words(at_ns, place)

    return {
        "firm": firm,
        "contact": settings.contact,
        "incident": str(incident.number),
        "title": incident.opened.title,
        "today": day_in_words(now_ns, place),
        "aware": at(incident.opened.aware_ns),
        "happened": incident.opened.detail or incident.opened.title,
        "information": incident.information,
        "began": at(began_ns),
        "ended": at(ended_ns),
        "period": period_in_words(began_ns, ended_ns, place),
        "measures": "\n\n".join(one.measures for one in incident.containments),
        "affected": "" if incident.affected is None else f"{incident.affected:,}",
        "told": f"{incident.individuals_told:,}",
        "harm": incident.harm.replace("_", " "),
        "ground": incident.ground,
        "severity": incident.severity,
        "systems": ", ".join(incident.systems),
        "provider": incident.opened.provider,
        "provider_aware": at(incident.provider_aware_ns),
        "provider_told": at(incident.provider_told_ns),
        "owner": incident.owner,
    }


def filled(template: str, known: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Return a notice.

    Args:
        template: With ``$field`` or ``${field}`` for what is filled in, ``$$`` for a dollar sign.
        known: What the record says.
        given: What a person says instead, or beside it.

    Raises:
        ConfigError: A field is unknown or has no value, or the template has a ``$`` that names none; all are told.
    """
    wanted = Template(template)
    if not wanted.is_valid():
        raise ConfigError("the template has a $ that names no field: write $$ for a dollar sign")
    values = {**known, **given}
    missing = [name for name in wanted.get_identifiers() if not values.get(name, "").strip()]
    if missing:
        raise ConfigError(
            *(
                f"the notice lacks {name}: {REMEDIES.get(name, '')}give it by --set {name}=TEXT"
                for name in missing
            )
        )
    return wanted.substitute(values)


REMEDIES: Mapping[str, str] = {
    "firm": "adopt a policy that names the firm, or ",
    "contact": "write it in the policy ([compliance.incidents] contact), or ",
    "information": "assess it with --information, or ",
    "period": "assess it with --occurred-from, or ",
    "measures": "record them by `ticktrail incident contain`, or ",
    "affected": "assess it with --affected, or ",
    "ground": "assess it with --ground, or ",
}
"""Where the record would have it from."""
