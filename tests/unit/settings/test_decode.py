from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

import keyring
import keyring.backends.fail
import keyring.errors
import msgspec
import pytest

from ticktrail._settings.decode import decode
from ticktrail._settings.document import read_document
from ticktrail.errors import ConfigError
from ticktrail.plugin import Secret, Settings


class Inner(Settings, frozen=True):
    size: int


class Sample(Settings, frozen=True):
    name: str
    ratio: Decimal | bool = Decimal("0.5")
    wait_s: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    mode: Literal["hot", "cold"] | float = "hot"
    per: Mapping[Literal["a", "b"], float] = {}
    names: tuple[str, ...] = ()
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    key: Secret | None = None
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}; swap them")


class Strict(Sample, frozen=True):
    odd: int = 1
    even: int = 2
    pair: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pair and (self.low, self.high) == (0, 9):
            raise ValueError("a pair needs low and high; write both")
        if self.odd % 2 == 0:
            raise ValueError(f"odd: is {self.odd}; write an odd number")
        if self.even % 2:
            raise ValueError(f"even: is {self.even}; write an even number")


DIGITS = "write digits, with a point where needed"
ONE = "; the default is 1.0"
HOT = '; the default is "hot"'


def read(tmp_path, text, settings=Sample):
    path = tmp_path / "feed.toml"
    path.write_text("[t]\n" + text)
    document = read_document(path)
    value = decode(document, ("t",), document.tables["t"], settings)
    return value, [problem.removeprefix(f"{path}:") for problem in document.problems]


def test_numbers_keep_their_digits(tmp_path):
    """A decimal is what the file says, digit for digit, and a float key takes any number."""
    value, problems = read(tmp_path, "name = 'x'\nratio = 0.10\nwait_s = 2\nper = { a = 1.5 }\nmode = 2.0\n")
    assert problems == []
    assert str(value.ratio) == "0.10"
    assert (value.wait_s, value.per, value.mode) == (2.0, {"a": 1.5}, 2.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nam = 'x'\nname = 'y'", "2: [t] nam: unknown key; did you mean name?"),
        ("name = 5", "2: [t] name: expected a text in quotes, found a whole number"),
        (
            "name = 'x'\nratio = 'much'",
            f"3: [t] ratio: is no number; {DIGITS}, or false (without quotes); the default is 0.5",
        ),
        (
            "name = 'x'\nratio = 'False'",
            "3: [t] ratio: is false in quotes, which makes it a text; write false without quotes; the default is 0.5",
        ),
        (
            "name = 'x'\nmode = 'HOT'",
            f'3: [t] mode: "HOT" is no choice; write "hot", "cold" or a number (did you mean hot?){HOT}',
        ),
        ("name = 'x'\nRATIO = 1", "3: [t] RATIO: unknown key; did you mean ratio?"),
        ("name = 'x'\nwait_s = inf", "3: [t] wait_s: is no finite number; " + DIGITS + ONE),
        (
            "name = 'x'\nwait_s = 1e99999999999999999999",
            "3: [t] wait_s: is no finite number; " + DIGITS + ONE,
        ),
        ("name = 'x'\nwait_s = 0", "3: [t] wait_s: expected a number > 0.0; the default is 1.0"),
        (
            "name = 'x'\nmode = 'warm'",
            '3: [t] mode: "warm" is no choice; write "hot", "cold" or a number; the default is "hot"',
        ),
        (
            "name = 'x'\nmode = 'cald'",
            '3: [t] mode: "cald" is no choice; write "hot", "cold" or a number (did you mean cold?)' + HOT,
        ),
        ("name = 'x'\nper = { a = 1, c = 2 }", '3: [t.per] c: "c" is no choice; write "a", "b"'),
        ("name = 'x'\nper.a = true", "3: [t.per] a: expected a number, found true or false"),
        (
            "name = 'x'\nnames = [\n 'a',\n 2]",
            "5: [t] names[2]: expected a text in quotes, found a whole number",
        ),
        (
            "name = 'x'\ninner = { size = 'big' }",
            "3: [t.inner] size: expected a whole number, found a text in quotes",
        ),
        ("name = 'x'\ninner = {}", "3: [t.inner]: the key size is missing; add size = … (a whole number)"),
        (
            "name = 'x'\n[[t.inners]]\nsize = 1\n[[t.inners]]\nsise = 2\nsize = 1",
            "6: [[t.inners]] 2 sise: unknown key; did you mean size?",
        ),
        ("low = 2", "1: [t]: the key name is missing; add name = … (a text in quotes)"),
        ("name = 'x'\nlow = 5\nhigh = 1", "3: [t] low: low 5 is above high 1; swap them"),
        (
            "name = 'x'\nkey = {}",
            "3: [t.key]: a secret is one of { env = … }, { file = … } or { keyring = … }",
        ),
        ("name = 'x'\nkey = { envy = 'A' }", "3: [t.key] envy: unknown key; did you mean env?"),
    ],
)
def test_a_fault_names_line_key_and_remedy(tmp_path, text, problem):
    """Each kind of fault is one paragraph: line, table, key, what is wrong and what would be right."""
    value, problems = read(tmp_path, text)
    assert value is None
    assert problems == [problem]


def test_all_faults_are_told(tmp_path):
    """One wrong key does not hide the next one."""
    _, problems = read(tmp_path, "nam = 1\nratio = []\nwait_s = -1\nnames = [1, 2]\nkey = 'x'")
    assert len(problems) == 7


def test_a_table_s_own_check_tells_all_that_it_finds(tmp_path):
    """It stops at the first fault; without the keys of that one the next one shows."""
    _, problems = read(tmp_path, 'name = "x"\nlow = 5\nhigh = 1\nodd = 4\neven = 3', Strict)
    assert problems == [
        "3: [t] low: low 5 is above high 1; swap them",
        "5: [t] odd: is 4; write an odd number",
        "6: [t] even: is 3; write an even number",
    ]


def test_what_only_the_lack_of_a_faulty_key_breaks_is_no_fault(tmp_path):
    """Nobody wrote it."""
    _, problems = read(tmp_path, 'name = "x"\nlow = 5\nhigh = 1\npair = 1', Strict)
    assert problems == ["3: [t] low: low 5 is above high 1; swap them"]


@pytest.mark.parametrize(
    "literal", ['"hunter2secret"', '["hunter2secret"]', "48151623", '"hunter2secret" # x']
)
def test_a_secret_in_the_clear_is_refused_and_not_repeated(tmp_path, literal):
    """A literal where a reference belongs is refused, and its value is nowhere in the message."""
    _, problems = read(tmp_path, f"name = 'x'\nkey = {literal}")
    assert len(problems) == 1
    assert problems[0].startswith("3: [t] key: stands in plain text")
    assert '{ env = "NAME" }' in problems[0]
    assert "hunter2" not in problems[0]
    assert "48151623" not in problems[0]


def test_a_reference_with_a_literal_in_it_is_not_repeated(tmp_path):
    """The value stays out of the message of an unknown key and of a wrong type, too."""
    _, problems = read(tmp_path, "name = 'x'\nkey = { value = 'hunter2', env = ['hunter2'] }")
    assert len(problems) == 2
    assert "hunter2" not in "".join(problems)


@pytest.mark.parametrize(
    "pasted", ["sk-live-hunter2", "hunter2/abc+def=", "hun ter2", "2hunter", "", "hunter2\\n"]
)
def test_a_secret_in_place_of_a_variable_s_name_is_not_repeated(tmp_path, pasted):
    """What no variable can be called may be the secret itself."""
    _, problems = read(tmp_path, f'name = "x"\nkey = {{ env = "{pasted}" }}')
    (problem,) = problems
    assert "3: [t.key] env: is no name of an environment variable" in problem
    assert "hun" not in problem


@pytest.mark.parametrize(("value", "says"), [(None, "is not set"), ("", "is set but empty")])
def test_a_variable_that_holds_nothing(tmp_path, monkeypatch, value, says):
    """Not set, and set to nothing, are mended in different places."""
    monkeypatch.delenv("TICKTRAIL_TEST_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TICKTRAIL_TEST_KEY", value)
    with pytest.raises(ConfigError, match=f"environment variable TICKTRAIL_TEST_KEY {says}"):
        Secret(env="TICKTRAIL_TEST_KEY").resolve(tmp_path)


def test_a_secret_that_is_not_there_is_named_by_its_key(tmp_path, monkeypatch):
    """Who has several learns which one is meant, and still what to do."""
    monkeypatch.delenv("TICKTRAIL_TEST_KEY", raising=False)
    with pytest.raises(
        ConfigError, match=r"^\[t\] key: environment variable TICKTRAIL_TEST_KEY is not set: "
    ):
        Secret(env="TICKTRAIL_TEST_KEY").resolve(tmp_path, "[t] key")
    with pytest.raises(ConfigError, match=r"^\[t\] key: secret file .*none cannot be read .*mode 0600$"):
        Secret(file="none").resolve(tmp_path, "[t] key")


class Broken(keyring.backends.fail.Keyring):
    """A keyring that is locked, and whose user closed the question for its password."""

    def get_password(self, service, username):
        raise keyring.errors.KeyringLocked("dismissed")


@pytest.mark.parametrize(
    ("backend", "says"), [(keyring.backends.fail.Keyring, "NoKeyringError"), (Broken, "KeyringLocked")]
)
def test_a_keyring_that_cannot_be_asked(tmp_path, backend, says):
    """There is none on this machine, or nobody unlocked it: a matter of settings, with the entry and the remedy."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend())
    try:
        with pytest.raises(
            ConfigError, match=rf"the system keyring cannot be asked for 'a' of user 'b' \({says}\): "
        ):
            Secret(keyring="a/b").resolve(tmp_path)
    finally:
        keyring.set_keyring(before)
