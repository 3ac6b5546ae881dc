"""What an incident is, by what was done: held against a naive model, whatever the order of steps."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_compliance.acts import (
    IncidentAssessed,
    IncidentAssigned,
    IncidentClosed,
    IncidentContained,
    IncidentEntriesAttached,
    IncidentNotified,
)
from ticktrail_compliance.incidents.state import after, opening_refused, refused
from ticktrail_compliance.incidents.texts import MOST_CHARS, clipped
from unit.compliance.incidents.making import ACTOR, incident, opening, step
from unit.compliance.logs import NOW_NS

STEPS = st.one_of(
    st.builds(
        lambda information, harm, ground, affected: step(
            IncidentAssessed, customer_information=information, harm=harm, ground=ground, affected=affected
        ),
        st.sampled_from([None, "yes", "no", "unknown"]),
        st.sampled_from([None, "likely", "not_likely", "unknown"]),
        st.sampled_from(["", "  ", "encrypted"]),
        st.sampled_from([None, 1, 3]),
    ),
    st.builds(lambda text: step(IncidentContained, measures=text), st.sampled_from(["", "locked"])),
    st.builds(
        lambda to, count, sent, batch, ground: step(
            IncidentNotified,
            audience=to,
            count=count,
            sent_ns=NOW_NS + sent,
            batch=batch,
            all_told=ground if to == "individuals" else "",
        ),
        st.sampled_from(["individuals", "provider", "regulator"]),
        st.sampled_from([0, 1, 2]),
        st.sampled_from([-1, 0, 1]),
        st.sampled_from(["A", "B"]),
        st.sampled_from(["", "it is everybody"]),
    ),
    st.builds(lambda owner: step(IncidentAssigned, owner=owner), st.sampled_from(["", "jo", "al"])),
    st.builds(lambda text: step(IncidentClosed, outcome=text), st.sampled_from(["", "over"])),
)


class Model:
    """The same by flags alone."""

    def __init__(self):
        self.assessed = self.contained = self.closed = False
        self.information, self.harm, self.affected = "unknown", "unknown", None
        self.lists, self.all_told, self.owner = {}, False, ""

    def takes(self, act):
        """Whether a step is taken; what it changes is changed then."""
        if self.closed:
            return False
        if isinstance(act, IncidentAssessed):
            says = act.customer_information is not None or act.harm is not None or act.ground.strip() != ""
            if not says or (act.harm == "not_likely" and not act.ground.strip()):
                return False
            self.assessed = True
            said = (act.customer_information, act.harm)
            if self.information == "no" and (act.harm == "likely" or act.affected):
                self.information = "unknown"
            if self.harm == "not_likely" and (
                said[0] in ("yes", "unknown") or (act.affected or 0) > (self.affected or 0)
            ):
                self.harm = "unknown"
            self.information, self.harm = said[0] or self.information, said[1] or self.harm
            self.affected = self.affected if act.affected is None else act.affected
            if act.affected or said[0] in ("yes", "unknown") or said[1] in ("likely", "unknown"):
                self.all_told = False
            return True
        if isinstance(act, IncidentContained):
            self.contained = self.contained or act.measures != ""
            return act.measures != ""
        if isinstance(act, IncidentNotified):
            good = act.count > 0 and act.sent_ns == NOW_NS
            if not good or (act.audience == "individuals" and not self.assessed):
                return False
            if act.audience == "individuals":
                lists = {**self.lists, act.batch: act.count}
                if act.all_told and self.affected and sum(lists.values()) < self.affected:
                    return False
                self.lists, self.all_told = lists, self.all_told or act.all_told != ""
            return True
        if isinstance(act, IncidentAssigned):
            self.owner = act.owner or self.owner
            return act.owner != ""
        lacks = not self.all_told if self.affected is None else sum(self.lists.values()) < self.affected
        owed = self.information != "no" and self.harm != "not_likely" and lacks
        self.closed = self.assessed and self.contained and not owed and act.outcome != ""
        return self.closed


@given(st.lists(STEPS, max_size=12))
def test_any_order_of_steps_is_as_the_model_says(acts):
    """A step is taken or refused as the model does; a refused one changes nothing but the list of steps."""
    model, found = Model(), incident()
    for seq, act in enumerate(acts, 2):
        why, before = refused(found, act), found
        found = after(found, seq, act)
        assert (why is None) == model.takes(act), why
        assert (found.steps[-1].seq, found.steps[-1].act, found.steps[-1].counts) == (seq, act, why is None)
        if why is not None:
            for name in found.__struct_fields__:
                assert name == "steps" or getattr(found, name) == getattr(before, name)
    assert (found.customer_information, found.harm, found.affected) == (
        model.information,
        model.harm,
        model.affected,
    )
    assert (found.individuals_told, found.owner, found.closed is not None) == (
        sum(model.lists.values()),
        model.owner,
        model.closed,
    )


ASSESSED = step(IncidentAssessed)
CONTAINED = step(IncidentContained)


@pytest.mark.parametrize(
    ("before", "act", "words"),
    [
        ([], step(IncidentClosed), "incident assess"),
        ([ASSESSED], step(IncidentClosed), "incident contain"),
        ([ASSESSED, CONTAINED], step(IncidentClosed), "incident notify --to individuals"),
        (
            [step(IncidentAssessed, affected=3), CONTAINED, step(IncidentNotified, count=2)],
            step(IncidentClosed),
            r"2 of 3 individuals were told",
        ),
        ([], step(IncidentNotified), "was not assessed"),
        ([], step(IncidentAssessed, harm="not_likely"), "--ground"),
        ([], step(IncidentAssessed, affected=0), "--affected"),
        ([], step(IncidentAssessed, provider_aware_ns=1), "--provider"),
        ([ASSESSED], step(IncidentNotified, sent_ns=NOW_NS + 1), "has not come yet"),
        ([ASSESSED], step(IncidentNotified, sent_ns=NOW_NS - 1), "became aware"),
        (
            [step(IncidentAssessed, customer_information="no"), CONTAINED, step(IncidentClosed)],
            step(IncidentAssigned),
            "open another one",
        ),
        ([], step(IncidentContained, measures="x" * 8_001), "attach it"),
        (
            [],
            IncidentEntriesAttached(at_ns=NOW_NS, incident=1, actor=ACTOR, from_seq=3, to_seq=2),
            "the other way round",
        ),
    ],
)
def test_what_is_refused_is_told_with_the_remedy(before, act, words):
    """In the words of the command that would be right."""
    found = incident(*before)
    assert all(one.counts for one in found.steps)
    assert re.search(words, refused(found, act))


@pytest.mark.parametrize(
    "assessed",
    [
        step(IncidentAssessed, customer_information="no"),
        step(IncidentAssessed, harm="not_likely", ground="the disk is encrypted"),
    ],
)
def test_nobody_is_told_where_no_harm_is_likely_or_nothing_of_customers_is_involved(assessed):
    """It closes without a notice."""
    assert incident(assessed, CONTAINED, step(IncidentClosed)).stage == "closed"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"title": " "}, "--title"),
        ({"aware_ns": NOW_NS + 1}, "has not come yet"),
        ({"provider_aware_ns": 1}, "--provider"),
        ({"provider": "p", "provider_aware_ns": 2, "provider_told_ns": 1}, "--provider-told lies before"),
        ({"occurred_from_ns": 2, "occurred_to_ns": 1}, "the other way round"),
        ({"title": "x" * 201}, "200"),
        ({"systems": ["x"] * 101}, "100 is the most"),
        ({"systems": ["x" * 201]}, "200"),
    ],
)
def test_how_no_incident_is_opened(more, words):
    """A title, times that make sense, texts that are bounded."""
    assert words in opening_refused(opening(**more))
    assert opening_refused(opening()) is None


@given(st.text(max_size=400), st.sampled_from(sorted(MOST_CHARS)))
def test_what_a_program_wrote_is_clipped_to_what_it_may_be(text, field):
    """And kept where it is not too long."""
    most = MOST_CHARS[field]
    found = clipped(text, field)
    assert len(found) <= most
    assert len(text) > most or found == text
