"""The digest of a distribution is of all its files, however it is installed, and of nothing else."""

import json
import os
import subprocess
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from ticktrail.digest import MOST_BYTES, MOST_FILES, distribution_sha256
from ticktrail.errors import PluginError

INSTALLED = ("wheel", "editable", "without a RECORD")
FILES = {
    "acme_feeds/__init__.py": "",
    "acme_feeds/plugin.py": "raise SystemExit('imported')",
    "acme_feeds/decoder.py": "PRICE = 1",
    "acme_feeds/venue/__init__.py": "",
    "acme_feeds/venue/symbols.json": "{}",
}


@pytest.fixture(autouse=True)
def _forgotten():
    before = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = before[1]
    for name in set(sys.modules) - before[0]:
        del sys.modules[name]


def install(folder, how="wheel", files=FILES, module="acme_feeds.plugin", name="acme-feeds"):
    """Write a distribution into a folder on the path; return where its sources are."""
    site = folder / "site"
    source = folder / "src" if how == "editable" else site
    for path, text in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ticktrail]\nacme = {module}\n")
    listed = [f"{info.name}/METADATA,,", "../../bin/acme,,"]
    if how == "wheel":
        (info / "RECORD").write_text("\n".join([*listed, *(f"{path},," for path in files)]) + "\n")
    elif how == "editable":
        (site / "acme.pth").write_text(str(source))
        (info / "RECORD").write_text("\n".join([*listed, "acme.pth,,"]) + "\n")
        (info / "direct_url.json").write_text(json.dumps({"url": "x", "dir_info": {"editable": True}}))
    sys.path[:0] = dict.fromkeys([str(site), str(source)])
    return source


@pytest.mark.parametrize("how", INSTALLED)
@pytest.mark.parametrize(
    "path",
    [
        "acme_feeds/plugin.py",
        "acme_feeds/decoder.py",
        "acme_feeds/venue/symbols.json",
        "acme_feeds/venue/new.py",
    ],
)
def test_each_file_counts_and_a_new_one_does(tmp_path, how, path):
    """A changed decoder beside a plugin, and a module that nobody installed, are another distribution."""
    source = install(tmp_path, how)
    before = distribution_sha256("acme-feeds")
    (source / path).write_text("PRICE = 2")
    assert distribution_sha256("Acme.Feeds") != before


def test_a_wheel_and_its_sources_have_one_digest(tmp_path):
    """So that a pin holds on every machine."""
    found = set()
    for how in INSTALLED:
        (tmp_path / how).mkdir()
        install(tmp_path / how, how)
        found.add(distribution_sha256("acme-feeds"))
        del sys.path[:1]
    assert len(found) == 1


def test_it_is_what_sha256sum_says(tmp_path):
    """Nobody needs this program to tell it."""
    source = install(tmp_path)
    script = "find acme_feeds -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum --zero | sha256sum"
    done = subprocess.run(script, shell=True, cwd=source, check=True, capture_output=True, text=True)
    assert done.stdout.split()[0] == distribution_sha256("acme-feeds")


@pytest.mark.parametrize("how", INSTALLED)
def test_what_python_and_installers_write_does_not_count(tmp_path, how):
    """Nor what lies beside it."""
    source = install(tmp_path, how)
    before = distribution_sha256("acme-feeds")
    (source / "acme_feeds/__pycache__").mkdir()
    (source / "acme_feeds/__pycache__/plugin.cpython-311.pyc").write_bytes(b"x")
    (tmp_path / "site/acme_feeds-1.0.dist-info/INSTALLER").write_text("pip")
    (source / "other.py").write_text("")
    assert distribution_sha256("acme-feeds") == before


@pytest.mark.parametrize("how", INSTALLED)
def test_a_namespace_is_shared_and_a_package_in_it_is_not(tmp_path, how):
    """Another distribution's part of the namespace does not count."""
    files = {"house/acme/__init__.py": "", "house/acme/plugin.py": ""}
    source = install(tmp_path, how, files, "house.acme.plugin")
    before = distribution_sha256("acme-feeds")
    (source / "house/other").mkdir()
    (source / "house/other/__init__.py").write_text("")
    assert distribution_sha256("acme-feeds") == before
    (source / "house/acme/new.py").write_text("")
    assert distribution_sha256("acme-feeds") != before


@pytest.mark.parametrize("how", INSTALLED)
def test_a_single_module_is_a_distribution(tmp_path, how):
    """In no package, or in a namespace."""
    for number, (path, module) in enumerate({"acme.py": "acme", "house/acme.py": "house.acme"}.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        source = install(folder, how, {path: ""}, module)
        before = distribution_sha256("acme-feeds")
        (source / path).write_text("#")
        assert distribution_sha256("acme-feeds") != before


def test_links_are_followed_as_imports_do_and_not_in_a_circle(tmp_path):
    """What a link leads to is imported."""
    source = install(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (source / "acme_feeds/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/round").symlink_to(source / "acme_feeds")
    before = distribution_sha256("acme-feeds")
    (tmp_path / "elsewhere/decoder.py").write_text("")
    assert distribution_sha256("acme-feeds") != before


def test_it_is_bounded_and_says_so(tmp_path):
    """A start does not read gigabytes, nor passes over what it did not read."""
    source = install(tmp_path)
    with (source / "acme_feeds/data.bin").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(PluginError, match=r"acme-feeds has more than 256 MiB of files.*keep data out"):
        distribution_sha256("acme-feeds")
    (source / "acme_feeds/data.bin").unlink()
    (source / "acme_feeds/many").mkdir()
    for number in range(MOST_FILES):
        os.close(os.open(source / f"acme_feeds/many/{number}", os.O_CREAT))
    with pytest.raises(PluginError, match=r"acme-feeds has more than 10,000 files.*keep data out"):
        distribution_sha256("acme-feeds")


def test_what_is_not_there_is_an_error(tmp_path):
    """Nobody takes the hash of nothing for one of something."""
    with pytest.raises(PluginError, match="no-such-feeds is not installed"):
        distribution_sha256("no-such-feeds")
    install(tmp_path, files={}, module="acme_gone.plugin")
    with pytest.raises(PluginError, match="none of its files can be found"):
        distribution_sha256("acme-feeds")


@pytest.mark.parametrize("how", INSTALLED)
@pytest.mark.parametrize("where", ["beside", "before"])
def test_what_would_be_imported_in_place_of_a_module_counts(tmp_path, how, where):
    """A package beside it, or a module in a folder that comes before: Python imports that and not what is listed."""
    files = {"acme.py": "import acme_core", "acme_core.py": "PRICE = 1"}
    source = install(tmp_path, how, files=files, module="acme")
    before = distribution_sha256("acme-feeds")
    if where == "beside":
        name = "acme" if how != "wheel" else "acme_core"
        (source / name).mkdir()
        (source / name / "__init__.py").write_text("PRICE = 2")
    else:
        name = "acme.py" if how != "wheel" else "acme_core.py"
        (tmp_path / "first").mkdir()
        (tmp_path / "first" / name).write_text("PRICE = 2")
        sys.path.insert(0, str(tmp_path / "first"))
    assert distribution_sha256("acme-feeds") != before


@pytest.mark.parametrize("how", INSTALLED)
def test_of_two_folders_with_a_namespace_the_first_counts(tmp_path, how):
    """As an import has it: also where the same module lies in the second, and a folder of its name beside it."""
    source = install(tmp_path, how, files={"acme/feed.py": "PRICE = 1"}, module="acme.feed")
    (source / "acme" / "feed").mkdir()
    before = distribution_sha256("acme-feeds")
    for folder in ("first", "last"):
        (tmp_path / folder / "acme").mkdir(parents=True)
        (tmp_path / folder / "acme" / "feed.py").write_text("PRICE = 2")
    sys.path.append(str(tmp_path / "last"))
    assert distribution_sha256("acme-feeds") == before
    sys.path.insert(0, str(tmp_path / "first"))
    assert distribution_sha256("acme-feeds") != before


@pytest.mark.parametrize("how", INSTALLED)
@pytest.mark.parametrize("end", [*EXTENSION_SUFFIXES, ".pyc"])
def test_a_package_is_one_however_it_begins(tmp_path, how, end):
    """Compiled code beside a module of its name is imported in the place of that."""
    files = {"acme.py": "PRICE = 1"}
    source = install(tmp_path, how, files=files, module="acme")
    before = distribution_sha256("acme-feeds")
    (source / "acme").mkdir()
    (source / "acme" / f"__init__{end}").write_bytes(b"code")
    assert distribution_sha256("acme-feeds") != before


@pytest.mark.parametrize("how", INSTALLED)
@pytest.mark.parametrize("name", ["acme.py", "acme/__init__.py", "acme/feed.py"])
def test_what_would_be_imported_from_an_archive_is_not_hashed(tmp_path, how, name):
    """A zip file that comes before is imported from; there is no file that could be compared, and it is told."""
    install(tmp_path, how, files={name: "PRICE = 1"}, module="acme.feed" if "feed" in name else "acme")
    assert len(distribution_sha256("acme-feeds")) == 64
    with zipfile.ZipFile(tmp_path / "first.zip", "w") as archive:
        archive.writestr("acme/" if "/" in name else "other/", "")  # by which a namespace is known
        archive.writestr(name, "PRICE = 2")
    sys.path.insert(0, str(tmp_path / "first.zip"))
    with pytest.raises(PluginError, match=r"first\.zip.*take it from the path"):
        distribution_sha256("acme-feeds")
