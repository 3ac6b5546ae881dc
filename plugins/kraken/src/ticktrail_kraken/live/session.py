"""Keep one conversation with the venue in order, without touching a socket: listed, subscribed, books asked for anew.

Owns: what is to be said next, what is waited for, and what each of the venue's refusals means.
Never: waits, sends or reads market data. Times come as arguments.

Each request names pairs of one channel and is answered once a pair. The list of pairs is asked for first, so that the
precision of a book's numbers is known before the book comes, and a pair that there is not before anything fails on it.

Sources: docs.kraken.com, "Spot WebSocket v2": subscribe and its acknowledgement, one for each symbol, with `success`
and `error`, read 2026-11. The words of errors are not listed there; those below are of the page of version 1
("Subscription Status") and of clients' reports: "Currency pair not supported", "Subscription depth not supported",
"Exceeded msg rate" (also by itself, as ``{"Error": …}``), "Already subscribed".
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail_kraken.wire import Head, Pair

__all__ = ["LISTING", "Request", "Session"]

LISTING = "instrument"
"""The venue's channel of reference data, which is of all pairs at once."""
ASKED = (
    "asset pair",
    "currency pair",
    "pair",
    "symbol",
    "channel",
    "depth",
    "interval",
    "event",
    "method",
    "argument",
)
PERMANENT = (
    *("not supported", "unsupported", "iso 4217", "malformed", "bad request", "event(s) not found"),
    *(f"{what} {asked}" for asked in ASKED for what in ("unknown", "invalid")),
    *(f"{asked} not found" for asked in ASKED),
)
"""In the words of a refusal: no second try would change it. Whole phrases, of what was asked for: an unknown error
passes, and so does an engine that is not found."""
LIMITED = ("msg rate", "rate limit", "too many", "limit exceeded", "throttl")
"""In the words of a refusal: the venue asks to wait."""
ALREADY = ("already subscribed", "not subscribed", "subscription not found")
"""In the words of an answer: it is as it should be."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 60.0
"""Between two requests for the same book."""
MOST_DOUBLINGS = 10
"""Of the first wait: by then it is the longest."""
MOST_WARNINGS = 20
"""More of them help nobody."""
Method: TypeAlias = Literal["subscribe", "unsubscribe", "ping"]


@dataclass(slots=True)
class Request:
    """Something to be said; `due` are the pairs of which no answer has come."""

    method: Method
    channel: str
    symbols: Sequence[str]
    params: Mapping[str, str | int | bool]
    number: int = 0
    due: set[str] = field(default_factory=set)

    def payload(self) -> bytes:
        """Return the message."""
        if self.method == "ping":
            return msgspec.json.encode({"method": "ping", "req_id": self.number})
        named = {"symbol": list(self.symbols)} if self.symbols else {}
        return msgspec.json.encode(
            {
                "method": self.method,
                "params": {"channel": self.channel, **named, **self.params},
                "req_id": self.number,
            }
        )


@dataclass(slots=True)
class _Again:
    """A book that was asked for anew: when it may be asked for next, and how often it was lately."""

    at_s: float
    times: int = 1
    waits: bool = False


class Session:
    """One conversation.

    Args:
        symbols: The pairs that are wanted.
        wanted: The venue's channels, each with its parameters.
        provider: The leg's name, for errors.
        per_request: Pairs in one request.
        wait_s: Pause after the venue says that there is too much of something.

    Attributes:
        is_listed: Whether the venue's list of pairs came, and all that is wanted is in it.
        warnings: What the venue said on acknowledging, each once, the first of them.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        wanted: Mapping[str, Mapping[str, str | int | bool]],
        *,
        provider: str,
        per_request: int,
        wait_s: float,
    ) -> None:
        self.is_listed = False
        self.warnings: list[str] = []
        self._symbols = sorted(symbols)
        self._wanted = wanted
        self._provider = provider
        self._per_request = per_request
        self._wait_s = wait_s
        self._number = 0
        self._due: Request | None = None
        self._again: dict[str, _Again] = {}
        self._to_say: deque[Request] = deque([Request("subscribe", LISTING, (), {"snapshot": True})])

    @property
    def settled(self) -> bool:
        """Whether everything is subscribed to, and nothing is on its way."""
        return self.is_listed and not self.waiting and not self._to_say

    @property
    def waiting(self) -> bool:
        """Whether the venue owes an answer."""
        return self._due is not None or (not self.is_listed and not self._to_say)

    @property
    def due(self) -> str:
        """What is waited for, for an error."""
        if self._due is None:
            return "with its list of pairs"
        if self._due.method == "ping":
            return "to a ping"
        of = f" of {', '.join(sorted(self._due.due)[:3])}" if self._due.symbols else ""
        return f"whether it grants the {self._due.method} to {self._due.channel}{of}"

    def ping(self) -> None:
        """Ask whether the connection is alive, unless that is being found out already."""
        if self.settled:
            self._to_say.append(Request("ping", "", (), {}))

    def ask_again(self, symbol: str, now_s: float) -> None:
        """Ask for a pair's book anew: at once the first time, later the more often it was lost lately."""
        again = self._again.get(symbol)
        if again is None or now_s > again.at_s + LONGEST_WAIT_S:
            self._again[symbol] = _Again(now_s, waits=True)
        elif not again.waits:
            again.waits = True
            doublings = min(
                again.times, MOST_DOUBLINGS
            )  # a book that is never right is asked for through the nights
            again.at_s = max(again.at_s, now_s) + min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**doublings)
            again.times += 1

    def wakes_at(self) -> float | None:
        """Return when the next book may be asked for anew; None where none waits for that."""
        return min((again.at_s for again in self._again.values() if again.waits), default=None)

    def next(self, now_s: float) -> Request | None:
        """Return what is to be sent now; None while an answer is due, or where there is nothing to say."""
        if self._due is not None:
            return None
        if not self._to_say and self.is_listed:
            self._put_books(now_s)
        if not self._to_say:
            return None
        request = self._due = self._to_say.popleft()
        self._number += 1
        request.number = self._number
        request.due = set(request.symbols)
        return request

    def take_listing(self, pairs: Sequence[Pair]) -> None:
        """Take the venue's list of pairs, and go on to what is wanted of them.

        Raises:
            PermanentError: It lacks one; the message says what comes near.
        """
        if self.is_listed:
            return
        listed = {pair.symbol for pair in pairs}
        faults = []
        for symbol in self._symbols:
            if symbol not in listed:
                near = difflib.get_close_matches(symbol, listed, n=1)
                faults.append(f'"{symbol}" is not listed' + (f'; did you mean "{near[0]}"' if near else ""))
        if faults:
            raise PermanentError(
                f"leg {self._provider!r}: at Kraken {', '.join(faults[:5])}; mend instruments in [feed], or take the "
                f"leg out of the route",
                provider=self._provider,
            )
        self.is_listed = True
        for channel, params in self._wanted.items():
            self._put("subscribe", channel, self._symbols, params)

    def take(self, answer: Head) -> None:
        """Take an answer of the venue's.

        Raises:
            PermanentError: It refuses what no second try would change.
            TransientError: It refuses what may be granted later.
        """
        due = self._due
        if answer.result is not None:
            for text in answer.result.warnings or ():
                if len(self.warnings) < MOST_WARNINGS and text not in self.warnings:
                    self.warnings.append(text)
        said = answer.refusal
        if said is not None and not any(word in said.lower() for word in ALREADY):
            raise self._refusal(said, answer.symbol)
        if due is None or answer.req_id not in {None, due.number}:
            return
        symbol = answer.symbol or (None if answer.result is None else answer.result.symbol)
        if symbol is None:
            due.due.clear()
        due.due.discard(symbol or "")
        if not due.due:
            self._due = None

    def _put(
        self, method: Method, channel: str, symbols: Sequence[str], params: Mapping[str, str | int | bool]
    ) -> None:
        for start in range(0, len(symbols), self._per_request):
            self._to_say.append(Request(method, channel, symbols[start : start + self._per_request], params))

    def _put_books(self, now_s: float) -> None:
        """Give up the books that are to be asked for anew now, and subscribe to them again: whole ones come by that."""
        symbols = sorted(symbol for symbol, one in self._again.items() if one.waits and one.at_s <= now_s)
        for symbol in symbols:
            self._again[symbol].waits = False
        if symbols and "book" in self._wanted:
            params = self._wanted["book"]
            self._put("unsubscribe", "book", symbols, {"depth": params["depth"]})
            self._put("subscribe", "book", symbols, params)

    def _refusal(self, said: str, symbol: str | None) -> ProviderError:
        text = said.lower()
        of = "" if symbol is None or symbol in said else f" of {symbol[:41]}"
        told = f"leg {self._provider!r}: Kraken refuses{of}: {said[:200]!r}"
        if any(word in text for word in LIMITED):
            return TransientError(
                f"{told}; before another try it waits limited_wait_s: ask less often, or find who else at this address "
                f"asks it",
                provider=self._provider,
                cause="limited",
                retry_after_s=self._wait_s,
            )
        if any(word in text for word in PERMANENT):
            return PermanentError(
                f"{told}; mend instruments in [feed] or the leg's table, or take the leg out of the route",
                provider=self._provider,
            )
        return TransientError(f"{told}; it is tried again", provider=self._provider, cause="refused")
