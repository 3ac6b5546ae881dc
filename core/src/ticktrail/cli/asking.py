"""Ask a running feed something, over the socket that its file names.

Owns: one request, its answer, and what it means that there is none.
Never: shows anything.
"""

from __future__ import annotations

import socket
from pathlib import Path

from ticktrail.errors import ConfigError, RouteError

__all__ = ["answer_of", "ask", "lines_of", "see_that_it_is_done"]

_WITHIN_S = 60.0
"""How long an answer may take: a provider may look through files before it takes another instrument."""
_MOST_BYTES = 16 * 2**20


def ask(feed_file: Path, request: dict[str, object]) -> dict[str, object]:
    """Send one request and return the answer.

    Raises:
        ConfigError: The feed has no socket, or does not run.
        RouteError: It cannot be done.
    """
    answer = answer_of(feed_file, request)
    see_that_it_is_done(answer)
    return answer


def see_that_it_is_done(answer: dict[str, object]) -> None:
    """Return if the feed did as it was told.

    Raises:
        ConfigError: Its file is at fault.
        RouteError: It cannot be done.
    """
    if answer.get("done"):
        return
    problems = lines_of(answer, "problems")
    raise ConfigError(*problems) if problems else RouteError(str(answer.get("error")))


def lines_of(answer: dict[str, object], key: str) -> tuple[str, ...]:
    """Return the texts that an answer has under a key; none where it has no such key."""
    lines = answer.get(key)
    return tuple(map(str, lines)) if isinstance(lines, list) else ()


def answer_of(feed_file: Path, request: dict[str, object]) -> dict[str, object]:
    """Send one request and return the answer, whatever it is.

    Raises:
        ConfigError: The feed has no socket, or does not run.
    """
    import msgspec  # noqa: PLC0415 - so that help comes without it

    from ticktrail._plan.tables import ControlTable  # noqa: PLC0415 - likewise
    from ticktrail.feedfile import load_table  # noqa: PLC0415 - likewise

    path = feed_file.parent / load_table(feed_file, "control", ControlTable).socket
    received = bytearray()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_WITHIN_S)
            line.connect(str(path))
            line.sendall(msgspec.json.encode(request) + b"\n")
            while not received.endswith(b"\n") and len(received) < _MOST_BYTES:
                part = line.recv(65_536)
                if not part:
                    break
                received += part
    except (FileNotFoundError, ConnectionRefusedError) as exc:
        raise ConfigError(f"no feed listens on {path}; start it with `ticktrail run {feed_file}`") from exc
    except OSError as exc:
        raise ConfigError(f"the feed on {path} does not answer: {exc.strerror or exc}") from exc
    try:
        answer: dict[str, object] = msgspec.json.decode(bytes(received), type=dict[str, object])
    except msgspec.MsgspecError as exc:
        raise ConfigError(f"the feed on {path} gave no answer; see whether it is stopping") from exc
    return answer
