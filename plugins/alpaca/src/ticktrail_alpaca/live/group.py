"""Divide what was missed into few questions, and take in what the archive answers to one.

Owns: which symbols are asked for together, and which of them an answer's pages have gone through.
Never: asks. Pure.

The archive takes many symbols in one request and gives their rows one symbol after the other, by name, a page after
another. Its period is one for all, so that those go together whose own periods are of like lengths: a symbol that last
traded hours ago would otherwise have hours of the busy ones fetched as well.

Source: docs.alpaca.markets, "Historical trades" of stocks and of crypto (`symbols`; the limit is of rows in all; sorted
by symbol first), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ticktrail.model import InstrumentId, ProviderId, Trade
from ticktrail_alpaca.archive import trade_of
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.rest.questions import GroupPage
from ticktrail_alpaca.rest.rows import RestTrade

__all__ = ["MOST_SYMBOLS", "Answer", "Catch", "Question", "Span", "groups_of"]

MOST_SYMBOLS = 100
"""In one request: some 2,600 characters of a URL at most, where 8,000 are commonly taken."""
SPREAD = 4
"""How many times as long as a symbol's own period the one may be that is asked for."""
MOST_EMPTY = 20
"""Pages in a row without a row: the venue passes over what it filters, but not for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where trades of a symbol may be missing: UTC nanoseconds, the end exclusive.

    Attributes:
        symbol: Whose.
        start_ns: Where they begin.
        end_ns: Where they end.
        reach_ns: The archive is behind until it has come as far as this; None: it cannot be known.
        hole: Number of the newest hole in it.
    """

    symbol: str
    start_ns: int
    end_ns: int
    reach_ns: int | None
    hole: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be asked next: symbols, the period for all of them, and the token of the page; None: the first one."""

    symbols: Sequence[str]
    start_ns: int
    end_ns: int
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the archive has of one span.

    Attributes:
        span: What was asked for.
        trades: In order.
        reaches: Whether the archive has come as far as it must have.
        fault: What keeps them from being all; empty where nothing does.
    """

    span: Span
    trades: Sequence[Trade]
    reaches: bool
    fault: str


def groups_of(spans: Iterable[Span]) -> Sequence[Sequence[Span]]:
    """Return the spans by what is asked in one question, those that begin last first."""
    groups: list[list[Span]] = []
    shortest_ns = end_ns = 0
    for span in sorted(spans, key=lambda one: (-one.start_ns, one.symbol)):
        own_ns = span.end_ns - span.start_ns
        if groups and len(groups[-1]) < MOST_SYMBOLS:
            shortest_ns, end_ns = min(shortest_ns, own_ns), max(end_ns, span.end_ns)
            if end_ns - span.start_ns <= SPREAD * shortest_ns:
                groups[-1].append(span)
                continue
        groups.append([span])
        shortest_ns, end_ns = own_ns, span.end_ns
    return groups


class Catch:
    """What the pages about one group have brought so far.

    Args:
        group: Those asked for together.
        provider: The leg's name.
        most: Trades of one symbol that are taken; those of one with more are not all.
        recv_ns: When it was asked.

    Attributes:
        question: What is to be asked next; None where nothing is left.
    """

    def __init__(self, group: Sequence[Span], provider: ProviderId, *, most: int, recv_ns: int) -> None:
        self._spans: dict[str, Span] = {
            span.symbol: span for span in sorted(group, key=lambda one: one.symbol)
        }
        self._provider = provider
        self._most = most
        self._recv_ns = recv_ns
        self._at = ""
        self._empty = 0
        self._tokens: set[str] = set()
        self._trades: dict[str, list[Trade]] = {symbol: [] for symbol in self._spans}
        self._reached_ns: dict[str, int] = dict.fromkeys(self._spans, 0)
        self._faults: dict[str, str] = {}
        self.question = self._from_the_first()

    def take(self, page: GroupPage[RestTrade]) -> Sequence[Answer]:
        """Take the page that answers `question`; return what is complete now.

        Raises:
            ValueError: The pages lead in a circle, nowhere, or back from one symbol to another.
        """
        for symbol in sorted(page.rows):
            if symbol < self._at:
                raise ValueError(f"its pages go back from {self._at} to {symbol}")
            self._at = symbol
            if symbol in self._spans:
                self._take_rows(self._spans[symbol], page.rows[symbol])
        token = page.token
        done = [symbol for symbol in self._spans if token is None or symbol < self._at]
        answers = [self._answer(symbol) for symbol in done]
        if self._at in self._spans and len(self._trades[self._at]) > self._most:
            self._faults.setdefault(self._at, f"more than repair_most = {self._most}")
            answers.append(self._answer(self._at))
            self.question = self._from_the_first()  # of those after it: no token leads past it
        elif token is None or self.question is None:
            self.question = None
        else:
            self._check_leads_on(token, is_empty=not page.rows)
            self.question = replace(self.question, token=token)
        return answers

    def _from_the_first(self) -> Question | None:
        spans = self._spans.values()
        if not spans:
            return None
        self._tokens.clear()
        return Question(
            symbols=list(self._spans),
            start_ns=min(span.start_ns for span in spans),
            end_ns=max(span.end_ns for span in spans),
            token=None,
        )

    def _check_leads_on(self, token: str, *, is_empty: bool) -> None:
        self._empty = self._empty + 1 if is_empty else 0
        if token in self._tokens:
            raise ValueError("its pages lead in a circle")
        if self._empty > MOST_EMPTY:
            raise ValueError(f"{MOST_EMPTY} pages in a row have nothing in them")
        self._tokens.add(token)

    def unfinished(self) -> Mapping[str, Sequence[Trade]]:
        """Return the trades that came of the spans that are left."""
        return {symbol: self._trades[symbol] for symbol in self._spans}

    def _take_rows(self, span: Span, rows: Sequence[RestTrade]) -> None:
        symbol = span.symbol
        for row in rows:
            try:
                at_ns = moment_ns(row.t)
                if not span.start_ns <= at_ns < span.end_ns:
                    continue
                self._reached_ns[symbol] = max(self._reached_ns[symbol], at_ns)
                trade = trade_of(row, InstrumentId(symbol), self._provider, self._recv_ns)
            except ValueError as exc:
                self._faults.setdefault(symbol, str(exc))
            else:
                if trade is not None:
                    self._trades[symbol].append(trade)

    def _answer(self, symbol: str) -> Answer:
        span = self._spans.pop(symbol)
        return Answer(
            span=span,
            trades=self._trades[symbol],
            reaches=span.reach_ns is None or self._reached_ns[symbol] >= span.reach_ns,
            fault=self._faults.get(symbol, ""),
        )
