"""Where an export goes, and where it does not."""

import os
import stat
from pathlib import Path

import pytest

from unit.compliance.export.exporting import audit, log_of, three_days


@pytest.fixture
def folder(tmp_path, monkeypatch):
    log_of(tmp_path, three_days(), segment_ticks=4)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def refused(folder, out, *options):
    done = audit("export", folder / "feed.toml", "--format", "csv", "--out", out, "--purpose", "x", *options)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    return done.stderr


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("../out", "leads elsewhere by `..`"),
        ("a/../../out", "leads elsewhere by `..`"),
        ("..", "leads elsewhere by `..`"),
        (".", "names nothing new"),
        ("nowhere/out", "there is no folder nowhere"),
        ("{folder}/work/../out", "without one"),
        ("there", "is there already"),
        ("link", "is there already"),
        ("over/out", "over is a symbolic link"),
        ("{folder}/work/over/out", "over is a symbolic link"),
        ("dangling", "is there already"),
        ("file/out", "cannot be entered"),
    ],
)
def test_no_export_goes_there(folder, out, says):
    """Out of the working folder, over a link, into something that is there: told, and nothing is made anywhere."""
    (folder / "elsewhere").mkdir()
    Path("there").mkdir()
    Path("file").write_text("")
    Path("link").symlink_to(folder / "elsewhere")
    Path("over").symlink_to(folder / "elsewhere")
    Path("dangling").symlink_to(folder / "nothing")
    before = sorted(folder.rglob("*"))
    assert says in refused(folder, out.format(folder=folder))
    after = [path for path in sorted(folder.rglob("*")) if not path.name.endswith(("-wal", "-shm"))]
    assert after == before


def test_names_that_stay_within(folder):
    """`..` that leads nowhere else is none."""
    Path("a").mkdir()
    done = audit("export", folder / "feed.toml", "--format", "csv", "--out", "a/../out", "--purpose", "x")
    assert done.exit_code == 0, done.output
    assert Path("out/manifest.json").is_file()


def test_a_link_in_the_unfinished_folders_place(folder):
    """Content follows no link, were it made beforehand."""
    (folder / "elsewhere").mkdir()
    Path("out.partial").symlink_to(folder / "elsewhere")
    assert "is a symbolic link" in refused(folder, "out")
    assert list((folder / "elsewhere").iterdir()) == []


def test_a_file_that_is_a_link_in_the_unfinished_folder(folder):
    """A file that somebody put there is not written through."""
    victim = folder / "victim"
    victim.write_text("mine")
    Path("out.partial").mkdir(mode=0o700)
    (Path("out.partial") / "export").mkdir(mode=0o700)
    (Path("out.partial") / "export" / "rows.csv").symlink_to(victim)
    assert "cannot be written" in refused(folder, "out")
    assert victim.read_text() == "mine"


def test_an_unfinished_folder_that_others_can_write(folder):
    """It is not gone on with: its content could be anybody's."""
    Path("out.partial").mkdir()
    Path("out.partial").chmod(0o777)
    assert "is not this user's alone" in refused(folder, "out")


def test_a_folder_that_gives_its_group_on(folder):
    """A setgid bit that comes from above lets nobody in."""
    Path().chmod(0o2755)
    done = audit("export", folder / "feed.toml", "--format", "csv", "--out", "out", "--purpose", "x")
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(Path("out").stat().st_mode) & 0o777 == 0o700


def test_something_else_in_the_unfinished_folder(folder):
    """What is not of the export does not come into it."""
    Path("out.partial").mkdir(mode=0o700)
    (Path("out.partial") / "export").mkdir(mode=0o700)
    (Path("out.partial") / "export" / "notes.txt").write_text("")
    assert "notes.txt" in refused(folder, "out")
    assert not Path("out").exists()


@pytest.mark.parametrize("keys", ["out/keys.json", "out.partial/keys.json", "out", "a/../out/keys.json"])
def test_keys_never_lie_in_the_export(folder, keys):
    """Who is given the folder is not given the keys by that."""
    Path("a").mkdir()
    assert "keep the keys apart" in refused(folder, "out", "--keys-out", keys)


def test_keys_do_not_take_a_files_place(folder):
    """What is there stays."""
    Path("keys.json").write_text("mine")
    assert "--keys-out keys.json is there already" in refused(folder, "out", "--keys-out", "keys.json")
    assert Path("keys.json").read_text() == "mine"
    assert not Path("out.partial").exists()


def test_another_export_under_the_same_name(folder):
    """An interrupted one is not mixed with another."""
    Path("out.partial").mkdir(mode=0o700)
    (Path("out.partial") / "export").mkdir(mode=0o700)
    (Path("out.partial") / "export" / "odd").write_text("")
    refused(folder, "out")
    assert "holds another export that was interrupted" in refused(folder, "out", "--outcome", "event")
    (Path("out.partial") / "export" / "odd").unlink()
    done = audit(
        "export", folder / "feed.toml", "--format", "csv", "--out", "out", "--purpose", "x", "--json"
    )
    assert done.exit_code == 0, done.output
    assert '"resumed":true' in done.stdout
    assert os.listdir() == ["out"]  # noqa: PTH208 - names alone
