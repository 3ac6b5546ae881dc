"""Reference pages that people write have all that the code has, and nothing that it has not."""

import re
import tomllib
from decimal import Decimal

import click
import msgspec
import pytest
from click.testing import CliRunner
from generate import keys as feed_keys
from generate import model as model_page

from docs.reading import DOCS, fenced, keys, section, tables
from ticktrail import errors, hookspecs, model, net, plugin
from ticktrail._host import Host
from ticktrail.cli import statuses
from ticktrail.cli.errors import exit_status
from ticktrail.cli.program import program
from ticktrail.wire import decode_line, encode_lines

REFERENCE = DOCS / "reference"
COMMAND_LINE = (REFERENCE / "command-line.md").read_text(encoding="utf-8")
PLACES = feed_keys.places(Host.load())
RULES = [place for place in PLACES if place.name.startswith("rules.")]
IN_WORDS = {"none", "", "required"}


def key_tables(page):
    """Return each table of keys on a page as defaults by key."""
    found = []
    for head, *rows in tables((REFERENCE / page).resolve().read_text(encoding="utf-8")):
        if head[0] == "key" and "default" in head:
            at = head.index("default")
            found.append({key: row[at] for row in rows for key in keys(row[0])})
    return found


def nearest(page, wanted):
    """Return the table of a page that has most in common with these keys."""
    return max(key_tables(page), key=lambda table: len(wanted & table.keys()) / len(wanted | table.keys()))


def same(told, default):
    """Tell whether a page and the code mean the same default; a bare word is the same as one in quotes."""
    told, default = (text.strip().strip("`") for text in (told, default))
    if told.strip('"') == default.strip('"') or {told, default} <= {"none", ""}:
        return True
    try:
        return value(told) == value(default)
    except tomllib.TOMLDecodeError:
        return False


def value(text):
    """Return a value of TOML, whose numbers are equal however they are written."""
    return tomllib.loads(f"it = {text}", parse_float=Decimal)["it"]


def is_literal(told):
    return told in IN_WORDS or re.fullmatch(r"`[^`]+`", told) is not None


@pytest.mark.parametrize(
    "place", [place for place in PLACES if place not in RULES], ids=lambda place: place.header
)
def test_every_key_has_its_row(place):
    """With the default of the code where a literal can say it; and no row is of a key that there is not."""
    if defaults := place.defaults():
        told = nearest(place.explained, defaults.keys())
        assert set(told) == set(defaults), place.explained
        wrong = {
            key: text for key, text in told.items() if is_literal(text) and not same(text, defaults[key])
        }
        assert wrong == {}


def test_every_limit_of_a_rule_has_its_row():
    """All rules stand in one table."""
    defaults = {key: default for place in RULES for key, default in place.defaults().items()}
    told = nearest("feed-file.md", defaults.keys())
    assert set(told) == set(defaults)
    assert {key: text for key, text in told.items() if not same(text, defaults[key])} == {}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.header)
def test_every_key_of_a_table_within_a_table_is_named(place):
    """By a row, or in the text where it is one of a few."""
    text = (REFERENCE / place.explained).resolve().read_text(encoding="utf-8")
    for outer in msgspec.structs.fields(place.settings):
        for inner in feed_keys.structs_in(msgspec.inspect.type_info(outer.type)):
            wanted = {field.encode_name for field in msgspec.structs.fields(inner)}
            named = {word for code in keys(text) for word in re.findall(r"^\w+$|\w+(?= =)", code)}
            assert wanted - named == set(), inner.__name__


def wire_type(hint):
    """Return how the page on the wire form calls the type of a field."""
    words = {
        "InstrumentId": "string",
        "ProviderId": "string",
        "str": "string",
        "Channel": "string",
        "int": "integer",
    }
    words |= {"Decimal": "decimal", "bool": "boolean", "None": "null", "Side": '`"buy"`, `"sell"`'}
    words |= {"Levels": "list of `[price, size]`, both decimal"}
    return {words[part.strip()] for part in hint.split("|")}


@pytest.mark.parametrize("kind", model.Tick.__args__, ids=lambda kind: kind.__name__)
def test_every_field_of_a_tick_is_in_the_wire_form(kind):
    """With its type, whether it may be null, and its default; and no other."""
    text = (REFERENCE / "wire-format.md").read_text(encoding="utf-8")
    common = section(text, "Every tick")
    own = section(text, f"`{kind.__struct_config__.tag}`")
    rows = {
        key: row[1]
        for part in (common, own)
        for table in tables(part)
        for row in table[1:]
        for key in keys(row[0])
    }
    hints = model_page.annotations(kind)
    assert set(rows) - {"type"} == set(kind.__struct_fields__)
    for field in msgspec.structs.fields(kind):
        told, _, default = rows[field.name].partition(", default ")
        normal = (
            told.replace('`"buy"` or `"sell"`', '`"buy"`, `"sell"`')
            .replace("bool", "boolean")
            .replace("booleanean", "boolean")
        )
        parts = {part.strip() for part in re.split(r" or |, (?=string)", normal)}
        assert parts == wire_type(hints[field.name]), field.name
        expected = {msgspec.NODEFAULT: "", None: "null", False: "false"}[field.default]
        assert default == expected, field.name


def test_the_example_of_the_wire_form_is_one():
    """Read and written again it is the same, byte for byte."""
    (line,) = fenced((REFERENCE / "wire-format.md").read_text(encoding="utf-8"), "json")
    assert encode_lines([decode_line(line.encode())]) == line.encode()


def test_every_error_of_a_web_socket_is_named():
    """The page has each that `ticktrail.net` can raise."""
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    kinds = [getattr(net, name) for name in net.__all__]
    raised = [kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)]
    assert raised
    assert {
        name for name in raised if f"`{name}`" not in text and f"ticktrail.net.{name}`" not in text
    } == set()


def test_every_exit_status_has_its_row():
    """The table of the command line has the numbers of the code, and those of every program."""
    told = {int(row[0]) for row in tables(section(COMMAND_LINE, "The command line"))[0][1:]}
    assert told == {0, 1, *(getattr(statuses, name) for name in statuses.__all__)}


def test_every_error_has_its_exit_status():
    """As the program would end with it; and no row is of an error that there is not."""
    (head, *rows), *_ = tables((REFERENCE / "errors.md").read_text(encoding="utf-8"))
    assert head[-1] == "exit status"
    told = {keys(row[0])[0]: int(row[-1]) for row in rows}
    assert set(told) == set(errors.__all__)
    for name, status in told.items():
        kind = getattr(errors, name)
        named = issubclass(kind, errors.ProviderError)
        assert exit_status(kind("x", provider="x") if named else kind("x")) == status, name


def test_the_command_line_s_sections_are_commands():
    """Each heading once, and each word of it is a command or group of the program."""
    headings = re.findall(r"^##+ `(ticktrail .*)`$", COMMAND_LINE, re.MULTILINE)
    assert len(headings) == len(set(headings)), "a heading stands twice"
    words = set(re.findall(r"`(ticktrail [a-z-]+(?: [a-z-]+)?)`", COMMAND_LINE))
    assert set(headings) <= words
    for word in words:
        done = CliRunner().invoke(program, [*word.split()[1:], "--help"])
        assert done.exit_code == 0, word
    top = program.list_commands(click.Context(program))
    assert {name for name in top if not any(f"ticktrail {name}" in word for word in words)} == set()


def test_every_contract_is_on_the_page_of_hooks():
    """Each protocol of `ticktrail.plugin` that a plugin implements; and no name that there is not."""
    text = (REFERENCE / "hooks.md").read_text(encoding="utf-8")
    hooks = {row[0].strip("`") for row in tables(text)[0][1:]}
    assert hooks == {name for name in hookspecs.__all__ if name.startswith("ticktrail_")}
    given = {"Clock", "Intake", "Registry"}
    protocols = {name for name in plugin.__all__ if getattr(getattr(plugin, name), "_is_protocol", False)}
    rows = tables(section(text, "Contracts behind the specs"))[0][1:]
    named = {name for row in rows for name in re.findall(r"`([A-Z]\w+)`", row[1])}
    assert protocols - given - named == set()
    assert {name for name in named if not hasattr(plugin, name)} == set()
