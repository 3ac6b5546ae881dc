"""A file gets a line a message."""

import json
import os
import stat

import msgspec
import pytest

from ticktrail.plugin import SystemClock
from ticktrail_alerts.channels import ChannelError, open_channel
from ticktrail_alerts.settings import Target
from unit.alerts.messages import message

pytestmark = pytest.mark.anyio
TARGET = msgspec.convert({"file": {"path": "alerts.jsonl"}}, Target)


async def send(base_dir, *ids):
    async with open_channel(TARGET, base_dir, SystemClock()) as channel:
        for one in ids:
            await channel.send(message(message_id=one))


async def test_lines_are_appended_for_its_owner_alone(tmp_path):
    """Each is JSON by itself; the mode is 0600 whatever the umask."""
    before = os.umask(0)
    try:
        await send(tmp_path, "m1", "m2")
        await send(tmp_path, "m3")
    finally:
        os.umask(before)
    path = tmp_path / "alerts.jsonl"
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["m1", "m2", "m3"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_line_that_was_cut_off_spoils_no_other(tmp_path):
    """A crash left half of one."""
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'{"version":1,"i')
    await send(tmp_path, "m1")
    half, whole = path.read_text().splitlines()
    assert json.loads(whole)["id"] == "m1"
    assert half == '{"version":1,"i'


async def test_a_link_is_not_followed(tmp_path):
    """Somebody who can write the folder could have any file written."""
    (tmp_path / "other").write_text("")
    (tmp_path / "alerts.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(ChannelError, match="cannot be written"):
        await send(tmp_path, "m1")
    assert (tmp_path / "other").read_text() == ""


async def test_a_folder_that_is_not_there(tmp_path):
    """The message names the file and why."""
    with pytest.raises(ChannelError, match=r"alerts\.jsonl cannot be written: No such file"):
        await send(tmp_path / "none", "m1")
