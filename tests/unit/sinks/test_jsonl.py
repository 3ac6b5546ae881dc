"""The file that the JSON-lines sink leaves, whatever happens to it."""

import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ticktrail._sinks.jsonl import SPEC, JsonlSettings
from ticktrail.errors import SinkError
from ticktrail.model import Tick
from ticktrail.plugin import SinkContext
from ticktrail.testing import ManualClock, make_trade
from ticktrail.wire import decode_line, encode_lines

pytestmark = pytest.mark.anyio
ONE, TWO, THREE = (make_trade(id=number) for number in (1, 2, 3))


async def write(folder: Path, *ticks: Tick, path: str = "ticks.jsonl", append: bool = True) -> None:
    context = SinkContext(name="it", feed="btc", clock=ManualClock(), base_dir=folder)
    async with SPEC.open(JsonlSettings(path=path, append=append), context) as sink:
        await sink.write(ticks)


def read(path: Path) -> list[Tick]:
    return [decode_line(line) for line in path.read_bytes().splitlines()]


async def test_a_second_run_appends(tmp_path: Path) -> None:
    """By default nothing that is there is lost."""
    await write(tmp_path, ONE)
    await write(tmp_path, TWO)
    assert read(tmp_path / "ticks.jsonl") == [ONE, TWO]


async def test_append_false_overwrites(tmp_path: Path) -> None:
    """Who asks for an empty file gets one."""
    await write(tmp_path, ONE)
    await write(tmp_path, TWO, append=False)
    assert read(tmp_path / "ticks.jsonl") == [TWO]


async def test_modes_of_a_new_file_and_folder(tmp_path: Path) -> None:
    """A file that others may read, in a folder that they may not enter until its owner lets them."""
    await write(tmp_path, ONE, path="out/ticks.jsonl")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "out" / "ticks.jsonl").stat().st_mode) == 0o644 & ~umask
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


async def test_two_missing_folders_are_a_slip(tmp_path: Path) -> None:
    """The message names the path and what to do; nothing is made."""
    with pytest.raises(SinkError, match=r"a/b/ticks\.jsonl .*No such file.*make its folder first"):
        await write(tmp_path, ONE, path="a/b/ticks.jsonl")
    assert not (tmp_path / "a").exists()


async def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The message says so."""
    (tmp_path / "ticks.jsonl").mkdir()
    with pytest.raises(SinkError, match="it is a folder: name a file in it"):
        await write(tmp_path, ONE)


@pytest.mark.parametrize("torn", [b"{", b'{"type":"trade","instr', encode_lines([ONE])[:-2]])
async def test_a_torn_tail_is_moved_aside(tmp_path: Path, torn: bytes) -> None:
    """After a crash in the middle of a line the file goes on whole, and the torn bytes are kept."""
    path = tmp_path / "ticks.jsonl"
    path.write_bytes(encode_lines([ONE, TWO]) + torn)
    await write(tmp_path, THREE)
    assert read(path) == [ONE, TWO, THREE]
    assert (tmp_path / "ticks.jsonl.torn").read_bytes() == torn + b"\n"


async def test_a_file_that_is_all_torn_tail(tmp_path: Path) -> None:
    """The first line may be the torn one."""
    path = tmp_path / "ticks.jsonl"
    path.write_bytes(b'{"type"')
    await write(tmp_path, THREE)
    assert read(path) == [THREE]


async def test_a_whole_tick_without_its_line_end_is_kept(tmp_path: Path) -> None:
    """Only the line's end was torn off: it is put back."""
    path = tmp_path / "ticks.jsonl"
    path.write_bytes(encode_lines([ONE])[:-1])
    await write(tmp_path, TWO)
    assert read(path) == [ONE, TWO]
    assert not (tmp_path / "ticks.jsonl.torn").exists()


async def test_something_else_is_not_cut(tmp_path: Path) -> None:
    """A big file without a line's end in it is not ours to mend."""
    path = tmp_path / "ticks.jsonl"
    with path.open("wb") as file:
        file.truncate(17 * 1_048_576)
    with pytest.raises(SinkError, match=r"holds no JSON lines .* another path"):
        await write(tmp_path, ONE)
    assert path.stat().st_size == 17 * 1_048_576


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
@pytest.mark.parametrize("count", [1, 2_000])
async def test_a_full_disk_is_a_sink_error(tmp_path: Path, count: int) -> None:
    """Small writes and big ones (in a thread): the message names the path and the remedy."""
    with pytest.raises(SinkError, match=r"/dev/full \(No space left on device\): free space"):
        await write(tmp_path, *[ONE] * count, path="/dev/full")


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


async def test_a_write_that_fails_half_way_leaves_whole_lines(tmp_path: Path) -> None:
    """What the disk took of a refused write is cut off again."""
    await write(tmp_path, ONE)
    path = tmp_path / "ticks.jsonl"
    with file_size_limit(path.stat().st_size + 100), pytest.raises(SinkError, match="File too large"):
        await write(tmp_path, TWO)
    assert read(path) == [ONE]
    await write(tmp_path, THREE)
    assert read(path) == [ONE, THREE]


async def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    """A named pipe has no tail to mend and no disk to reach."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        await write(tmp_path, ONE, path="pipe")
        assert decode_line(os.read(reader, 65_536)) == ONE
    finally:
        os.close(reader)
