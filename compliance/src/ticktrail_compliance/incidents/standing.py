"""Say whether those affected are still owed a notice, by what was assessed and who was told. Pure: acts in, state out.

Owns: what reopens what an earlier assessment closed, that a list of people counts once, and what ends a notice whose
number of people is not known.
Never: refuses a step; `ticktrail_compliance.incidents.state` does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

import msgspec

from ticktrail_compliance.acts.incidents import (
    CustomerInformation,
    Harm,
    IncidentAct,
    IncidentAssessed,
    IncidentNotified,
    IncidentOpened,
)

__all__ = ["Standing", "batch_in", "standing_of"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of those affected, by the last word on each matter.

    Attributes:
        customer_information: Whether customer information is involved.
        harm: Whether harm is reasonably likely.
        affected: How many individuals are affected; None: not known.
        batches: By each list of individuals to whom a notice was sent, the notice that counts for it.
        all_told: The ground on which somebody stated that all those affected were told; empty: nobody did, or an
            assessment after it found something that it did not know of.
    """

    customer_information: CustomerInformation
    harm: Harm = "unknown"
    affected: int | None = None
    batches: Mapping[str, IncidentNotified] = {}
    all_told: str = ""

    @property
    def told(self) -> int:
        """To how many individuals a notice was sent, each list counted once."""
        return sum(one.count for one in self.batches.values())

    @property
    def sent_ns(self) -> int | None:
        """When the last list was told; None: nobody was."""
        return max((one.sent_ns for one in self.batches.values()), default=None)

    @property
    def notice_owed(self) -> bool:
        """Whether those affected are still to be told: what is not known is taken for the worst."""
        if self.customer_information == "no" or self.harm == "not_likely":
            return False
        return not self.all_told if self.affected is None else self.told < self.affected


def standing_of(acts: Iterable[IncidentAct]) -> Standing:
    """Return what the acts of an incident come to.

    Args:
        acts: Those that had an effect, in order, the one that opened it first.
    """
    found = Standing(customer_information="unknown")
    for act in acts:
        match act:
            case IncidentOpened():
                found = Standing(customer_information=act.customer_information)
            case IncidentAssessed():
                found = _assessed(found, act)
            case IncidentNotified() if act.audience == "individuals":
                found = _notified(found, act)
            case _:
                pass
    return found


def batch_in(batches: Mapping[str, IncidentNotified], act: IncidentNotified) -> str:
    """Return which list of individuals was told, by the name that it has among those that were.

    A notice that names none, as an earlier version recorded it, is of its recipients in words, or of all who got its
    text: to say it twice tells nobody else. Nor does a name that differs in case or space alone.
    """
    own = act.batch or act.recipients or act.text_sha256
    return next((name for name in batches if _folded(name) == _folded(own)), own)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _assessed(before: Standing, act: IncidentAssessed) -> Standing:
    """Return what is known after an assessment.

    What is left out stays as it was, but where something else that is said now cannot be true with it: it is unknown
    then. That no customer information is involved does not go with likely harm, or with individuals who are affected;
    that harm is not likely was found without customer information, or more people, that are found now.
    """
    information, harm = act.customer_information or before.customer_information, act.harm or before.harm
    more = act.affected is not None and act.affected > (before.affected or 0)
    if (
        act.customer_information is None
        and information == "no"
        and (act.harm == "likely" or act.affected is not None)
    ):
        information = "unknown"
    if act.harm is None and harm == "not_likely" and (act.customer_information in {"yes", "unknown"} or more):
        harm = "unknown"
    widened = (
        act.customer_information in {"yes", "unknown"}
        or act.harm in {"likely", "unknown"}
        or act.affected is not None
        or bool(act.information)
    )
    return msgspec.structs.replace(
        before,
        customer_information=information,
        harm=harm,
        affected=before.affected if act.affected is None else act.affected,
        all_told="" if widened else before.all_told,
    )


def _notified(before: Standing, act: IncidentNotified) -> Standing:
    """Return what is known after a notice: the same list again tells nobody new, and another count corrects it.

    Told it was by the later of the times that were said: a correction makes nothing look earlier than it was.
    """
    name = batch_in(before.batches, act)
    earlier = before.batches.get(name)
    batches = before.batches
    if earlier is None or earlier.count != act.count:
        sent_ns = act.sent_ns if earlier is None else max(act.sent_ns, earlier.sent_ns)
        batches = {**batches, name: msgspec.structs.replace(act, sent_ns=sent_ns)}
    return msgspec.structs.replace(before, batches=batches, all_told=act.all_told or before.all_told)
