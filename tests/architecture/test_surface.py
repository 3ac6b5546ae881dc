"""Nothing public changes by accident: what others import is on record, each change of it with its changelog entry."""

import msgspec
import pytest

from architecture import surface
from ticktrail.hookspecs import API_VERSION
from ticktrail.plugin import Settings

REMEDY = (
    "The public surface is another one than tests/architecture/surface.json has. If that is meant, write what a user "
    "should know into CHANGELOG.md, then: make surface ENTRY='words of that entry'. Else put back what was there."
)


def test_the_public_surface_is_the_recorded_one():
    """Names, signatures, fields, types and defaults."""
    found = surface.differences(surface.read()["names"], surface.surface())
    assert not found, "\n".join([REMEDY, *found])
    assert surface.read()["api_version"] == API_VERSION, REMEDY


def test_each_recorded_change_stands_in_the_changelog():
    """An entry that somebody rewrote is recorded with its new words."""
    missing = [
        change["entry"] for change in surface.read()["changes"] if not surface.is_told(change["entry"])
    ]
    assert not missing, (
        f"entries of tests/architecture/surface.json that CHANGELOG.md does not have: {missing}"
    )


def test_every_public_module_says_what_is_public():
    """`__all__` is the contract, and what it names is there and documented."""
    for name in surface.public_modules():
        module = __import__(name, fromlist=["__all__"])
        assert hasattr(module, "__all__") or name.count(".") > 1, f"{name} has no __all__"
        for attribute in getattr(module, "__all__", ()):
            assert hasattr(module, attribute), f"{name} has no {attribute}"


class Before(Settings, frozen=True):
    one: int
    two: str = "x"


class After(Settings, frozen=True):
    one: float
    two: str = "y"
    three: bool = False


def test_a_field_s_type_default_and_presence_are_on_record():
    """Each is a difference that tells what was and what is."""
    lines = surface.differences({"X": surface.described(Before)}, {"X": surface.described(After)})
    assert lines == [
        "~ X: without one: int",
        "~ X: without two: str = 'x'",
        "~ X: with one: float",
        "~ X: with two: str = 'y'",
        "~ X: with three: bool = False",
    ]
    assert surface.differences({"X": [], "Y": []}, {"X": [], "Z": []}) == ["- Y", "+ Z"]


def test_what_is_used_without_its_name_is_on_record():
    """A loop, a `with` or a call breaks as any other use does; and a function that is awaited is another one."""

    class Looped:
        def __aiter__(self): ...

    class Gone: ...

    async def awaited(): ...

    def called(): ...

    def described(*things):
        return {str(number): surface.described(thing) for number, thing in enumerate(things)}

    lines = surface.differences(described(Looped, awaited), described(Gone, called))
    assert lines == ["~ 0: without def __aiter__(self)", "~ 1: without async def ()", "~ 1: with def ()"]


def test_a_signature_is_on_record():
    """A parameter that came or went, or is called otherwise, shows."""

    def one(first, *, second=1): ...

    def other(first, *, third=1): ...

    assert surface.described(one) != surface.described(other)


def test_it_is_the_same_in_every_process():
    """No address of an object and no order of a set is in it."""
    text = msgspec.json.encode(surface.read()["names"]).decode()
    assert " at 0x" not in text
    assert surface.shown(frozenset("cab")) == "{'a', 'b', 'c'}"


@pytest.mark.parametrize(
    ("entry", "said"), [("", "say with which words"), ("words that no changelog has", "has no entry with")]
)
def test_a_change_that_is_not_told_is_not_recorded(entry, said, monkeypatch, tmp_path):
    """The changelog comes first."""
    monkeypatch.setattr(surface, "RECORD", tmp_path / "surface.json")
    text, status = surface.record(entry)
    assert said in text
    assert status == 2
    assert not surface.RECORD.exists()
