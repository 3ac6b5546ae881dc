"""Name the rules that a firm may declare applicable, and the shortest time that each asks records to be kept.

Owns: the shipped table, each line with its source.
Never: says which rule applies to a firm; that is for the firm and its counsel. Evidence and workflow, no legal advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ticktrail_compliance.classes import CLASSES, EntryClass

__all__ = ["REGULATIONS", "Regulation", "RegulationId"]

RegulationId: TypeAlias = Literal[
    "sec_17a4_b", "sec_17a4_a", "finra_4511", "finra_4590", "finra_6820", "sox", "reg_sp"
]
"""The name of a rule in a policy file."""

THREE_YEARS, FIVE_YEARS, SIX_YEARS, SEVEN_YEARS = 1_096, 1_827, 2_192, 2_557
"""Days, with a day for each leap year that such a span can hold at most: a minimum is never rounded down."""

_ALL: tuple[EntryClass, ...] = tuple(CLASSES)


@dataclass(frozen=True, slots=True)
class Regulation:
    """A rule, and the shortest time for which it asks records of a class to be kept.

    Attributes:
        title: What it is called.
        source: Where its text is.
        minimum_days: By class of entries; a class that it says nothing of is missing.
    """

    title: str
    source: str
    minimum_days: Mapping[EntryClass, int]


REGULATIONS: Mapping[RegulationId, Regulation] = {
    "sec_17a4_b": Regulation(
        "SEC Rule 17a-4(b): records of a broker-dealer kept for three years",
        "17 CFR 240.17a-4(b)",
        dict.fromkeys(_ALL, THREE_YEARS),
    ),
    "sec_17a4_a": Regulation(
        "SEC Rule 17a-4(a): records of a broker-dealer kept for six years",
        "17 CFR 240.17a-4(a)",
        dict.fromkeys(_ALL, SIX_YEARS),
    ),
    "finra_4511": Regulation(
        "FINRA Rule 4511: books and records without a period of their own, six years",
        "FINRA Rule 4511(b)",
        dict.fromkeys(_ALL, SIX_YEARS),
    ),
    "finra_4590": Regulation(
        "FINRA Rule 4590: logs of clock synchronisation, kept as 17a-4(b) says",
        "FINRA Rule 4590, Supplementary Material",
        {"clock": THREE_YEARS},
    ),
    "finra_6820": Regulation(
        "FINRA Rule 6820: logs of clock synchronisation for the Consolidated Audit Trail, five years",
        "FINRA Rule 6820(a)",
        {"clock": FIVE_YEARS},
    ),
    "sox": Regulation(
        "Sarbanes-Oxley, section 802: papers of an audit, seven years",
        "17 CFR 210.2-06",
        dict.fromkeys(("control", "access", "clock", "incident", "retention"), SEVEN_YEARS),
    ),
    "reg_sp": Regulation(
        "Regulation S-P: records of incidents, determinations and notices, three years for a broker-dealer",
        "17 CFR 248.30 and 17 CFR 240.17a-4(e)(14)",
        {"incident": THREE_YEARS, "access": THREE_YEARS},
    ),
}
"""Every rule that a policy file may declare; the shortest times are checked by `ticktrail compliance policy check`."""

if set(REGULATIONS) != set(get_args(RegulationId)):
    raise AssertionError("every name of a rule has its line")
