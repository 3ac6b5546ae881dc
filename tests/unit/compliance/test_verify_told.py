"""What `ticktrail audit verify` says of counts: one in the singular, and nothing of contents that were not opened."""

import pytest

from ticktrail_compliance import console
from ticktrail_compliance.verify.outcome import Finding, Verified


def told(capsys, *, findings=(), quick=False, count=1):
    found = Verified(
        sound=not findings,
        quick=quick,
        entries=count,
        events=count,
        segments=count,
        ticks=count,
        destroyed=count,
        own_checkpoints=count,
        findings=[Finding(seq=1, what=what) for what in findings],
        head=None,
        checkpoints=count,
        torn=count,
    )
    console._tell(found)
    out, err = capsys.readouterr()
    return [*err.splitlines(), *out.splitlines()]


def test_one_of_each(capsys):
    assert told(capsys) == [
        "sound: 1 entry, 1 event, 1 tick in 1 segment, each as it was sealed",
        "destroyed: 1 entry is proven and can be read by nobody any more, as the log tells",
        "checkpoints: 1 agrees",
        "anchors: 1 checkpoint agrees; 1 was cut short by a crash and says nothing",
    ]


def test_several_of_each(capsys):
    assert told(capsys, count=2_000) == [
        "sound: 2,000 entries, 2,000 events, 2,000 ticks in 2,000 segments, each as it was sealed",
        "destroyed: 2,000 entries are proven and can be read by nobody any more, as the log tells",
        "checkpoints: 2,000 agree",
        "anchors: 2,000 checkpoints agree; 2,000 were cut short by a crash and say nothing",
    ]


@pytest.mark.parametrize(
    ("quick", "says"),
    [(True, "1 entry looked at; contents were not opened"), (False, "1 entry looked at; 1 tick is sound")],
)
def test_findings(capsys, quick, says):
    """Of contents that nobody opened nothing is said."""
    assert told(capsys, findings=["a", "b"], quick=quick)[:3] == [
        "not as it was sealed: a",
        "  also: b",
        says,
    ]
