"""A feed whose file names a lock imports the plugins that it pins, or none."""

import sys

import anyio
import pytest

from ticktrail._host import Host
from ticktrail._host.lock import pins_of_installed
from ticktrail._plan import compose
from ticktrail.cli.plugins.loading import load_host
from ticktrail.errors import ConfigError
from ticktrail.feed import open_feed
from ticktrail.pins import Pin, read_lock, write_lock
from unit.host.installed import ACME, install

FEED = """\
[feed]
name = "pinned"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[clock]
servers = []
[providers.synthetic]
ticks = 5
[[sinks]]
plugin = "memory"
[plugins]
allow = ["acme-feeds"]
lock = "plugins.lock"
"""
MARKED = "from pathlib import Path\nPath(r'{0}').touch()\n"


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A feed with a lock that holds; gives its file, the plugin's file, and the mark of an import."""
    site = tmp_path / "site"
    site.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(site))
    mark = tmp_path / "imported"
    text = ACME.read_text().replace("from __future__ import annotations\n", "")
    install(site, "acme-feeds", "acme", MARKED.format(mark) + text, version="2.5")
    feed = tmp_path / "feed.toml"
    feed.write_text(FEED)
    host = Host.load(allow=["acme-feeds"])
    pins = {one.distribution: (one.version, one.sha256) for one in host.loaded}
    lock = tmp_path / "plugins.lock"
    lock.write_text(write_lock(Pin(name=n, version=v, sha256=h) for n, (v, h) in pins.items()))
    forget(before)
    mark.unlink()
    yield feed, site / "acme_feeds_module.py", mark
    forget(before)


def forget(before):
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


def refused(feed):
    with pytest.raises(ConfigError) as caught:
        compose(feed)
    return caught.value.problems


def test_a_lock_that_holds_changes_nothing(acme):
    """The plugins run, and the plan tells the hashes that were locked."""
    feed, _, mark = acme
    plan = compose(feed)
    assert mark.exists()
    locked = {pin.name: pin.sha256 for pin in read_lock(feed.parent / "plugins.lock")}
    assert {one.distribution: one.sha256 for one in plan.plugins} == locked


def test_a_changed_file_is_refused_before_it_is_imported(acme):
    """The message names the distribution, both hashes, and the command that follows a look at what changed."""
    feed, module, mark = acme
    (was,) = [pin for pin in read_lock(feed.parent / "plugins.lock") if pin.name == "acme-feeds"]
    with module.open("a") as file:
        file.write("\n# another\n")
    (problem,) = refused(feed)
    assert problem.startswith(
        f"{feed}:14: [plugins] lock: acme-feeds is locked as 2.5 (sha256 {was.sha256[:12]}…)"
    )
    assert f"look at what changed, then run `ticktrail plugins lock {feed}`" in problem
    assert not mark.exists()


def test_what_is_not_in_the_lock_is_refused(acme):
    """A distribution that somebody installed since is not even imported."""
    feed, module, mark = acme
    site = module.parent
    install(site, "new-feeds", "new", MARKED.format(mark))
    feed.write_text(FEED.replace('"acme-feeds"', '"acme-feeds", "new-feeds"'))
    (problem,) = refused(feed)
    assert "new-feeds 1.0 (sha256 " in problem
    assert "is not in the lock" in problem
    assert not mark.exists()


def test_a_borrowed_name_comes_past_no_lock(acme):
    """A distribution is found by its folder's name: one whose metadata say an allowed name is not imported for that."""
    feed, module, _ = acme
    theirs = module.parent / "theirs"
    install(module.parent, "evil-feeds", "evil", MARKED.format(theirs) + "TICKTRAIL_API = 1\n", version="2.5")
    metadata = module.parent / "evil_feeds-2.5.dist-info" / "METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: acme-feeds\nVersion: 2.5\n")
    assert "evil" not in {one.name for one in compose(feed).plugins}
    metadata.write_text("Metadata-Version: 2.1\nName: ticktrail-binance\nVersion: 2.5\n")
    host = Host.load()
    assert [(one.name, "uninstall it" in one.reason) for one in host.quarantined] == [("evil", True)]
    assert not theirs.exists()


def test_what_is_locked_and_at_fault_is_told_as_that(acme):
    """It is installed and allowed: what is to be mended is what its import says, and to look at it is no fault."""
    feed, module, _ = acme
    module.write_text("import no_such_module_anywhere\n")
    lock = feed.parent / "plugins.lock"
    lock.write_text(write_lock(pins_of_installed(["acme-feeds"])))
    (problem,) = refused(feed)
    assert "acme-feeds 2.5 is in the lock, and its plugin acme takes no part" in problem
    assert "no_such_module_anywhere" in problem
    assert "not installed or not allowed" not in problem
    host = load_host(feed, ())
    assert [out.name for out in host.quarantined] == ["acme"]


def test_what_is_gone_is_refused(acme):
    """A lock is of all that took part: a feed that lost a rule's plugin does not run without it."""
    feed, _, mark = acme
    feed.write_text(FEED.replace('allow = ["acme-feeds"]', ""))
    (problem,) = refused(feed)
    assert "acme-feeds 2.5 (sha256 " in problem
    assert "is in the lock, and is not installed or not allowed" in problem
    assert not mark.exists()


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (None, "the lock of the plugins cannot be read (No such file"),
        ("[", "is no lock of plugins"),
        ("version = 2", "is no lock of plugins"),
        (
            'version = 1\n[[distributions]]\nname = "x"\nversion = "1"\nsha256 = "abc"',
            "is no lock of plugins",
        ),
        (
            "version = 1\n"
            + '[[distributions]]\nname = "x"\nversion = "1"\nsha256 = "%s"\n' % ("0" * 64) * 2,
            "pins x twice",
        ),
    ],
)
def test_a_lock_that_cannot_be_read_lets_nothing_in(acme, lock, said):
    """Missing, broken or of another form: nothing is imported."""
    feed, _, mark = acme
    path = feed.parent / "plugins.lock"
    path.unlink()
    if lock is not None:
        path.write_text(lock)
    (problem,) = refused(feed)
    assert said in problem
    assert "ticktrail plugins lock" in problem
    assert not mark.exists()


@pytest.mark.parametrize("fault", ["lock = 3", 'lock = ""', 'lock = "plugins.lock"\nextra = 1'])
def test_a_fault_beside_the_lock_lets_nothing_in(acme, fault):
    """A table that cannot be read may have meant to pin: it is not passed over."""
    feed, _, mark = acme
    feed.write_text(FEED.replace('lock = "plugins.lock"', fault))
    assert refused(feed)
    assert not mark.exists()


def test_plugins_that_are_loaded_are_compared_as_they_were(acme):
    """A reload of a feed goes by what runs, not by what somebody put in its place meanwhile."""
    feed, module, _ = acme
    host = Host.load(allow=["acme-feeds"])
    compose(feed, host)
    with module.open("a") as file:
        file.write("\n# another\n")
    compose(feed, host)
    other = feed.parent / "plugins.lock"
    other.write_text(other.read_text().replace('version = "2.5"', 'version = "2.6"'))
    with pytest.raises(
        ConfigError, match=r"acme-feeds is locked as 2.6 and calls itself 2.5, with the same files"
    ):
        compose(feed, host)


@pytest.mark.anyio
async def test_an_embedded_feed_goes_by_its_lock(acme):
    """`open_feed` refuses as `run` does."""
    feed, module, mark = acme
    with anyio.fail_after(20):
        async with open_feed(feed) as running:
            assert len([tick async for tick in running]) == 5
    mark.unlink()
    with module.open("a") as file:
        file.write("\n# another\n")
    with pytest.raises(ConfigError, match="acme-feeds is locked"):
        async with open_feed(feed):
            raise AssertionError("it ran")
    assert not mark.exists()


def test_a_lock_says_the_same_whatever_the_order():
    """So that a version control system shows what changed, and nothing else."""
    pins = [Pin(name=name, version="1", sha256="0" * 64, plugins=("b", "a")) for name in ("B", "a", "c-d")]
    assert write_lock(pins) == write_lock(reversed(pins))
