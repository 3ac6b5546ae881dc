"""Put the sections of a pack together.

Owns: which sections there are, and their order.
Never: sums up a matter; each section does.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from ticktrail_compliance.evidence.model import Summary, if_whole
from ticktrail_compliance.evidence.policies import InForce
from ticktrail_compliance.evidence.sections.access import access_section
from ticktrail_compliance.evidence.sections.checks import checks_section
from ticktrail_compliance.evidence.sections.clock import clock_section
from ticktrail_compliance.evidence.sections.delivery import availability_section, quality_section
from ticktrail_compliance.evidence.sections.incidents import incidents_section
from ticktrail_compliance.evidence.sections.latency import latency_criteria
from ticktrail_compliance.evidence.sections.log import log_section
from ticktrail_compliance.evidence.sections.policy import policy_section
from ticktrail_compliance.evidence.sections.providers import providers_section
from ticktrail_compliance.evidence.sections.retention import retention_section
from ticktrail_compliance.evidence.source import Source
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident
from ticktrail_compliance.proof.checkpoint import Checkpoint

__all__ = ["summary_of"]


def summary_of(
    source: Source, checkpoint: Checkpoint, policies: Sequence[InForce], incidents: Sequence[Incident]
) -> Summary:
    """Return what a pack tells.

    Args:
        source: The log as it stood at the period's end.
        checkpoint: The one that all is proven against.
        policies: Those that were in force in the period.
        incidents: Those that were open in it.

    Raises:
        AuditError: An entry cannot be read.
    """
    policy = policies[-1].policy if policies else None
    settings = IncidentSettings() if policy is None else policy.incidents
    clock, within = clock_section(source)
    availability, reached = availability_section(source)
    quality, found = quality_section(source)
    return Summary(
        program=f"ticktrail-compliance {version('ticktrail-compliance')}",
        log_id=source.log.log_id,
        verifier_key=str(source.log.signer().verifier),
        firm=policies[-1].act.firm if policies else "",
        from_ns=source.period.from_ns,
        to_ns=source.period.to_ns,
        last_seq=source.last_seq,
        checkpoint_size=checkpoint.size,
        checkpoint_root=checkpoint.root.hex(),
        criteria=[
            *found,
            *(if_whole(one, source.destroyed) for one in (*reached, *latency_criteria(source), within)),
        ],
        sections=[
            policy_section(policies),
            checks_section(source),
            clock,
            availability,
            quality,
            incidents_section(incidents, source.period, settings),
            access_section(source),
            retention_section(source),
            providers_section(source, policy),
            log_section(source, checkpoint),
        ],
    )
