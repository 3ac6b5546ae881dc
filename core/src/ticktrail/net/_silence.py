"""Notice that a connection which is open has stopped bringing a channel's data.

Owns: how long each stream is usually quiet, when all of a channel's streams on a connection are quieter than that, and
when a regular one is while others speak.
Never: decides that the venue is at fault: a market may sleep, so that whoever asks this asks the venue next. Pure.

A stream shows by its own behaviour how quiet it may be: a pair that trades once an hour raises no alarm, and one that
ticks a hundred times a second is missed soon. Pings say nothing of all this: a socket can be alive and mute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from ticktrail.model import Channel

__all__ = ["Heard", "Silence"]

PATIENCE = 8
"""A stream is missed after so many times the longest pause that it lately made."""
REGULAR = 20
"""So often must a look have found something new of a stream before it is missed beside others that speak."""
FADES = 0.9
"""What is left of the longest pause after each shorter one: a busy hour makes the watch sharper, slowly."""


class Heard(Protocol):
    """A stream of one channel that counts the messages that it has brought."""

    @property
    def channel(self) -> Channel:
        """What it brings."""
        ...

    @property
    def heard(self) -> int:
        """Messages so far."""
        ...


S = TypeVar("S", bound=Heard)


class _Watched(Generic[S]):
    __slots__ = ("excused_until", "heard", "last_ns", "pause_ns", "stream", "times")

    def __init__(self, stream: S, now_ns: int) -> None:
        self.stream = stream
        self.heard = stream.heard
        self.last_ns = now_ns
        self.pause_ns = 0.0
        self.times = 0
        self.excused_until = 0


class Silence(Generic[S]):
    """The watch over one connection.

    Args:
        streams: What it carries.
        limits_s: By channel, how long its streams may be quiet at least; a channel without is not watched.
        now_ns: `Clock.mono_ns`.
    """

    def __init__(self, streams: Iterable[S], limits_s: Mapping[Channel, float], now_ns: int) -> None:
        self._limits_ns = {channel: round(limit * 1e9) for channel, limit in limits_s.items()}
        self._channels: dict[Channel, list[_Watched[S]]] = {}
        self._excused_until: dict[Channel, int] = {}
        for stream in streams:
            if stream.channel in limits_s:
                self._channels.setdefault(stream.channel, []).append(_Watched(stream, now_ns))

    def look(self, now_ns: int) -> Sequence[Channel]:
        """Return the channels that are silent now; to be called every second or so."""
        silent: list[Channel] = []
        for channel, watched in self._channels.items():
            quiet = [
                self._is_quiet(one, now_ns) for one in watched
            ]  # all of them: each learns of itself here
            if all(quiet) and now_ns >= self._excused_until.get(channel, 0):
                silent.append(channel)
        return silent

    def look_at_each(self, now_ns: int) -> Sequence[S]:
        """Return the streams that were regular and are quiet now, though others of their channel speak.

        To be called after `look`. Each is told once, and again after as long as it has been quiet then.
        """
        quiet: list[S] = []
        for watched in self._channels.values():
            missed = [one for one in watched if self._is_overdue(one, now_ns)]
            if len(missed) == len(watched):
                continue  # the channel is silent: `look` has said so
            for one in missed:
                if one.times >= REGULAR and now_ns >= one.excused_until:
                    one.excused_until = now_ns + (now_ns - one.last_ns)
                    quiet.append(one.stream)
        return quiet

    def excuse(self, channel: Channel, now_ns: int) -> None:
        """Take the venue's word that nothing happened: ask again after as long as it has been quiet now."""
        last_ns = max(one.last_ns for one in self._channels[channel])
        self._excused_until[channel] = now_ns + max(now_ns - last_ns, self._limits_ns[channel])

    def pause(self, now_ns: int) -> None:
        """Judge nothing before this: the leg was behind with what it had received."""
        for watched in self._channels.values():
            for one in watched:
                one.heard, one.last_ns = one.stream.heard, now_ns

    def busiest(self, channel: Channel) -> S:
        """Return the channel's stream that was heard most: the one to ask the venue about."""
        return max((one.stream for one in self._channels[channel]), key=lambda stream: stream.heard)

    def quiet_s(self, channel: Channel, now_ns: int) -> float:
        """Return how long nothing has come on a channel."""
        return (now_ns - max(one.last_ns for one in self._channels[channel])) / 1e9

    def _is_quiet(self, one: _Watched[S], now_ns: int) -> bool:
        heard = one.stream.heard
        if heard != one.heard:
            one.pause_ns = max(one.pause_ns * FADES, now_ns - one.last_ns)
            one.heard, one.last_ns = heard, now_ns
            one.times += 1
            return False
        return self._is_overdue(one, now_ns)

    def _is_overdue(self, one: _Watched[S], now_ns: int) -> bool:
        limit_ns = max(PATIENCE * one.pause_ns, self._limits_ns[one.stream.channel])
        return now_ns - one.last_ns > limit_ns
