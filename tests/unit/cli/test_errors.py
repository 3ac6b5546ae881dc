import pytest

from ticktrail.cli.errors import DEFECT, HALTED, INTERRUPTED, WRONG_USE, exit_status, paragraphs, report
from ticktrail.errors import (
    AuditError,
    ClockError,
    ConfigError,
    PermanentError,
    PluginError,
    SinkError,
    TransientError,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("x"), WRONG_USE),
        (PluginError("x"), WRONG_USE),
        (PermanentError("x", provider="p"), WRONG_USE),
        (TransientError("x", provider="p"), WRONG_USE),
        (SinkError("x"), WRONG_USE),
        (AuditError("x"), HALTED),
        (ClockError("x"), HALTED),
        (PermissionError(13, "Permission denied", "/etc/x"), WRONG_USE),
        (PermissionError("a defect of ours"), DEFECT),
        (KeyboardInterrupt(), INTERRUPTED),
        (ZeroDivisionError("x"), DEFECT),
        (ExceptionGroup("g", [ConfigError("x"), ExceptionGroup("h", [AuditError("y")])]), HALTED),
        (ExceptionGroup("g", [ConfigError("x"), ValueError("y")]), DEFECT),
        (BaseExceptionGroup("g", [KeyboardInterrupt(), SinkError("x")]), WRONG_USE),
        (BaseExceptionGroup("g", [KeyboardInterrupt()]), INTERRUPTED),
    ],
)
def test_the_status_is_that_of_the_worst(error, status):
    """A halted feed outranks all, a defect outranks wrong use, and an interruption counts only alone."""
    assert exit_status(error) == status


def test_a_file_out_of_bounds_is_named_with_its_remedy():
    """Whatever part of the program met it, it is the user's to mend."""
    (told,) = paragraphs(PermissionError(13, "Permission denied", "/etc/x"))
    assert told.startswith("/etc/x: Permission denied; ")
    assert "ticktrail itself failed" not in told


def test_each_fault_is_told_once():
    """A group tells each distinct fault in a paragraph of its own, with its notes."""
    noted = SinkError("disk full")
    noted.add_note("the tail is torn")
    group = ExceptionGroup("g", [ConfigError("a", "b"), ExceptionGroup("h", [ConfigError("b"), noted])])
    assert paragraphs(group) == ("a", "b", "disk full; the tail is torn")


def test_a_defect_is_one_paragraph_with_a_remedy(capsys):
    """What ticktrail did not foresee is told in one line, without a traceback, unless asked for."""
    with pytest.raises(ValueError, match="two") as caught:
        raise ValueError("two\n lines")
    assert report(caught.value) == DEFECT
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "ValueError: two lines" in told
    report(caught.value, debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_is_not_worth_a_word(capsys):
    """Ctrl-C ends quietly."""
    assert report(KeyboardInterrupt()) == INTERRUPTED
    assert capsys.readouterr().err == ""
