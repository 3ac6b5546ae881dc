"""Say what a venue shall do wrong, and when.

Owns: the fault script: TOML with one ``[[fault]]`` table a fault, or the same from a program.
Never: misbehaves; the venue asks which faults are due and acts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from ticktrail.errors import ConfigError
from ticktrail.plugin import Settings

__all__ = ["Fault", "FaultKind", "FaultScript", "load_faults"]

FaultKind: TypeAlias = Literal[
    "cut",
    "mute",
    "garble",
    "slow",
    "refuse",
    "error_reply",
    "skip",
    "shutdown",
    "forget",
    "late_rest",
    "html",
    "old_book",
    "status",
    "lag",
    "late_handshake",
    "error",
    "loop_page",
    "empty_page",
    "drop_symbol",
    "lie",
]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=86_400)]


class Fault(Settings, frozen=True):
    """One fault.

    Attributes:
        kind: ``cut`` ends connections without a close frame. ``mute`` keeps them open and sends no data. ``garble``
            spoils messages. ``slow`` holds the pace down to `rate`. ``refuse`` declines new connections and requests
            with HTTP `status`. ``error_reply`` answers subscriptions with an error. ``skip`` leaves messages out.
            ``shutdown`` sends the venue's notice that the server is about to shut down. ``forget`` drops streams from
            connections that had subscribed to them, without a word. ``late_rest`` answers requests late. ``html``
            answers them with a page. ``old_book`` gives the first snapshot of a book again. ``status`` changes a
            symbol's state, or takes it off the list. ``lag`` lets new connections get everything late.
            ``late_handshake`` lets them in late. ``error`` sends connections an error that nothing of theirs
            caused. ``loop_page`` answers requests for rows with a token that leads to the same page. ``empty_page``
            answers them with a page without rows that has a token. ``drop_symbol`` leaves `symbol` out of answers,
            without a word. ``lie`` gives the prices of trades and quotes times `factor`. A venue that has no use
            for a kind refuses it.
        path: Only connections whose URL has this prefix, such as ``/a``; empty for all.
        at_message: Once the path was sent so many messages.
        every_messages: Each time it was sent so many more.
        at_s: So long after the first subscription; at an archive, after the first request.
        for_s: How long ``mute``, ``slow``, ``refuse`` and ``lie`` last; 0: for good. How late ``late_rest``,
            ``lag`` and ``late_handshake`` are.
        count: How many messages ``garble`` and ``skip`` take, how many requests ``refuse``, ``error_reply``,
            ``late_rest``, ``html``, ``old_book``, ``loop_page``, ``empty_page`` and ``drop_symbol``, how many
            connections ``lag`` and ``late_handshake``.
        only: ``cut`` takes only the ``oldest`` or the ``newest`` of the connections; empty for all.
        stream: ``garble``, ``skip``, ``mute``, ``lie`` and ``forget`` take only streams whose name ends so. At a
            venue that asks for credentials, ``error_reply`` with ``auth`` answers an authentication.
        symbol: Whose ``status``; what ``drop_symbol`` leaves out, the first that is asked for where it is empty.
        state: The new one, in the venue's word; empty: it is not listed any more, and its streams end.
        rate: Messages a second under ``slow``.
        factor: By what ``lie`` multiplies prices.
        status: HTTP status of ``refuse`` and ``html``.
        retry_after_s: ``Retry-After`` of ``refuse``; 0: none.
        code: Error code of ``error_reply`` and ``error``.
        message: Error text of ``error_reply`` and ``error``.
    """

    kind: FaultKind
    path: str = ""
    at_message: Count | None = None
    every_messages: Count | None = None
    at_s: Seconds | None = None
    for_s: Seconds = 0.0
    count: Count = 1
    stream: str = ""
    only: Literal["", "oldest", "newest"] = ""
    symbol: str = ""
    state: str = ""
    rate: Annotated[float, Meta(gt=0)] = 1.0
    factor: Annotated[float, Meta(gt=0)] = 1.5
    status: Annotated[int, Meta(ge=400, le=599)] = 503
    retry_after_s: Annotated[int, Meta(ge=0)] = 0
    code: int = 2
    message: str = "Invalid request: refused by the fault script"

    def __post_init__(self) -> None:
        """Insist on one moment."""
        moments = (self.at_message, self.every_messages, self.at_s)
        if sum(moment is not None for moment in moments) != 1:
            raise ValueError(f"{self.kind}: set one of at_message, every_messages, at_s")


class _Script(Settings, frozen=True):
    fault: tuple[Fault, ...] = ()


def load_faults(path: Path) -> Sequence[Fault]:
    """Return the faults of a script.

    Raises:
        ConfigError: The file cannot be read or used; the message names it and the fault's number.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(table, _Script).fault
    except OSError as exc:
        raise ConfigError(f"fault script {path} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise ConfigError(
            f"fault script {path}: {exc}; `ticktrail venue NAME --help` shows an example"
        ) from exc


class FaultScript:
    """Which faults are due on one path. Pure: time and counts are arguments.

    Args:
        faults: The whole script; those of other paths are left out.
        path: The path's prefix.
    """

    def __init__(self, faults: Sequence[Fault], path: str) -> None:
        self._waiting = [fault for fault in faults if path.startswith(fault.path)]
        self._looked_at = 0

    def due(self, messages: int, elapsed_s: float) -> Sequence[Fault]:
        """Return the faults whose moment has come, each once (``every_messages`` once each time).

        Args:
            messages: How many messages the path was sent.
            elapsed_s: Seconds since the first subscription.
        """
        due: list[Fault] = []
        for fault in tuple(self._waiting):
            if fault.every_messages is not None:
                if messages // fault.every_messages > self._looked_at // fault.every_messages:
                    due.append(fault)
            elif (fault.at_message is not None and messages >= fault.at_message) or (
                fault.at_s is not None and elapsed_s >= fault.at_s
            ):
                due.append(fault)
                self._waiting.remove(fault)
        self._looked_at = (
            messages  # the count stands still while nobody is there, and is looked at all the while
        )
        return due

    def next_message(self, messages: int) -> int | None:
        """Return the count of messages at which the next fault is due, None if none waits for a count."""
        counts = [
            (messages // fault.every_messages + 1) * fault.every_messages
            for fault in self._waiting
            if fault.every_messages is not None
        ]
        counts += [fault.at_message for fault in self._waiting if fault.at_message is not None]
        return min(counts, default=None)
