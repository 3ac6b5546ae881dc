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
from ticktrail_compliance.incidents.deadlines import in_zone
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident

__all__ = ["SHIPPED", "fields_of", "filled", "template_text"]

SHIPPED = "shipped"
"""The name of the template that comes with ticktrail."""

MOST_BYTES = 256 * 1024


def template_text(name: str, audience: Audience) -> str:
    """Return the text of a template.

    Args:
        name: A file, or ``shipped``.
        audience: For whom.

    Raises:
        ConfigError: The file cannot be read.
    """
    if name == SHIPPED:
        return (files("ticktrail_compliance.incidents") / "templates" / f"{audience}.txt").read_text("utf-8")
    path = Path(name)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"--template {path}: is larger than {MOST_BYTES // 1024} KiB; name a template")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"--template {path} cannot be read: {exc}; name a text file, or {SHIPPED}") from exc


def fields_of(incident: Incident, settings: IncidentSettings, firm: str, now_ns: int) -> Mapping[str, str]:
    """Return what the record says for each field of a template; an empty text: nothing.

    Args:
        incident: Which.
        settings: The firm's.
        firm: Its name; empty: no policy names it.
        now_ns: The present, the date of the notice.
    """

    def day(at_ns: int | None) -> str:
        return "" if at_ns is None else in_zone(at_ns, settings.place)

    began, ended = day(incident.occurred_from_ns), day(incident.occurred_to_ns)
    return {
        "firm": firm,
        "contact": settings.contact,
        "incident": str(incident.number),
        "title": incident.opened.title,
        "today": day(now_ns),
        "aware": day(incident.opened.aware_ns),
        "happened": incident.opened.detail or incident.opened.title,
        "information": incident.information,
        "began": began,
        "ended": ended,
        "period": f"between {began} and {ended}"
        if began and ended
        else (f"from {began} on" if began else ""),
        "measures": "\n\n".join(one.measures for one in incident.containments),
        "affected": "" if incident.affected is None else f"{incident.affected:,}",
        "told": f"{incident.individuals_told:,}",
        "harm": incident.harm.replace("_", " "),
        "ground": incident.ground,
        "severity": incident.severity,
        "systems": ", ".join(incident.systems),
        "provider": incident.opened.provider,
        "provider_aware": day(incident.provider_aware_ns),
        "provider_told": day(incident.provider_told_ns),
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
