"""What chronyd says, from lines as it writes them and from a real one."""

from collections.abc import Iterator

import anyio
import pytest

from chrony import chronyd, need_chrony, shifted_chronyds
from ticktrail._clock.chrony import NotRunning, ask_chrony, read_tracking
from ticktrail._clock.ntp import Measurement

LINE = (
    "A29FC87B,162.159.200.123,4,1795611750.144909125,-0.000123456,0.000000012,0.000000023,"
    "-0.112,0.003,0.324,0.010000001,0.001000002,64.2,Normal"
)


def test_a_line_is_an_offset_with_its_bound() -> None:
    """System time with its sign, half of the root delay and the root dispersion, to the nanosecond."""
    assert read_tracking(LINE) == Measurement(
        server="local chronyd", offset_ns=-123_456, bound_ns=5_000_001 + 1_000_002
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINE.replace("Normal", "Not synchronised"), "not synchronised"),
        (LINE.replace("A29FC87B,162.159.200.123", "7F7F0101,"), "its local mode"),
        ("506 Cannot talk to daemon", "1 fields"),
        ("", "1 fields"),
        (LINE + ",more", "15 fields"),
        (LINE.replace("-0.000123456", "soon"), "'soon' where seconds"),
        (LINE.replace("0.001000002", "NaN"), "'NaN' where seconds"),
        (LINE.replace("0.001000002", "-1"), "negative"),
        (LINE.replace("0.001000002", "1E+999999999"), "where seconds"),
    ],
)
def test_what_is_no_evidence_is_refused(line: str, message: str) -> None:
    """chronyd that is not synchronised, follows itself, or says what nobody expects."""
    with pytest.raises(ValueError, match=message):
        read_tracking(line)


@pytest.fixture(scope="module")
def shifted() -> Iterator[list[tuple[str, str]]]:
    with shifted_chronyds(0.030, -0.5) as found:
        yield found


@pytest.mark.anyio
async def test_a_real_one_is_read(shifted: list[tuple[str, str]]) -> None:
    """Its offset is positive where this machine is behind, as ours is."""
    for (_, socket), offset_ms in zip(shifted, (30, -500), strict=True):
        found = await ask_chrony(socket, timeout_s=10)
        assert abs(found.offset_ns / 1e6 - offset_ms) < 2
        assert found.bound_ns < 2_000_000


@pytest.mark.anyio
async def test_one_that_follows_only_itself_is_no_evidence() -> None:
    """``local stratum 8`` without a source."""
    need_chrony()
    with chronyd("local stratum 8") as (_, socket), anyio.fail_after(20):
        while True:
            try:
                with pytest.raises(ValueError, match="local mode"):
                    await ask_chrony(socket, timeout_s=10)
            except NotRunning:  # its socket comes a moment after it
                await anyio.sleep(0.05)
            else:
                break


@pytest.mark.anyio
async def test_none_that_runs() -> None:
    """No chronyd at the socket is told apart from a bad answer."""
    need_chrony()
    with pytest.raises(NotRunning):
        await ask_chrony("/nonexistent/chronyd.sock", timeout_s=10)


@pytest.mark.anyio
async def test_none_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program there is nothing to run."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NotRunning, match="not installed"):
        await ask_chrony("", timeout_s=10)


@pytest.mark.anyio
async def test_one_that_hangs_costs_the_timeout(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is ended, and the deadline said."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "chronyc"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    with anyio.fail_after(20), pytest.raises(TimeoutError, match=r"no answer within 0.2 s"):
        await ask_chrony("", timeout_s=0.2)
