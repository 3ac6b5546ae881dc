import hashlib
import sys
import types

import click
import pytest

from ticktrail._host import Host
from ticktrail._host.builtin import BUILTIN
from ticktrail._host.discovery import own_distributions
from ticktrail.digest import distribution_sha256
from ticktrail.errors import ConfigError, PluginError
from unit.host.installed import ACME, install, plugin
from unit.plan import acme

HEAD = "from ticktrail.plugin import hookimpl\nTICKTRAIL_API = 1\n"
RULE = (
    "from ticktrail.model import Trade\nfrom ticktrail.plugin import Settings, validator_spec\n"
    "@hookimpl\ndef ticktrail_validators():\n"
    "    fields = dict(name='x', summary='', settings=Settings, open=print, ticks=(Trade,))\n"
    "    return [validator_spec(**{{**fields, **dict({0})}})]"
)
PAGE = (
    "from ticktrail.plugin import Settings, page_spec\n"
    "@hookimpl\ndef ticktrail_pages():\n"
    "    return [page_spec(name='odd', title='', table='x', settings=Settings, open=print, every_s={0})]"
)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path for throwaway distributions; their modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


class Clock:
    offset_ns = None

    def now_ns(self):
        return 1_700_000_000_000_000_000

    def mono_ns(self):
        return 0


def test_core_itself_comes_by_the_hooks():
    """Core's rules, sinks and routes are plugins like any other, and are recorded as such."""
    host = Host.load(clock=Clock())
    ours = [record for record in host.loaded if record.distribution == "ticktrail"]
    assert [record.name for record in ours] == list(BUILTIN)
    assert all(record.at_ns == 1_700_000_000_000_000_000 for record in ours)
    assert "price_range" in host.rules()
    assert "jsonl" in host.sinks()


def test_two_hosts_share_nothing():
    """A plugin of one host is unknown to another one in the same process."""
    assert "acme" in Host.load(plugins={"acme": acme}).providers()
    assert "acme" not in Host.load().providers()


def test_an_allowed_plugin_is_loaded_and_recorded(site):
    """Name, distribution, version and the hash of the distribution's files stand in the record."""
    install(site, "Acme_Feeds", "acme", ACME.read_text(), version="2.5")
    host = Host.load(allow=["acme-feeds"])
    (record,) = [record for record in host.loaded if record.name == "acme"]
    assert (record.distribution, record.version) == ("Acme_Feeds", "2.5")
    line = hashlib.sha256(ACME.read_bytes()).hexdigest() + "  Acme_Feeds_module.py\0"
    assert record.sha256 == distribution_sha256("acme-feeds") == hashlib.sha256(line.encode()).hexdigest()
    assert host.provider("acme").name == "acme"
    assert host.declared_by("acme") == ("provider acme", "route kind pair", "observer watch")


def test_what_nobody_allowed_is_not_even_imported(site):
    """A distribution that is merely installed runs no code, and is told with the remedy where its name is asked for."""
    install(site, "acme-feeds", "acme", "raise SystemExit('imported!')")
    host = Host.load()
    assert "acme-feeds" in [found.distribution for found in host.not_allowed]
    with pytest.raises(
        ConfigError, match=r'there is no provider "zzz".*not allowed: .*"acme-feeds".*allow = '
    ):
        host.provider("zzz")


def test_what_is_left_of_a_distribution_hides_no_other(site):
    """A folder with entry points and no metadata is nobody's: nothing of it is imported, and the others load."""
    install(site, "acme-feeds", "acme", "raise SystemExit('imported!')")
    (site / "acme_feeds-1.0.dist-info" / "METADATA").unlink()
    host = Host.load(allow=["acme-feeds", ""])
    assert "binance" in {one.name for one in host.loaded}
    assert "acme" in {one.name for one in (*host.quarantined, *host.not_allowed)}


def test_what_is_not_installed_is_named_with_its_extra(site):
    """A table, provider or sink of a distribution of ours that is missing says what to install."""
    about = site / "ticktrail-9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: ticktrail\nVersion: 9\n"
        "Provides-Extra: nowhere\nRequires-Dist: ticktrail-nowhere>=0.1; extra == 'nowhere'\n"
        "Provides-Extra: binance\nRequires-Dist: ticktrail-binance>=0.1; extra == 'binance'\n"
    )
    host = Host.load()
    with pytest.raises(
        ConfigError,
        match=r'^there is no provider "nowhere"; it comes with ticktrail-nowhere, which is not installed: '
        r"pip install 'ticktrail\[nowhere\]'; ",
    ):
        host.provider("nowhere")
    assert "not installed" not in host.hint("binance", ())
    assert "not installed" not in host.hint("other", ())


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("x = 1\ndef broken(:", "its import fails at sick_feeds_module.py:2 with SyntaxError"),
        (
            "\nimport no_such_module_anywhere",
            "its import fails at sick_feeds_module.py:2 with ModuleNotFoundError",
        ),
        ("import no_such_module_anywhere", "'no_such_module_anywhere'; install what it needs"),
        ("\nimport json\njson.loads('{')", "its import fails at sick_feeds_module.py:3 with JSONDecodeError"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("raise ValueError('out\\n of order')", "ValueError: out of order"),
        ("raise ValueError('\\x1b[31mred')", r"ValueError: \x1b[31mred"),
        ("class Mine(BaseException): pass\nraise Mine('b')", "Mine: b"),
        ("class Mine(Exception):\n    def __str__(self): raise TypeError\nraise Mine", " with Mine;"),
        ("def __getattr__(name): raise RuntimeError('no ' + name)", "RuntimeError: no TICKTRAIL_API"),
        ("TICKTRAIL_API = 2", "made for plugin API 2, and this ticktrail has 1; upgrade ticktrail"),
        (
            "TICKTRAIL_API = 0",
            "made for plugin API 0, and this ticktrail has 1; install a newer version of it",
        ),
        ("TICKTRAIL_API = True", "is no whole number; set TICKTRAIL_API = 1"),
        ("x = 1", "does not say for which ticktrail it is made; set TICKTRAIL_API = 1"),
    ],
)
def test_what_cannot_be_loaded_is_quarantined(site, source, reason):
    """A broken or unfit plugin is set aside with the reason, the others go on, and who needs it learns why."""
    install(site, "sick-feeds", "sick", source)
    host = Host.load(allow=["sick-feeds"])
    assert [(out.name, out.distribution) for out in host.quarantined] == [("sick", "sick-feeds")]
    assert reason in host.quarantined[0].reason
    state = (
        "incompatible"
        if reason.endswith(("TICKTRAIL_API = 1", "ticktrail", "version of it"))
        else "quarantined"
    )
    with pytest.raises(ConfigError, match=rf"plugin sick \(sick-feeds\), which may have it, is {state}: "):
        host.provider("sick")


def test_no_place_is_told_where_the_module_itself_is_missing(site):
    """Where Python looked for it is no place that anybody could mend."""
    install(site, "sick-feeds", "sick", "")
    (site / "sick_feeds_module.py").unlink()
    (out,) = Host.load(allow=["sick-feeds"]).quarantined
    assert out.reason.startswith("its import fails with ModuleNotFoundError")


def test_an_interruption_is_not_taken_for_a_broken_plugin(site):
    """Ctrl-C during an import ends the program."""
    install(site, "slow-feeds", "slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Host.load(allow=["slow-feeds"])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("@hookimpl\ndef ticktrail_provider(): return []", "no hook ticktrail_provider; did you mean"),
        ("def ticktrail_sinks(): return []", "ticktrail_sinks would never be called; put @hookimpl above it"),
        ("@hookimpl\ndef ticktrail_sinks(pluginmanager): return []", "does not fit its declaration"),
        ("@hookimpl\ndef ticktrail_sinks(): return [7]", "ticktrail_sinks returned a int; it must return an iterable"),
        ("@hookimpl\ndef ticktrail_sinks(): return None", "returned a NoneType"),
        ("@hookimpl\ndef ticktrail_sinks(): raise SystemExit(5)", "ticktrail_sinks failed with SystemExit: 5"),
        ("@hookimpl\ndef ticktrail_sinks(): return 1 / 0", "ticktrail_sinks failed with ZeroDivisionError"),
        (RULE.format('name="a\\nb"'), "the rule's name is 'a\\nb'"),
        (RULE.format('name="quarantined"'), "none of not_asked, quarantined"),
        (RULE.format('ticks=("trade",)'), "write a tuple of classes of ticktrail.model"),
        (RULE.format("ticks=Trade"), "write a tuple of classes of ticktrail.model"),
        (RULE.format('scope="rout"'), "scope = 'rout'; write one of leg, route"),
        (RULE.format('action="quarantin"'), "action = 'quarantin'; write one of reject, flag, quarantine"),
        (RULE.format('severity="bad"'), "severity = 'bad'"),
        (PAGE.format("0"), "every_s of page odd is 0; give it seconds above 0"),
        (PAGE.format("float('nan')"), "every_s of page odd is nan"),
        (PAGE.format("'5'"), "every_s of page odd is a str; give it seconds"),
    ],
)  # fmt: skip
def test_a_plugin_at_fault_is_named_with_its_hook(site, source, said):
    """A misspelt, unmarked, ill-fitting or failing hook is an error that names plugin and hook."""
    install(site, "odd-feeds", "odd", HEAD + source)
    with pytest.raises(PluginError, match=r"^plugin odd: ") as caught:
        Host.load(allow=["odd-feeds"])
    assert said in str(caught.value)


def test_a_name_is_declared_once():
    """Two plugins with one provider name are refused, and both are named."""
    with pytest.raises(PluginError, match='provider "acme" is declared by both plugin one and plugin two'):
        Host.load(plugins={"one": acme, "two": plugin(ticktrail_providers=acme.ticktrail_providers)})


def test_a_plugin_name_is_taken_once(site):
    """Two distributions whose entry points have one name are refused, and both are named."""
    install(site, "one-feeds", "odd", HEAD)
    install(site, "two-feeds", "odd", HEAD)
    with pytest.raises(PluginError, match="plugin odd comes from both one-feeds and two-feeds"):
        Host.load(allow=["one-feeds", "two-feeds"])


def test_a_plugin_brought_along_must_fit_too():
    """Whoever embeds ticktrail gets an error for a plugin without the API number, not a silent loss."""
    with pytest.raises(PluginError, match="plugin bare: it does not say"):
        Host.load(plugins={"bare": types.ModuleType("bare")})


def test_commands_are_asked_for_late():
    """Plugins are asked for commands only when somebody wants them."""
    asked = []

    def ticktrail_commands():
        asked.append(1)
        return [click.Command("shine")]

    host = Host.load(plugins={"made": plugin(ticktrail_commands=ticktrail_commands)})
    assert asked == []
    assert "shine" in host.commands()
    assert "shine" in host.commands()
    assert asked == [1]


def test_what_others_made_is_not_trusted_because_an_extra_names_it():
    """The extra for tests names a test runner, and those for keyrings and traces name libraries."""
    assert "ticktrail-binance" in own_distributions()
    assert {name for name in own_distributions() if not name.startswith("ticktrail-")} == set()


def test_own_distributions_are_those_of_the_extras():
    """Trusted unasked is what an extra of core names, and nothing that core merely requires."""
    lines = ["anyio>=4", "Acme_Feeds>=1; extra == 'acme'", 'x[y]>=2 ; python_version > "3" and extra == "x"']
    assert own_distributions(lines) == {"acme-feeds", "x"}


@pytest.mark.parametrize(
    ("module", "source", "said"),
    [
        (
            "gone_feeds_modul",
            "",
            "its entry point names gone_feeds_modul, a module that is not there; mend the entry point",
        ),
        (
            "gone_feeds_module.part",
            "",
            "its entry point names gone_feeds_module.part, a module that is not there",
        ),
        (
            "gone_feeds_module",
            "from ticktrail.modell import Trade",
            "'ticktrail.modell'; ticktrail has no such module; did you mean ticktrail.model?",
        ),
        (
            "gone_feeds_module",
            "import ticktrail.zzz",
            "ticktrail has no such module; mend the import, or upgrade ticktrail",
        ),
        (
            "gone_feeds_module",
            "import gone_feeds_module.part",
            "that is a module of its own; mend the import",
        ),
        ("gone_feeds_module", "import no_such_module_anywhere", "install what it needs"),
    ],
)
def test_a_module_that_is_not_there_is_told_with_whose_fault_it_is(site, module, source, said):
    """A wrong entry point, a wrong import and a package that lacks are mended in three places."""
    install(site, "gone-feeds", "gone", source)
    (site / "gone_feeds-1.0.dist-info/entry_points.txt").write_text(f"[ticktrail]\ngone = {module}\n")
    (out,) = Host.load(allow=["gone-feeds"]).quarantined
    assert said in out.reason
    assert ("install what it needs" in out.reason) == (said == "install what it needs")


def test_ours_come_first_and_the_other_one_gives_way(site):
    """A plugin, or a thing, named as one of ticktrail's own is the one to be renamed, wherever it stands."""
    sink = "from ticktrail.plugin import Settings, sink_spec\n@hookimpl\ndef ticktrail_sinks():\n    return "
    spec = "[sink_spec(name='jsonl', summary='', settings=Settings, open=print)]"
    install(site, "aaa-feeds", "binance", HEAD)
    install(site, "aab-feeds", "lines", HEAD + sink + spec)
    install(site, "aac-feeds", "twin", ACME.read_text())
    install(site, "aad-feeds", "twin", ACME.read_text())
    host = Host.survey(allow=["aaa-feeds", "aab-feeds", "aac-feeds", "aad-feeds"])
    assert host.owner("provider", "binance") == "binance"
    reasons = {out.distribution: out.reason for out in host.broken}
    assert reasons == {
        "aaa-feeds": "plugin binance comes from both ticktrail-binance and aaa-feeds; rename the plugin in aaa-feeds",
        "aab-feeds": 'sink "jsonl" is declared by both plugin sinks and plugin lines; rename it in plugin lines',
        "aad-feeds": "plugin twin comes from both aac-feeds and aad-feeds; uninstall one, or allow only one of them",
    }
    assert all(host.has_plugin_of(name) for name in reasons)
