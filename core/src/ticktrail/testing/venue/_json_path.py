"""Hold what a JSON venue's path remembers, and a tape that is made as it goes.

Owns: requests as they were asked, and messages that have happened just now.
Never: knows a venue's words.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import trio

from ticktrail.testing.venue._faults import Fault
from ticktrail.testing.venue._message import Message
from ticktrail.testing.venue._path import Asked, VenuePath

__all__ = ["JsonPath", "LiveTape", "text_of"]


def text_of(said: object) -> bytes:
    """Return the JSON text of what is said; bytes as they are."""
    return said if isinstance(said, bytes) else msgspec.json.encode(said)


class _NoMemory:
    """The venue remembers, for all paths."""

    is_archive = False

    def see(self, messages: Iterable[Message]) -> None:
        """Let them go by."""


class _Questions:
    """What was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []


class JsonPath(VenuePath):
    """The one path of a `JsonVenue`."""

    def __init__(
        self, prefix: str, faults: Sequence[Fault], *, waits: bool, on_subscribed: Callable[[], None]
    ) -> None:
        self._questions = _Questions()
        super().__init__(
            prefix,
            faults,
            waits=waits,
            memory=_NoMemory(),
            quota=self._questions,
            on_subscribed=on_subscribed,
        )

    def note_asked(self, what: str) -> None:
        """Take note of a REST request."""
        self._questions.asked.append(Asked(at=trio.current_time(), what=what, weight=1, in_ban=False))


class LiveTape:
    """A tape that never ends, made as it goes: what it says has happened just now.

    Args:
        make: Is given a number that grows by one from 1 on, and the time in UTC nanoseconds; returns streams and
            messages of theirs.
        rate: How often in a second.
        now_ns: Whose time.
    """

    def __init__(
        self,
        make: Callable[[int, int], Iterable[tuple[str, object]]],
        *,
        rate: float = 200.0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._make = make
        self._rate = rate
        self._now_ns = now_ns

    def messages(self) -> Iterator[Message]:
        """Yield the messages."""
        for number in itertools.count(1):
            due_ns = round(number / self._rate * 1e9)
            for stream, said in self._make(number, self._now_ns()):
                yield Message(stream=stream, raw=text_of(said), due_ns=due_ns, number=number)
