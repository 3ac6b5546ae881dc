import os

import pytest

from nobody import nobody
from ticktrail._settings.document import nearest, read_document
from ticktrail.errors import ConfigError
from ticktrail.feedfile import load_table
from ticktrail.plugin import Secret, Settings


class Vault(Settings, frozen=True):
    key: Secret
    depth: int = 1


@pytest.mark.parametrize(
    ("raw", "line", "said"),
    [
        (b"a = 1\nb = \n", 2, "not valid TOML at column 5"),
        (b"a = 1\na = 2\n", 2, "not valid TOML"),
        (b"a = 1\nb = [1,\n", 3, "at the end of the file"),
        (b"a = 1\nb = '\xff'\n", 2, "not UTF-8"),
        (b"a = 1\nb = " + b"[" * 40 + b"]" * 40, 2, "nested too deeply; a feed file"),
        (b"a = 1\nb" + b".b" * 100 + b" = 1", 2, "nested too deeply; a feed file"),
        (b"b" + b".b" * 2000 + b" = 1", 1, "nested too deeply; a feed file"),
        (b"a = " + b"9" * 9000, 1, "thousands of digits; write"),
        (b"a = " + b"[" * 5000, 1, "not valid TOML|nested too deeply"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path, raw, line, said):
    """A file that cannot be parsed is refused with file, line, what the parser says and a remedy."""
    path = tmp_path / "feed.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match=said) as caught:
        read_document(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert ";" in str(caught.value)


def test_a_file_that_is_not_there_is_told_with_its_path(tmp_path):
    """Missing file, folder instead of a file: the path and the remedy."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"pipe: is a pipe; save what comes out of it"):
        read_document(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read .*; give the path of a feed file"):
        read_document(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="not of its folder"):
        read_document(tmp_path)


def test_a_file_that_may_not_be_read_is_told(tmp_path):
    """No right to read: said so, with the remedy."""
    path = tmp_path / "feed.toml"
    path.touch(mode=0)
    with nobody(tmp_path), pytest.raises(ConfigError, match="the right to read it"):
        read_document(path)


def test_a_huge_file_is_not_read_to_its_end(tmp_path):
    """The size of what is read is bounded."""
    path = tmp_path / "feed.toml"
    path.write_bytes(b"#" * 2_000_000)
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        read_document(path)


def test_nearest_offers_the_near_or_else_all():
    """A slip is met with one suggestion, a stranger with the whole choice."""
    assert nearest("primry", ["primary", "fallback"]) == "did you mean primary?"
    assert nearest("zzz", ["primary", "fallback"]) == "there is fallback, primary"
    assert nearest("zzz", []) == "there is none"


def test_load_table_reads_one_table_and_no_other(tmp_path):
    """A plugin's command gets its settings although another table is none of its business."""
    path = tmp_path / "feed.toml"
    path.write_text('[feed]\nnonsense = 1\n[vault]\nkey = { env = "K" }\n')
    assert load_table(path, "vault", Vault) == Vault(key=Secret(env="K"))


def test_load_table_tells_every_fault(tmp_path):
    """A missing table, a table that is none, and all faults within one are ConfigErrors."""
    path = tmp_path / "feed.toml"
    path.write_text('vault = 3\n[other]\nkey = "x"\ndepth = "y"\n')
    with pytest.raises(ConfigError, match=r"feed.toml:1: the file: the table \[safe\] is missing"):
        load_table(path, "safe", Vault)
    with pytest.raises(ConfigError, match=r"feed\.toml:1: vault: is a whole number; it must be a table"):
        load_table(path, "vault", Vault)
    with pytest.raises(ConfigError) as caught:
        load_table(path, "other", Vault)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["[other] key", "[other] depth"]
