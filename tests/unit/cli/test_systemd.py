"""systemd is told that the feed has started, how it fares, that it is alive and that it stops: over a real socket."""

import os
import socket
import threading
import time
from contextlib import contextmanager

import anyio
import pytest

from ticktrail.cli.systemd import service_manager
from ticktrail.errors import ConfigError
from unit.readiness.standing import leg, status

LIMIT_S = 30


@contextmanager
def listening(address):
    """A service manager's socket; a leading @ stands for an abstract name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.settimeout(LIMIT_S)
        line.bind("\0" + address[1:] if address.startswith("@") else str(address))
        yield line


@pytest.fixture(params=["path", "abstract"])
def address(request, tmp_path):
    return (
        str(tmp_path / "notify")
        if request.param == "path"
        else f"@ticktrail-test-{os.getpid()}-{time.time_ns()}"
    )


def told(line):
    return line.recv(4_096).decode().split("\n")


def waiting(line):
    """All that waits in the socket now."""
    line.setblocking(False)
    found = []
    while True:
        try:
            found.append(line.recv(4_096).decode())
        except BlockingIOError:
            line.settimeout(LIMIT_S)
            return found


def test_without_the_variables_nothing_is_told():
    """A feed that a person starts has no service manager."""
    assert service_manager({"PATH": "/bin"}) is None
    assert service_manager({"WATCHDOG_USEC": "1000000"}) is None


def test_no_child_inherits_the_variables(address):
    """They are taken out of the environment, and nothing else is."""
    environ = {
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": "20000",
        "WATCHDOG_PID": str(os.getpid()),
        "PATH": "/bin",
    }
    with listening(address):
        service_manager(environ).close()
    assert environ == {"PATH": "/bin"}


def test_started_means_that_a_leg_is_live(address):
    """Until then the time to start in is extended; afterwards only the line about it is renewed."""
    with listening(address) as line:
        manager = service_manager({"NOTIFY_SOCKET": address})
        manager.tell(None)
        assert told(line) == ["EXTEND_TIMEOUT_USEC=30000000", "STATUS=starting"]
        manager.tell(status(legs={"one": leg(state="down")}))
        assert told(line)[0] == "EXTEND_TIMEOUT_USEC=30000000"
        manager.tell(status())
        ready, text = told(line)
        assert ready == "READY=1"
        assert text == "STATUS=ready; one live, two live; 5 delivered, 0 rejected"
        manager.tell(status(legs={"one": leg(state="down"), "two": leg()}))
        assert told(line) == ["STATUS=not ready (outage); one down, two live; 5 delivered, 0 rejected"]
        manager.stopping("interrupted\nREADY=1")
        assert told(line) == ["STOPPING=1", "STATUS=stopping: interrupted\\nREADY=1"]
        manager.close()


def test_ready_is_told_again_where_it_was_not_taken(tmp_path):
    """A queue that is full loses a message, which is counted; that the service has started is not lost."""
    address = str(tmp_path / "notify")
    with listening(address) as line:
        manager = service_manager({"NOTIFY_SOCKET": address})
        while manager.say("STATUS=x"):
            pass
        lost = manager.lost
        manager.tell(status())
        assert manager.lost == lost + 1
        waiting(line)
        manager.tell(status())
        assert told(line)[0] == "READY=1"
        manager.close()


def test_nobody_listens(tmp_path):
    """A variable that leads nowhere is a fault of how the feed is started."""
    with pytest.raises(ConfigError, match="NOTIFY_SOCKET: nobody listens on"):
        service_manager({"NOTIFY_SOCKET": str(tmp_path / "nobody")})


@pytest.mark.parametrize("within", ["0", "soon", "-5"])
def test_a_watchdog_without_a_time(address, within):
    """What is no time is refused."""
    with listening(address), pytest.raises(ConfigError, match="WATCHDOG_USEC"):
        service_manager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": within})


@pytest.mark.anyio
async def test_a_stuck_loop_is_not_alive(address):
    """The watchdog is answered from the event loop: while that is stuck, nothing is told."""
    with listening(address) as line:
        manager = service_manager(
            {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(manager.keep_alive)
            for _ in range(3):  # it comes again and again
                assert await anyio.to_thread.run_sync(told, line) == ["WATCHDOG=1"]
            waiting(line)
            stuck = threading.Event()
            stuck.wait(0.3)  # the loop turns no more: fifteen of its times pass
            assert waiting(line) == []
            assert await anyio.to_thread.run_sync(told, line) == ["WATCHDOG=1"]
            tasks.cancel_scope.cancel()
        manager.close()


@pytest.mark.anyio
async def test_another_process_has_the_watchdog(address):
    """``WATCHDOG_PID`` of somebody else: nobody waits for this process."""
    with listening(address) as line:
        manager = service_manager({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"})
        with anyio.fail_after(LIMIT_S):
            await manager.keep_alive()
        assert waiting(line) == []
        manager.close()
