"""Tell whether a market is open, so that only a silence which means something is taken for one.

Owns: which hours count, reckoned once from an exchange's sessions into sorted intervals; crypto, and the test feed,
which never close.
Never: keeps a list of holidays, or hides silence: what lies beyond the reckoned years counts as open.

Sources: nyse.com, "Holidays and Trading Hours" (early and late sessions; after an early close the late one lasts until
17:00); docs.alpaca.markets, "24/5 Trading" (20:00 to 04:00 before each session of the exchange's calendar, in full
before a half day), "Real-time Stock Data" (delayed_sip is 15 minutes late), read 2026-11.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo

import anyio
import anyio.lowlevel
import anyio.to_thread

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.model import ProviderId
from ticktrail_alpaca.settings import DEFAULT_CALENDAR, AlpacaSettings

__all__ = [
    "ALWAYS_OPEN",
    "MarketHours",
    "Session",
    "Sessions",
    "check_calendar",
    "intervals_of",
    "open_hours",
]

HoursName: TypeAlias = Literal["regular", "extended", "overnight", "nights"]
"""Those of the settings, and the nights alone, for the feeds that have nothing else."""
NS_PER_S = 1_000_000_000
NEW_YORK = ZoneInfo("America/New_York")
EARLY_HOUR, NIGHT_HOUR = 4, 20
LATE_NS = 4 * 3_600 * NS_PER_S
"""The late session lasts four hours from the close: until 20:00, and until 17:00 after an early close at 13:00."""
DELAY_NS = 900 * NS_PER_S
AROUND = timedelta(days=366)
RECKON_S = 60.0
"""The library takes seconds to import, longer on a busy machine."""
_NIGHTLY = frozenset({"boats", "overnight"})


class MarketHours(Protocol):
    """When a market is open."""

    def is_open(self, at_ns: int) -> bool:
        """Tell whether the market is open; True where that is not known."""
        ...

    def opened_ns(self, at_ns: int) -> int | None:
        """Return when the session that is on began, UTC nanoseconds; None if none is, or its beginning is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """One regular session of an exchange."""

    day: date
    open_ns: int
    close_ns: int


class Sessions:
    """Market hours as intervals; implements `MarketHours`.

    Before the first of them and after the last one the market counts as open: better a false alarm than a silence
    that nobody is told of. Without any it never closes.

    Args:
        intervals: Beginning and end, exclusive, UTC nanoseconds; in order, apart from each other.
    """

    def __init__(self, intervals: Sequence[tuple[int, int]]) -> None:
        self._starts = [start_ns for start_ns, _ in intervals]
        self._ends = [end_ns for _, end_ns in intervals]

    def is_open(self, at_ns: int) -> bool:
        """Tell whether the market is open."""
        index = self._index(at_ns)
        return index is None or at_ns < self._ends[index]

    def opened_ns(self, at_ns: int) -> int | None:
        """Return when the session that is on began."""
        index = self._index(at_ns)
        return None if index is None or at_ns >= self._ends[index] else self._starts[index]

    def _index(self, at_ns: int) -> int | None:
        """Return the number of the last interval that has begun; None beyond what was reckoned."""
        index = bisect_right(self._starts, at_ns) - 1
        return None if index < 0 or at_ns >= self._ends[-1] else index


ALWAYS_OPEN: MarketHours = Sessions(())


def check_calendar(settings: AlpacaSettings) -> None:
    """Return if there is a calendar of the name that the settings give; the default is not looked up.

    Blocks while the library is imported, some half a second: only where another one than the default is named.

    Raises:
        ConfigError: There is none; the message names those that are spelt alike.
    """
    if settings.calendar == DEFAULT_CALENDAR or not settings.has_hours:
        return
    import exchange_calendars  # type: ignore[import-untyped]  # noqa: PLC0415 - slow

    names = exchange_calendars.get_calendar_names(include_aliases=True)
    if settings.calendar not in names:
        alike = get_close_matches(settings.calendar.upper(), names, n=3, cutoff=0.5)
        near = f"; did you mean {' or '.join(alike)}?" if alike else ""
        raise ConfigError(
            f'calendar = "{settings.calendar}" is none that exchange_calendars has: write the code of an exchange, '
            f'such as "{DEFAULT_CALENDAR}"{near}'
        )


async def open_hours(settings: AlpacaSettings, *, provider: ProviderId, now_ns: int) -> MarketHours:
    """Return the hours in which a leg's feed has something to say, for the year before and the year after.

    Args:
        settings: Of the leg.
        provider: Its name, for errors.
        now_ns: The present, UTC nanoseconds.

    Raises:
        TransientError: They were not reckoned in time.
        PermanentError: There is no such calendar, or it does not reach so far.
    """
    if not settings.has_hours:
        await anyio.lowlevel.checkpoint()
        return ALWAYS_OPEN
    today = datetime.fromtimestamp(now_ns // NS_PER_S, UTC).date()
    read = partial(_read_sessions, settings.calendar, today - AROUND, today + AROUND)
    try:
        with anyio.fail_after(RECKON_S):
            sessions = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
    except TimeoutError as exc:
        raise TransientError(
            f"leg {provider!r}: the sessions of {settings.calendar} were not reckoned within {RECKON_S:.0f} s; this "
            f"machine is busy",
            provider=provider,
        ) from exc
    except ValueError as exc:
        raise PermanentError(
            f'leg {provider!r}: calendar = "{settings.calendar}" cannot be used ({exc}); write a name that '
            f'exchange_calendars has, such as "XNYS", and bring that package up to date',
            provider=provider,
        ) from exc
    hours: HoursName = "nights" if settings.feed_name in _NIGHTLY else settings.hours
    delay_ns = DELAY_NS if settings.feed_name == "delayed_sip" else 0
    return Sessions(
        [(start_ns + delay_ns, end_ns + delay_ns) for start_ns, end_ns in intervals_of(sessions, hours)]
    )


def intervals_of(sessions: Iterable[Session], hours: HoursName) -> Sequence[tuple[int, int]]:
    """Return when the market is open around the sessions, in order; what meets is one.

    Args:
        sessions: Regular ones, in order.
        hours: ``regular`` ones alone; ``extended``: with the early and the late session; ``overnight``: with the night
            before as well; ``nights``: nothing else.
    """
    found: list[tuple[int, int]] = []
    for session in sessions:
        early_ns = _local_ns(session.day, EARLY_HOUR)
        night_ns = _local_ns(session.day - timedelta(days=1), NIGHT_HOUR)
        late_ns = session.close_ns + LATE_NS
        start_ns, end_ns = {
            "regular": (session.open_ns, session.close_ns),
            "extended": (early_ns, late_ns),
            "overnight": (night_ns, late_ns),
            "nights": (night_ns, early_ns),
        }[hours]
        if found and start_ns <= found[-1][1]:
            found[-1] = (found[-1][0], end_ns)
        else:
            found.append((start_ns, end_ns))
    return found


def _local_ns(day: date, hour: int) -> int:
    return int(datetime.combine(day, time(hour), NEW_YORK).timestamp()) * NS_PER_S


def _read_sessions(calendar: str, first: date, last: date) -> Sequence[Session]:
    """Runs in a worker thread: the import takes seconds."""
    import exchange_calendars  # noqa: PLC0415 - see above

    try:
        found = exchange_calendars.get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
    except exchange_calendars.errors.CalendarError as exc:
        raise ValueError(str(exc)) from exc
    days = (datetime.fromtimestamp(at_ns // NS_PER_S, UTC).date() for at_ns in found.sessions_nanos.tolist())
    opens, closes = found.opens_nanos.tolist(), found.closes_nanos.tolist()
    return [Session(*session) for session in zip(days, opens, closes, strict=True)]
