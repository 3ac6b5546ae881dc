"""`ticktrail plugins new`: which names it takes, what it writes, and what it leaves alone."""

import ast
import json
import re
import tomllib

import pytest
from click.testing import CliRunner

from ticktrail.cli.plugins.new import KINDS, Names
from ticktrail.cli.program import program
from ticktrail.errors import ConfigError


def run(*args, status=0):
    done = CliRunner().invoke(program, ["plugins", "new", *map(str, args)])
    assert done.exit_code == status, done.output
    return done.stdout if status != 2 else done.stderr


@pytest.mark.parametrize(
    ("name", "distribution", "package", "plugin"),
    [
        ("acme-ticktrail", "acme-ticktrail", "acme_ticktrail", "acme"),
        ("ticktrail-acme", "ticktrail-acme", "ticktrail_acme", "acme"),
        ("House_Rules", "house-rules", "house_rules", "house_rules"),
        ("big.acme", "big-acme", "big_acme", "big_acme"),
        ("x2", "x2", "x2", "x2"),
    ],
)
def test_names_are_made_of_one(name, distribution, package, plugin):
    """As pip, Python and a feed file know it."""
    made = Names.of(name)
    assert (made.distribution, made.package, made.plugin) == (distribution, package, plugin)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("2acme", "begins with 2, and must with a letter"),
        ("acme-", "ends with -, and must"),
        ("-acme", "begins with -, and must"),
        ("ac me", "has a space in it"),
        ("äcme", "has ä in it"),
        ("../acme", "has / in it"),
        ("acme/x", "has / in it"),
        ("a" * 41, "has 41 signs, and 40 are the most"),
        ("ticktrail", "ticktrail is one of ticktrail's own distributions"),
        ("ticktrail-ticktrail", "none of it is its own"),
        ("ticktrail-2x", "the plugin would be named 2x"),
        ("json", "a module named json would hide Python's own"),
        ("pytest", "a module named pytest is there already"),
        ("test", "a module named test is there already"),
        ("Con", "on Windows no folder can be named con"),
        ("ticktrail-kraken", "ticktrail-kraken is one of ticktrail's own distributions"),
        ("class", "class is a word of Python's own"),
        ("class-ticktrail", "class is a word of Python's own"),
        ("a--b", "has two separators in a row"),
        ("tests", "pytest looks for a plugin's own tests by the name tests"),
        ("conftest", "pytest looks for a plugin's own tests by the name conftest"),
    ],
)
def test_a_name_that_would_do_harm_is_refused(name, reason):
    """With the one reason that applies and a name that would do, and nothing is written."""
    with pytest.raises(ConfigError, match="such as") as caught:
        Names.of(name)
    (said,) = caught.value.problems
    assert said.partition(f'"{name}"')[2].lstrip(": ").startswith(reason)
    assert said.endswith('; write a name of your own, such as "acme-ticktrail"')


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("jsonl-ticktrail", "sink", "there is a sink jsonl already (plugin sinks declares it)"),
        (
            "ticktrail-synthetic",
            "provider",
            "there is a provider synthetic already (plugin mock declares it)",
        ),
        ("hybrid-ticktrail", "route", "there is a route kind hybrid already"),
        ("provider-ticktrail", "route", "there is a route kind provider already (it is ticktrail's own)"),
        ("price-jump", "validator", "there is a rule price_jump already"),
        ("age-s", "validator", "its key max_age_s of [validation] would be that of the rule "),
        ("feed-ticktrail", "observer", "there is an observer feed already"),
        ("binance-ticktrail", "sink", "there is a plugin binance already (ticktrail-binance brings it)"),
        ("sinks-ticktrail", "sink", "there is a plugin sinks already (ticktrail brings it)"),
        ("rules", "sink", "there is a plugin rules already (ticktrail brings it)"),
        ("dashboard-ticktrail", "observer", "there is an observer dashboard already"),
    ],
)
def test_a_name_that_is_taken_is_refused(name, kind, reason, tmp_path):
    """No feed could have both; another name is proposed, and nothing is written."""
    said = " ".join(run(name, "--kind", kind, "--out", tmp_path, status=2).split())
    assert f'"{name}": {reason}' in said
    assert f'such as "my-{name}"' in said
    assert list(tmp_path.iterdir()) == []
    if name == "jsonl-ticktrail":
        run(name, "--kind", "observer", "--out", tmp_path)


@pytest.mark.parametrize(("name", "word"), [("json-ticktrail", "JsonVenue"), ("half", "HalfVenue")])
def test_a_class_that_would_be_named_as_one_it_uses_is_refused(name, word, tmp_path):
    """In the kinds that have it, whatever the template says; nothing is written."""
    said = " ".join(run(name, "--kind", "provider", "--out", tmp_path, status=2).split())
    assert f'"{name}": a class of it would be named {word}, as one that it makes use of; write a name' in said
    assert list(tmp_path.iterdir()) == []
    run(name, "--kind", "sink", "--out", tmp_path)


@pytest.mark.parametrize(
    ("folder", "step"),
    [
        ("my plugins", "cd '{0}/my plugins/acme-ticktrail'"),
        ("a\x1b[2Jb", "cd '{0}/a\\x1b[2Jb/acme-ticktrail'"),
    ],
)
def test_the_next_step_is_one_that_a_shell_takes(folder, step, tmp_path):
    """Whatever the folder is called, and a terminal shows it as it is."""
    done = CliRunner().invoke(
        program,
        ["plugins", "new", "acme-ticktrail", "--kind", "sink", "--out", str(tmp_path / folder)],
        color=True,
    )
    assert step.format(tmp_path) in done.stdout
    assert "\x1b[2J" not in done.stdout


def test_a_name_with_the_templates_own_in_it_is_not_put_in_twice():
    """One pass over the text."""
    put = Names.of("big-acme").put_into("acme-ticktrail acme_ticktrail Acme ACME acme")
    assert put == "big-acme big_acme BigAcme BIG_ACME big_acme"


@pytest.mark.parametrize(
    ("name", "put"),
    [
        ("acme-sink", "AcmeSink AcmeSettings"),
        ("sink-ticktrail", "SinkSink SinkSettings"),
        ("rule-a", "RuleASink RuleASettings"),
    ],
)
def test_what_it_is_stands_once_in_the_name_of_a_class(name, put):
    """A sink named acme_sink is an AcmeSink."""
    assert Names.of(name).put_into("AcmeSink AcmeSettings") == put


@pytest.mark.parametrize("kind", KINDS)
def test_comments_in_the_readme_stand_in_line(kind, tmp_path):
    """Whatever the name's length: in a block of commands a comment has a line of its own, or is alone."""
    run("a-distribution-of-a-longer-name", "--kind", kind, "--out", tmp_path)
    text = (tmp_path / "a-distribution-of-a-longer-name/README.md").read_text()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        assert len([line for line in block.splitlines() if "  #" in line]) <= 1, block


@pytest.mark.parametrize("kind", KINDS)
def test_everything_has_the_new_name(kind, tmp_path):
    """Each file is there once, Python files are Python, and the entry points name modules that are there."""
    told = json.loads(run("house-feed", "--kind", kind, "--out", tmp_path, "--json"))
    folder = tmp_path / "house-feed"
    assert told["folder"] == str(folder)
    assert told["kind"] == kind
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert told["files"] == files
    assert {
        ".github/workflows/ci.yml",
        ".gitignore",
        "README.md",
        "feed.toml",
        "tests/test_conformance.py",
    } <= {*files}
    assert "src/house_feed/py.typed" in files
    for name in files:
        text = (folder / name).read_text()
        assert "acme" not in text.lower(), name
        if name.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    for group in ("ticktrail", "ticktrail.conformance"):
        for module in project["entry-points"][group].values():
            assert (folder / "src" / f"{module.replace('.', '/')}.py").is_file()
    assert tomllib.loads((folder / "feed.toml").read_text())["plugins"]["allow"] == ["house-feed"]


def test_it_says_what_to_do_next(tmp_path):
    """Line by line, to be copied."""
    said = run("acme-ticktrail", "--kind", "provider", "--out", tmp_path)
    steps = [line.strip() for line in said.partition("Next:")[2].splitlines() if line.strip()]
    assert steps[:4] == [
        f"cd {tmp_path / 'acme-ticktrail'}",
        "pip install -e '.[testing]'",
        "pytest",
        "ticktrail plugins test acme-ticktrail",
    ]
    assert steps[-1] == "ticktrail run feed.toml"
    assert any("acme_ticktrail.venue" in step for step in steps)


def test_nothing_is_overwritten(tmp_path):
    """A folder of the name, or a file, is left as it is."""
    (tmp_path / "acme-ticktrail").mkdir()
    assert "is there already" in run("acme-ticktrail", "--kind", "sink", "--out", tmp_path, status=2)
    assert list((tmp_path / "acme-ticktrail").iterdir()) == []


def test_what_cannot_be_written_is_told(tmp_path):
    """With the path."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        said = run("acme-ticktrail", "--kind", "sink", "--out", folder, status=2)
        assert "name another folder with --out" in said


def test_an_unknown_kind_is_refused():
    """With those that there are."""
    assert "observer" in run("acme-ticktrail", "--kind", "venue", status=2)
