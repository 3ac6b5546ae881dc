"""The wheels of the repository, installed in an environment outside it: what a stranger gets."""

import json

import pytest

import wheelhouse

PROVEN = 'import ticktrail, sys; print(ticktrail.__file__); sys.exit("/src/" in ticktrail.__file__)'


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return wheelhouse.shared(tmp_path_factory)


def test_there_is_a_wheel_of_each_member(house):
    """And what is imported is what was installed."""
    assert len(list(house.wheels.glob("*.whl"))) == len(wheelhouse.MEMBERS) >= 7
    said = wheelhouse.done(
        [str(house.bin / "python"), "-c", PROVEN], cwd=house.wheels, env=house.variables()
    ).stdout
    assert str(house.environment) in said
    wheelhouse.done(
        [str(house.bin / "python"), "-m", "pip", "check"], cwd=house.wheels, env=house.variables()
    )


def test_the_demo_runs(house, tmp_path):
    """Every promise is kept, from wheels alone."""
    demo = [str(house.bin / "ticktrail"), "demo"]
    said = wheelhouse.done(demo, cwd=tmp_path, env={**house.variables(), "HOME": str(tmp_path)})
    assert "Traceback" not in said.stdout + said.stderr
    assert (tmp_path / ".demo/feed.toml").is_file()


def test_templates_are_in_the_wheel(house, tmp_path):
    """With their dotted files; a plugin that was just written lies there."""
    new = [str(house.bin / "ticktrail"), "plugins", "new", "acme-ticktrail", "--kind", "sink", "--json"]
    told = json.loads(wheelhouse.done(new, cwd=tmp_path, env=house.variables()).stdout)
    assert {".gitignore", ".github/workflows/ci.yml", "src/acme_ticktrail/py.typed"} <= {*told["files"]}
    assert [path.name for path in tmp_path.iterdir()] == ["acme-ticktrail"]
