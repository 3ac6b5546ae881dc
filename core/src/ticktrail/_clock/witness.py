"""Let the legs' data bear witness of this machine's clock, window by window.

Owns: when the legs are asked, and the word that one of them disagrees.
Never: corrects anything by it: a venue's clock is nobody's reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio

from ticktrail._clock.peer import PeerDelay, PeerReading, excess_ns
from ticktrail._contracts.clock import SystemClock
from ticktrail._contracts.provider import Capabilities
from ticktrail._plan.clock import ClockSettings
from ticktrail.events import Event, PeerOffsetDisagrees, PeerOffsetMeasured
from ticktrail.model import ProviderId

__all__ = ["Witnesses", "hear_witnesses", "is_witness"]

_NS_PER_MS = 1_000_000


def is_witness(settings: ClockSettings, capabilities: Capabilities) -> bool:
    """Tell whether a leg's event times say anything of this machine's clock: not made up, and received here and now."""
    if settings.peers == "live":
        return not capabilities.synthetic and not capabilities.own_clock
    return settings.peers == "all"


async def hear_witnesses(
    settings: ClockSettings,
    clock: SystemClock,
    peers: Mapping[ProviderId, PeerDelay],
    publish: Callable[[Event], None],
) -> None:
    """Publish what each leg's data says, every `peer_window_s`, until cancelled; return at once without witnesses."""
    witnesses = Witnesses(settings, peers)
    while peers:
        await anyio.sleep(settings.peer_window_s)
        for event in witnesses.hear(clock):
            publish(event)


class Witnesses:
    """The legs that can say something, and those that disagree already."""

    def __init__(self, settings: ClockSettings, peers: Mapping[ProviderId, PeerDelay]) -> None:
        self._settings = settings
        self._peers = peers
        self._disagreeing: set[ProviderId] = set()

    def hear(self, clock: SystemClock) -> list[Event]:
        """Return what was measured since the last call, and who disagrees from now on."""
        events: list[Event] = []
        for provider, peer in self._peers.items():
            reading = peer.take()
            if reading is not None:
                events += self._judge(provider, reading, clock)
        return events

    def _judge(self, provider: ProviderId, reading: PeerReading, clock: SystemClock) -> list[Event]:
        settings, at_ns = self._settings, clock.now_ns()
        excess = excess_ns(
            reading.least_delay_ns,
            offset_ns=clock.offset_ns,
            bound_ns=clock.bound_ns,
            limit_ns=settings.limit_ns,
            most_ns=round(settings.max_peer_delay_ms * _NS_PER_MS),
        )
        events: list[Event] = [
            PeerOffsetMeasured(
                at_ns=at_ns,
                provider=provider,
                least_delay_ns=reading.least_delay_ns,
                ticks=reading.ticks,
                window_s=settings.peer_window_s,
            )
        ]
        if excess == 0:
            self._disagreeing.discard(provider)
        elif provider not in self._disagreeing:
            self._disagreeing.add(provider)
            events.append(
                PeerOffsetDisagrees(
                    at_ns=at_ns,
                    provider=provider,
                    least_delay_ns=reading.least_delay_ns,
                    offset_ns=clock.offset_ns,
                    excess_ns=excess,
                    detail=_detail(reading.least_delay_ns, clock.offset_ns, excess),
                )
            )
        return events


def _detail(least_delay_ns: int, offset_ns: int | None, excess: int) -> str:
    delay = f"{least_delay_ns / _NS_PER_MS:+.1f} ms after its event time"
    against = (
        "and this machine's clock was not measured"
        if offset_ns is None
        else f"though this machine's clock was measured at {offset_ns / _NS_PER_MS:+.1f} ms"
    )
    if excess < 0:
        return (
            f"data arrives {delay} at best, {against}: this machine's clock is behind, or the venue's is ahead; "
            "measure with `ticktrail clock`"
        )
    return (
        f"data arrives {delay} at best, {against}: this machine's clock is ahead, the venue's is behind, or the data "
        "is delayed; measure with `ticktrail clock`, or raise [clock] max_peer_delay_ms"
    )
