"""Ask the time sources: servers by NTP, chronyd by its own program, all at the same time.

Owns: the deadline of asking, and who has asked not to be asked any more.
Never: judges between sources (`ticktrail._clock.intersection` does).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio
import anyio.to_thread
import ntplib  # type: ignore[import-untyped]  # it ships no types

from ticktrail._clock.chrony import CHRONY, NotRunning, ask_chrony
from ticktrail._clock.ntp import Answer, Kissed, Measurement, best, measure
from ticktrail._contracts.clock import Clock
from ticktrail._plan.clock import ClockSettings, host_and_port

__all__ = ["NoAnswer", "Said", "TimeSources"]

_NTP_VERSION = 4
_NS_PER_S = 1_000_000_000
_SLACK_S = 1e-5  # seconds since 1900 as doubles
_FOR_EVER = frozenset({"DENY", "RSTR"})  # RFC 5905 section 7.4: the client MUST stop sending to that server


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """A source that said nothing of use, and why."""

    server: str
    cause: str


Said: TypeAlias = Measurement | NoAnswer


class TimeSources:
    """The sources of one feed.

    Args:
        settings: The ``[clock]`` table.
        clock: Whose offset is measured.
    """

    def __init__(self, settings: ClockSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._spared: dict[str, tuple[float, str]] = {}  # until when, by the monotonic clock, and why
        # A look-up that hangs holds its thread for as long as it likes: each server has one of its own, so that nobody
        # else waits for it, here or among those who write files.
        self._threads = {server: anyio.CapacityLimiter(1) for server in settings.servers}

    async def ask(self) -> Sequence[Said]:
        """Return what each source says, in the order of the settings; takes `timeout_s` at most.

        A chronyd that does not run is left out where the settings ask for it only as it is there.
        """
        settings = self._settings
        servers = () if settings.chrony == "only" else settings.servers
        found: dict[str, Said] = {}
        absent: set[str] = set()
        with anyio.move_on_after(settings.timeout_s):
            async with anyio.create_task_group() as tasks:
                if settings.chrony != "off":
                    tasks.start_soon(self._ask_chrony, found, absent)
                for server in servers:
                    tasks.start_soon(self._ask_server, server, found)
        late = f"no answer within {settings.timeout_s:g} s"
        asked = servers if settings.chrony == "off" else (CHRONY, *servers)
        return [
            found.get(server) or NoAnswer(server=server, cause=late)
            for server in asked
            if server not in absent
        ]

    async def _ask_chrony(self, found: dict[str, Said], absent: set[str]) -> None:
        try:
            found[CHRONY] = await ask_chrony(
                self._settings.chrony_address, timeout_s=self._settings.timeout_s
            )
        except NotRunning as exc:
            if self._settings.chrony == "only":
                found[CHRONY] = NoAnswer(server=CHRONY, cause=str(exc))
            else:
                absent.add(CHRONY)
        except (OSError, ValueError) as exc:
            found[CHRONY] = NoAnswer(server=CHRONY, cause=str(exc))

    async def _ask_server(self, server: str, found: dict[str, Said]) -> None:
        """Take the samples one after another; of several the best stands, however many the deadline allows."""
        until_ns, why = self._spared.get(server, (-math.inf, ""))
        if self._clock.mono_ns() < until_ns:
            found[server] = NoAnswer(server=server, cause=why)
            return
        samples: list[Measurement] = []
        try:
            for _ in range(self._settings.samples):
                # Left behind on cancellation: name look-up knows no deadline, and the socket has its own.
                answer = await anyio.to_thread.run_sync(
                    _ask,
                    server,
                    self._settings.timeout_s,
                    self._clock,
                    abandon_on_cancel=True,
                    limiter=self._threads[server],
                )
                samples.append(measure(answer))
                found[server] = best(samples)
        except (OSError, ValueError, ntplib.NTPException) as exc:
            if isinstance(exc, Kissed):
                self._spare(server, exc)
            if not samples:
                found[server] = NoAnswer(server=server, cause=str(exc))

    def _spare(self, server: str, kissed: Kissed) -> None:
        """Do as the server asks: never ask again, or not so soon."""
        if kissed.code in _FOR_EVER:
            self._spared[server] = (math.inf, f"{kissed}; it is not asked again before the next start")
        else:
            pause_s = self._settings.every_max_s
            until_ns = self._clock.mono_ns() + pause_s * _NS_PER_S
            self._spared[server] = (until_ns, f"{kissed}; it is spared for {pause_s:g} s")


def _ask(server: str, timeout_s: float, clock: Clock) -> Answer:
    """Ask one server once, blocking."""
    host, port = host_and_port(server)
    asked_ns, asked_mono_ns = clock.now_ns(), clock.mono_ns()
    asked_s = ntplib.system_to_ntp_time(asked_ns / _NS_PER_S)
    reply = ntplib.NTPClient().request(host, version=_NTP_VERSION, port=port, timeout=timeout_s)
    disturbed_ns = (clock.now_ns() - asked_ns) - (clock.mono_ns() - asked_mono_ns)
    if not asked_s - _SLACK_S <= reply.orig_timestamp <= reply.dest_timestamp + _SLACK_S:
        raise ValueError(f"{server} answered a question that was not asked (its origin time is not ours)")
    return Answer(
        server=server,
        leap=reply.leap,
        mode=reply.mode,
        stratum=reply.stratum,
        reference_id=reply.ref_id,
        root_delay_s=reply.root_delay,
        root_dispersion_s=reply.root_dispersion,
        sent_s=reply.orig_timestamp,
        server_received_s=reply.recv_timestamp,
        server_sent_s=reply.tx_timestamp,
        received_s=reply.dest_timestamp,
        disturbed_ns=disturbed_ns,
    )
