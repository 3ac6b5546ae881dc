"""Acts of an incident with little said, times in seconds, and the commands."""

from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail_compliance.acts import (
    IncidentAssessed,
    IncidentAssigned,
    IncidentClosed,
    IncidentContained,
    IncidentNotified,
    IncidentOpened,
    actor_here,
)
from ticktrail_compliance.incidents.state import after, begun
from unit.compliance.logs import NOW_NS

DAY_NS = 86_400 * 10**9
ACTOR = actor_here()


def opening(**more):
    return IncidentOpened(
        **{
            "at_ns": NOW_NS,
            "actor": ACTOR,
            "by": "jo",
            "kind": "other",
            "severity": "medium",
            "subject": "s",
            "title": "A laptop was lost",
            "aware_ns": NOW_NS,
            **more,
        }
    )


def step(kind, **more):
    least = {
        IncidentAssessed: {"customer_information": "yes"},
        IncidentContained: {"measures": "locked"},
        IncidentNotified: {
            "audience": "individuals",
            "sent_ns": NOW_NS,
            "count": 1,
            "text_sha256": "0" * 64,
            "batch": "a list",
        },
        IncidentAssigned: {"owner": "jo"},
        IncidentClosed: {"outcome": "over"},
    }
    return kind(**{"at_ns": NOW_NS, "incident": 1, "actor": ACTOR, **least[kind], **more})


def incident(*acts, **more):
    """Incident 1, after some acts."""
    found = begun(1, opening(**more))
    for seq, act in enumerate(acts, 2):
        found = after(found, seq, act)
    return found


def run(*arguments, status=0):
    done = CliRunner().invoke(program, list(map(str, arguments)))
    assert done.exit_code == status, done.output
    return done
