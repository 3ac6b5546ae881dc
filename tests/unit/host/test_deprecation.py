"""An old name works for a while, and who uses it learns what to write: once a line, in modules and feed files."""

import sys
import warnings

import pytest
from click.testing import CliRunner

from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.cli.program import program
from ticktrail.deprecation import (
    Moved,
    Renamed,
    TicktrailDeprecationWarning,
    old_names,
    renamed_keys,
    uses,
    warn_once,
)
from ticktrail.errors import ConfigError
from ticktrail.plugin import Settings
from unit.host.installed import install

OLD = (
    "from ticktrail.deprecation import Moved, old_names\n"
    "def new_name(): return 'new'\n"
    "__getattr__ = old_names(__name__, {'old_name': Moved('new_name', gone_in='0.4'),"
    " 'Trade': Moved('ticktrail.model:Trade', gone_in='0.5')})\n"
)
PLUGIN = """\
from ticktrail.deprecation import Renamed, renamed_keys
from ticktrail.plugin import Settings, hookimpl, sink_spec
from house_old_module import old_name

TICKTRAIL_API = 1


@renamed_keys(file=Renamed("path", gone_in="2.0"))
class Kept(Settings, frozen=True):
    path: str
    other: int = 1


@hookimpl
def ticktrail_sinks():
    return [sink_spec(name="kept", summary="", settings=Kept, open=print)]
"""
FEED = """\
[feed]
name = "old"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[providers.synthetic]
[plugins]
allow = ["old-feeds"]
[[sinks]]
plugin = "kept"
{keys}
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    (folder / "house_old_module.py").write_text(OLD)
    yield folder
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


@pytest.fixture
def feed(site, tmp_path):
    install(site, "old-feeds", "old", PLUGIN)
    path = tmp_path / "feed.toml"

    def write(keys):
        path.write_text(FEED.format(keys=keys))
        return path

    return write


def heard(caught):
    return [one for one in caught if issubclass(one.category, TicktrailDeprecationWarning)]


def test_an_old_name_is_the_new_one_and_warns_at_the_caller_s_line(site):
    """However it is asked for; a second pass over the same line says nothing, and another line does."""
    (site / "user_module.py").write_text(
        "from house_old_module import old_name\n"
        "import house_old_module\n"
        "for _ in range(3):\n"
        "    house_old_module.Trade\n"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import house_old_module  # noqa: PLC0415
        import user_module  # noqa: PLC0415

    assert user_module.old_name is house_old_module.new_name
    first, second = heard(caught)
    assert (first.filename, first.lineno) == (str(site / "user_module.py"), 1)
    assert str(first.message) == (
        "house_old_module.old_name is deprecated and goes in 0.4; write house_old_module.new_name instead"
    )
    assert second.lineno == 4
    assert str(second.message).endswith("goes in 0.5; write ticktrail.model.Trade instead")


def test_a_name_of_a_package_is_told_once(site):
    """`from package import name` asks twice, which nobody need know."""
    package = site / "old_package_module"
    package.mkdir()
    (package / "__init__.py").write_text(OLD)
    (site / "importing_module.py").write_text("\nfrom old_package_module import old_name\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import importing_module  # noqa: F401, PLC0415
    (one,) = heard(caught)
    assert one.lineno == 2


def test_a_name_that_never_was_is_an_attribute_error(site):
    """Nothing is hidden by it."""
    import house_old_module  # noqa: PLC0415

    with pytest.raises(AttributeError, match="module 'house_old_module' has no attribute 'never'"):
        _ = house_old_module.never


def test_a_function_s_argument_warns_where_the_call_is():
    """`stacklevel` counts from whoever calls the function that warns."""

    def old():
        warn_once("old() is deprecated and goes in 0.4; call new()")

    with pytest.warns(TicktrailDeprecationWarning, match="call new") as caught:
        old()
    (one,) = heard(caught)
    assert one.filename == __file__
    assert [use.line for use in uses() if use.text.endswith("call new()")] == [one.lineno]


def test_an_old_key_is_read_as_the_new_one_and_told_with_its_line(feed):
    """The feed composes, `check` and every start tell the line and the remedy."""
    path = feed('file = "x"')
    plan = compose(path)
    assert plan.sinks[0].settings.path == "x"
    assert (
        f"{path}:11: [[sinks]] 1 file: is deprecated and is refused from 2.0 on; write path instead"
        in plan.warnings
    )


def test_both_keys_are_a_fault(feed):
    """Which one is meant, nobody can tell."""
    with pytest.raises(
        ConfigError, match=r"file: is the old name of path, which stands here too; take file out"
    ):
        compose(feed('file = "x"\npath = "y"'))


def test_a_fault_in_an_old_key_is_found(feed):
    """It is judged as the new one."""
    with pytest.raises(ConfigError, match=r"path: expected a text"):
        compose(feed("file = 3"))


def test_a_key_can_be_renamed_only_to_one_that_is_there():
    """A slip of the author shows at import."""
    with pytest.raises(TypeError, match="Wrong has no field wrong"):

        @renamed_keys(old=Renamed("wrong", gone_in="0.4"))
        class Wrong(Settings, frozen=True):
            right: int = 1


def test_the_program_tells_which_plugin_uses_old_names(feed):
    """`plugins list` and `check` name file and line in the plugin."""
    path = feed('path = "x"')
    host = Host.load(allow=["old-feeds"])
    (told,) = host.deprecated("old")
    assert "old_feeds_module.py:3: house_old_module.old_name is deprecated" in told
    assert host.deprecated("rules") == ()
    listed = CliRunner().invoke(program, ["plugins", "list", str(path)])
    assert "deprecated:" in listed.stdout
    assert "write house_old_module.new_name instead" in " ".join(listed.stdout.split())
    checked = CliRunner().invoke(program, ["check", str(path)])
    assert "write house_old_module.new_name instead" in " ".join(checked.stdout.split())


def test_moved_names_are_data():
    """They can be listed by a test of whoever moves names."""
    assert Moved("a:b", gone_in="1.0") == Moved("a:b", gone_in="1.0")
    assert callable(old_names("here", {}))
