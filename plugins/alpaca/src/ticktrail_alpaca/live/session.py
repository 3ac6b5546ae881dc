"""Keep one conversation with the venue in order, without touching a socket: greeted, let in, subscribed.

Owns: which of the three has happened, what is to be said next, and what each of the venue's refusals means.
Never: waits, sends, or knows a secret: it says that the credentials are due, and whoever has them sends them.

Sources: docs.alpaca.markets, "WebSocket Stream": flow, subscription and the table of errors, read 2026-11; 411 stands
in the venue's Go SDK.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail_alpaca.wire import Control, Error, Subscription, Success

__all__ = ["Ask", "Authenticate", "Session"]

Lists: TypeAlias = Mapping[str, frozenset[str]]
BY_THEMSELVES = frozenset({"corrections", "cancelErrors"})
"""Subscriptions that come with the trades of a stock, unasked for."""
ROUNDS = 3
"""How often what the venue leaves out is asked for again before the connection is given up."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Send the credentials."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request to subscribe, or to give up: symbols by list."""

    action: Literal["subscribe", "unsubscribe"]
    lists: Mapping[str, Sequence[str]]


class Session:
    """One conversation.

    Args:
        wanted: Symbols by list, such as ``{"trades": {"AAPL"}}``.
        provider: The leg's name, for errors.
        by_headers: The credentials stood in the headers that opened the connection.
        per_request: Symbols in one request.
        wait_s: Pause after the venue says that there are too many connections.

    Attributes:
        let_in: Whether the venue knows who this is.
        missing: Symbols by list that the venue left out of its answers, although they were asked for, until all was
            settled for the first time; each once.
    """

    def __init__(
        self, wanted: Lists, *, provider: str, by_headers: bool, per_request: int, wait_s: float
    ) -> None:
        self.let_in = False
        self.missing: list[tuple[str, str]] = []
        self._wanted = {name: frozenset(symbols) for name, symbols in wanted.items() if symbols}
        self._provider = provider
        self._by_headers = by_headers
        self._per_request = per_request
        self._wait_s = wait_s
        self._greeted = False
        self._to_say: deque[Authenticate | Ask] = deque()
        self._due: Authenticate | Ask | None = None
        self._rounds = 0
        self._was_settled = False

    @property
    def settled(self) -> bool:
        """Whether the venue's own list is what is wanted, and nothing is on its way."""
        return self.let_in and self._due is None and not self._to_say

    @property
    def due(self) -> str:
        """What is waited for, for an error."""
        if not self._greeted:
            return "with a greeting"
        if isinstance(self._due, Ask):
            return f"whether it grants {_some(self._due.lists)}"
        return "whether it lets this connection in"

    @property
    def waiting(self) -> bool:
        """Whether the venue owes an answer."""
        return not self._greeted or self._due is not None or not self.let_in

    def look(self, name: str, symbol: str) -> None:
        """Ask for one subscription again: is the connection alive, and all of it there?

        The answer is the venue's whole list. Asking for more would give back what has been dropped, and so hide it.

        Args:
            name: Of a list.
            symbol: One that speaks, in that list.
        """
        if self.settled:
            self._ask("subscribe", {name: frozenset({symbol})})

    def next(self) -> Authenticate | Ask | None:
        """Return what is to be sent now; None while an answer is due, or where there is nothing to say."""
        if self._due is not None or not self._to_say:
            return None
        self._due = self._to_say.popleft()
        return self._due

    def take(self, message: Control) -> None:
        """Take a message of the venue's about the session.

        Raises:
            PermanentError: It refuses what no second try would change.
            TransientError: It refuses what may be granted later, its list never comes to what is wanted, or lacks
                what was granted before.
        """
        match message:
            case Success(msg="connected"):
                self._take_greeting()
            case Success(msg="authenticated"):
                self._authenticated()
            case Subscription():
                if self.let_in:  # before, it answers nothing: what is due stays due
                    self._due = None
                    self._compare(message)
            case Error():
                if _number(message.code) != ALREADY or not self._knows_already():
                    raise self._refusal(message)
            case _:
                return  # a greeting that is not known says nothing of the session

    def _take_greeting(self) -> None:
        """Say who this is, once, however often it greets."""
        if not self._greeted and not self._by_headers:
            self._to_say.append(Authenticate())
        self._greeted = True

    def _authenticated(self) -> None:
        if self.let_in:
            return
        self._greeted = self.let_in = True
        self._due = None
        self._to_say.clear()  # credentials that did not have to be sent any more
        self._ask("subscribe", self._wanted)

    def _knows_already(self) -> bool:
        """Take the word that it has let this connection in before; tells whether that can be so."""
        if isinstance(self._due, Authenticate):
            self._authenticated()
        return self.let_in

    def _ask(self, action: Literal["subscribe", "unsubscribe"], lists: Lists) -> None:
        """Ask in pieces: a piece holds so many symbols over all of its lists."""
        flat = [(name, symbol) for name, symbols in lists.items() for symbol in sorted(symbols)]
        for start in range(0, len(flat), self._per_request):
            piece: dict[str, list[str]] = {}
            for name, symbol in flat[start : start + self._per_request]:
                piece.setdefault(name, []).append(symbol)
            self._to_say.append(Ask(action, piece))

    def _compare(self, listed: Subscription) -> None:
        """Hold the venue's whole list against what is wanted, once every piece was answered.

        What was granted before and is lacking now has been lost for a while: only a new session makes that good.
        """
        has = {
            name: frozenset(getattr(listed, name) or ())
            for name in listed.__struct_fields__
            if name not in BY_THEMSELVES
        }
        missing = {name: symbols - has.get(name, frozenset()) for name, symbols in self._wanted.items()}
        surplus = {name: symbols - self._wanted.get(name, frozenset()) for name, symbols in has.items()}
        lacks = [(name, symbol) for name, symbols in missing.items() for symbol in sorted(symbols)]
        if lacks and self._was_settled:
            what = _some({name: sorted(symbols) for name, symbols in missing.items()})
            raise TransientError(
                f"leg {self._provider!r}: Alpaca has dropped from its list what it had granted: {what}; nothing of it "
                f"comes meanwhile, and a new connection asks for it again",
                provider=self._provider,
                cause="lost",
            )
        if self._to_say:
            return
        if not lacks and not any(surplus.values()):
            self._rounds = 0
            self._was_settled = True
            return
        self.missing = list(dict.fromkeys([*self.missing, *lacks]))
        self._rounds += 1
        if self._rounds > ROUNDS:
            what = _some({name: sorted(symbols) for name, symbols in (missing if lacks else surplus).items()})
            raise TransientError(
                f"leg {self._provider!r}: Alpaca's list of subscriptions does not come to what is wanted, {ROUNDS} "
                f"times in a row: {what}",
                provider=self._provider,
            )
        self._ask("unsubscribe", {name: symbols for name, symbols in surplus.items() if symbols})
        self._ask("subscribe", {name: symbols for name, symbols in missing.items() if symbols})

    def _refusal(self, error: Error) -> ProviderError:
        code = _number(error.code)
        said = f"leg {self._provider!r}: Alpaca says {_told(error.code) if code is None else code}, {_told(error.msg)}"
        asked = len({symbol for symbols in self._wanted.values() for symbol in symbols})
        permanent = None if code is None else PERMANENT.get(code)
        if permanent is not None:
            cause = "credentials" if code in OF_CREDENTIALS else "refused"
            return PermanentError(
                f"{said}: {permanent.format(asked=asked)}", provider=self._provider, cause=cause
            )
        if code == TOO_MANY_CONNECTIONS:
            return TransientError(
                f"{said}: another connection of this account is open (most plans allow one a feed), or an old one has "
                f"not ended yet; before another try it waits connection_limit_wait_s",
                provider=self._provider,
                cause="limited",
                retry_after_s=self._wait_s,
            )
        cause, remedy = UNKNOWN if code is None else TRANSIENT.get(code, UNKNOWN)
        return TransientError(f"{said}: {remedy}", provider=self._provider, cause=cause)


ALREADY = 403
TOO_MANY_CONNECTIONS = 406
PERMANENT: Mapping[int, str] = {
    400: "the request is not as the venue takes it; report it to the plugin's authors",
    402: "check key_id and secret_key, and that they are of this environment",
    405: "{asked} symbols are more than the account's plan allows on this feed (30 on the free one); ask for fewer, or "
    "divide them among accounts",
    409: "the account's plan does not hold this feed; choose another feed, or subscribe to it",
    410: "this feed has no such channel; take it out of channels, or choose another feed",
    411: "the key lacks the scope for market data; make one that has it",
}
"""By the venue's code, what a person has to do: no second try would change it."""
OF_CREDENTIALS = frozenset({402, 411})
"""Of these, where the venue does not take the key."""
TRANSIENT: Mapping[int, tuple[str, str]] = {
    401: ("refused", "it is tried again from the greeting on"),
    404: ("lost", "the credentials came too late; it is tried again"),
    407: ("slow", "this machine took the data too slowly: make its sinks faster, or ask for less"),
    500: ("lost", "the venue's own fault; it is tried again"),
}
MOST_CODE = 2**63
UNKNOWN = ("refused", "it is tried again")


def _number(code: object) -> int | None:
    """Return a code that the venue may have written as a text; None where it is no number."""
    if isinstance(code, str):
        return int(code) if code.isascii() and code.isdigit() and len(code) < 10 else None
    if isinstance(code, float):
        return int(code) if code.is_integer() and abs(code) < MOST_CODE else None
    return code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < MOST_CODE else None


def _told(said: object) -> str:
    """Return the venue's word for an error, whatever it is, and no longer than fits into one."""
    if isinstance(said, str):
        return repr(said[:200])
    return repr(said)[:40] if said is None or isinstance(said, int | float) else f"a {type(said).__name__}"


def _some(lists: Mapping[str, Sequence[str]]) -> str:
    flat = [f"{name} of {symbol}" for name, symbols in lists.items() for symbol in symbols]
    return f"{', '.join(flat[:3])}{' …' if len(flat) > 3 else ''}"
