"""Say how this machine's clock is measured and what follows: the ``[clock]`` table.

Owns: the table's keys, their limits, and what must hold between them.
Never: asks a server, or knows a market's calendar: a market's opening is a time of day in a zone.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from ticktrail._contracts.settings import Settings

__all__ = ["ClockSettings", "MarketOpen", "host_and_port"]

_NTP_PORT = 123
_Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
_Pause: TypeAlias = Annotated[float, Meta(ge=0.01, le=86_400)]
_HOST = re.compile(r"[\w.:%-]+")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")


class MarketOpen(Settings, frozen=True):
    """A time of day before which the clock is measured once more, every day of the week."""

    time: str
    zone: str = "UTC"
    lead_s: Annotated[float, Meta(ge=0, le=86_400)] = 300.0

    def __post_init__(self) -> None:
        """Refuse what is no time of day, and a zone that this machine does not know."""
        if not _TIME_OF_DAY.fullmatch(self.time):
            raise ValueError(f'time: "{self.time}" is no time of day; write "09:30" or "09:30:00"')
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(
                f'zone: "{self.zone}" is no time zone known here; write one such as "America/New_York", or install '
                "the tzdata package"
            ) from exc


class ClockSettings(Settings, frozen=True):
    """The ``[clock]`` table; `servers = []` turns the measurement off unless `chrony = "only"`."""

    servers: tuple[str, ...] = ("time.nist.gov", "time.cloudflare.com", "pool.ntp.org")
    chrony: Literal["auto", "off", "only"] = "auto"
    chrony_address: str = ""
    min_sources: Annotated[int, Meta(ge=1, le=16)] = 1
    samples: Annotated[int, Meta(ge=1, le=8)] = 1
    timeout_s: _Seconds = 5.0
    every_min_s: _Pause = 64.0
    every_max_s: _Pause = 1024.0
    before_open: tuple[MarketOpen, ...] = ()
    max_offset_ms: Annotated[float, Meta(gt=0, le=60_000)] = 50.0
    on_unsynchronised: Literal["flag", "halt"] = "flag"
    max_unmeasured_s: _Seconds = 3072.0
    peers: Literal["live", "all", "off"] = "live"
    peer_window_s: Annotated[float, Meta(ge=5, le=3_600)] = 60.0
    max_peer_delay_ms: Annotated[float, Meta(gt=0, le=3_600_000)] = 1000.0

    def __post_init__(self) -> None:
        """Refuse servers that are no address or stand twice, and keys that contradict each other."""
        for server in self.servers:
            address = host_and_port(server)
            if [host_and_port(other) for other in self.servers].count(address) > 1:
                raise ValueError(
                    f'servers: "{server}" stands twice and would have two votes; take one of them out'
                )
        if self.every_min_s > self.every_max_s:
            raise ValueError(
                f"every_min_s {self.every_min_s:g} is above every_max_s {self.every_max_s:g}; swap them"
            )
        if self.measures and self.max_unmeasured_s < 2 * (self.every_min_s + self.timeout_s):
            raise ValueError(
                f"max_unmeasured_s {self.max_unmeasured_s:g} leaves no room for one measurement to fail; make it at "
                f"least twice every_min_s and timeout_s together ({self.every_min_s:g} + {self.timeout_s:g})"
            )
        if self.measures and self.min_sources > self.sources:
            raise ValueError(
                f"min_sources {self.min_sources} is more than there are sources ({self.sources}); name more servers"
            )
        if self.on_unsynchronised == "halt" and not self.measures:
            raise ValueError(
                'on_unsynchronised: "halt" needs a measurement; name servers, or set chrony = "only"'
            )

    @property
    def measures(self) -> bool:
        """Tell whether there is anything to measure against."""
        return bool(self.servers) or self.chrony == "only"

    @property
    def sources(self) -> int:
        """Return how many sources there may be, chronyd among them."""
        return 1 if self.chrony == "only" else len(self.servers) + (self.chrony == "auto")

    @property
    def limit_ns(self) -> int:
        """Return `max_offset_ms` in nanoseconds."""
        return round(self.max_offset_ms * 1_000_000)


def host_and_port(server: str) -> tuple[str, int]:
    """Return the host and the UDP port of a server as a feed file names it.

    Raises:
        ValueError: It is neither a host nor ``host:port``.
    """
    fault = f'servers: "{server}" is neither a host nor host:port; write such as "time.nist.gov" or "10.0.0.1:123"'
    try:
        address = urlsplit(f"//{server}")
        host, port = address.hostname, address.port
    except ValueError as exc:
        raise ValueError(fault) from exc
    if host is None or not _HOST.fullmatch(host) or port == 0 or address.netloc != server or "@" in server:
        raise ValueError(fault)
    return host.rstrip("."), port or _NTP_PORT
