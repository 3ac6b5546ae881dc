"""Listen on a unix socket for what a person tells a running feed, and do it.

Owns: the socket (mode 0600), who may speak and for how long, the form of requests and answers, and the record of each.
Never: decides what an order does to a route; its nodes do.

A request is one line of JSON, and so is the answer; a connection carries one of each.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal

import anyio
import anyio.abc
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

from ticktrail._contracts.clock import Clock
from ticktrail.errors import ConfigError, FeedError
from ticktrail.events import ControlOrdered, Event
from ticktrail.model import InstrumentId
from ticktrail.status import FeedStatus

__all__ = ["Answer", "Request", "serve_control"]

_MOST_BYTES = 65_536
_WITHIN_S = 5.0
"""How long a request may take to come, and an answer to be read."""
_ASKING = frozenset({"status", "preview"})
_AT_ONCE = 8
"""Connections that are served at the same time; more wait in the kernel's queue."""
_LONGEST_PATH = 100
"""Bytes of a path that every system takes for a socket; Linux takes 107."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: `do`, of which leg, for which instruments (None: all), and why."""

    do: Literal[
        "status", "switch", "pin", "unpin", "promote", "roll_back", "reset", "rest", "wake", "stop",
        "drain", "subscribe", "unsubscribe", "reload", "preview",
    ]  # fmt: skip
    leg: str | None = None
    instruments: tuple[InstrumentId, ...] | None = None
    reason: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: `done`, or `error` with what can be done about it; `status` where it was asked for.

    Of a change of the feed: `applied` is what is different, or would be; `problems` are the faults of its file, or what
    needs a restart, one paragraph each; `warnings` what its new plan warns of.
    """

    done: bool
    error: str = ""
    status: FeedStatus | None = None
    problems: Sequence[str] = ()
    applied: Sequence[str] = ()
    warnings: Sequence[str] = ()


async def serve_control(
    path: Path,
    carry_out: Callable[[Request], Awaitable[Answer]],
    publish: Callable[[Event], None],
    clock: Clock,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; the socket's file is gone afterwards.

    Args:
        path: The socket.
        carry_out: Does what is asked.
        publish: Is given a record of each order; what only asks is none.
        clock: For the records' times.
        task_status: Started once somebody can connect.

    Raises:
        ConfigError: The socket cannot be opened, or another feed listens there.
    """
    listener = await _listen(path)
    slots = anyio.CapacityLimiter(_AT_ONCE)

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream, slots:
            with contextlib.suppress(
                anyio.BrokenResourceError, anyio.ClosedResourceError
            ):  # who asked is gone
                await _serve_one(stream, carry_out, publish, clock)

    try:
        async with listener:
            task_status.started()
            await listener.serve(serve)
    finally:
        _forget(path)


async def _listen(path: Path) -> anyio.abc.SocketListener:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ConfigError(f"[control] socket: {path} is too long for a socket; choose a shorter path")
    try:
        await _remove_dead(path)
        before = os.umask(0o177)  # so that there is no moment in which others could connect
        try:
            return await anyio.create_unix_listener(path, mode=0o600)
        finally:
            os.umask(before)
    except OSError as exc:
        raise ConfigError(
            f"[control] socket: {path} cannot be opened: {exc.strerror or exc}; choose another path"
        ) from exc


async def _remove_dead(path: Path) -> None:
    """Remove what a feed that was killed left behind; one that lives is left alone."""
    try:
        async with await anyio.connect_unix(path):
            pass
    except FileNotFoundError:
        return
    except OSError:
        if not _forget(path):
            raise ConfigError(
                f"[control] socket: {path} is there and no socket; choose another path, or remove it"
            ) from None
    else:
        raise ConfigError(f"[control] socket: another feed listens on {path}; give each a path of its own")


def _forget(path: Path) -> bool:
    """Remove the socket, and nothing else; tell whether there is nothing any more."""
    if path.is_socket():
        path.unlink(missing_ok=True)
    return not path.exists()


async def _serve_one(
    stream: anyio.abc.SocketStream,
    carry_out: Callable[[Request], Awaitable[Answer]],
    publish: Callable[[Event], None],
    clock: Clock,
) -> None:
    try:
        with anyio.move_on_after(_WITHIN_S) as reading:
            line = await BufferedByteReceiveStream(stream).receive_until(b"\n", _MOST_BYTES)
        if reading.cancelled_caught:
            return
        request = msgspec.json.decode(line, type=Request)
    except (anyio.IncompleteRead, anyio.DelimiterNotFound, msgspec.MsgspecError, ValueError) as exc:
        await _send(stream, Answer(done=False, error=f"no request ({exc}); use `ticktrail ctl`"))
        return
    try:
        answer = await carry_out(request)
    except ConfigError as exc:
        answer = Answer(done=False, error=str(exc), problems=exc.problems)
    except FeedError as exc:
        answer = Answer(done=False, error=str(exc))
    if request.do not in _ASKING:
        publish(
            ControlOrdered(
                at_ns=clock.now_ns(),
                actor=_actor(stream),
                order=request.do,
                leg=request.leg,
                instruments=request.instruments,
                reason=request.reason,
                done=answer.done,
                error=answer.error,
            )
        )
    await _send(stream, answer)


async def _send(stream: anyio.abc.SocketStream, answer: Answer) -> None:
    with anyio.move_on_after(_WITHIN_S):  # who does not read in time does not want to know
        await stream.send(msgspec.json.encode(answer) + b"\n")


def _actor(stream: anyio.abc.SocketStream) -> str:
    """Return who is at the other end, by the kernel's word: ``name (uid, pid)``."""
    if not hasattr(socket, "SO_PEERCRED"):  # pragma: no cover - not Linux
        return "unknown"
    raw = stream.extra_attributes[anyio.abc.SocketAttribute.raw_socket]()
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack("3i", raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "nobody known"
    return f"{name} (uid {uid}, pid {pid})"
