"""Remember which numbers were here, within a bound.

Owns: numbers as runs without holes.
Never: judges an id.
"""

from __future__ import annotations

from bisect import bisect_right

__all__ = ["Numbers"]

_MOST_RUNS = 1_000


class Numbers:
    """Numbers from 0 up; where they have no holes, they take as much room as one.

    Attributes:
        last: The highest number; -1 before the first. Whoever adds the very next one may count it up by one.
    """

    __slots__ = ("_first", "_firsts", "_lasts", "last")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._first, self.last = 0, -1  # the highest run: here an empty one
        self._firsts: list[int] = []  # the runs below it, rising
        self._lasts: list[int] = []

    def __contains__(self, number: int) -> bool:
        """Tell whether the number was added; of those below the runs that are kept, nothing is known any more."""
        if self._first <= number <= self.last:
            return True
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def add(self, number: int) -> None:
        """Remember the number."""
        if number == self.last + 1:
            self.last = number
        elif number > self.last:
            if self._first <= self.last:
                self._firsts.append(self._first)
                self._lasts.append(self.last)
                if len(self._firsts) > 2 * _MOST_RUNS:  # in one go: it is seldom, then
                    del self._firsts[:_MOST_RUNS], self._lasts[:_MOST_RUNS]
            self._first = self.last = number
        elif number not in self:
            self._fill(number)

    def _fill(self, number: int) -> None:
        """Add a number between runs, and join those that meet in it."""
        firsts, lasts = self._firsts, self._lasts
        at = bisect_right(firsts, number)
        joins_below = at > 0 and lasts[at - 1] == number - 1
        if at == len(firsts) and self._first == number + 1 and self._first <= self.last:
            self._first = number
            if joins_below:
                self._first = firsts.pop()
                lasts.pop()
        elif at < len(firsts) and firsts[at] == number + 1:
            firsts[at] = number
            if joins_below:
                firsts[at] = firsts[at - 1]
                del firsts[at - 1], lasts[at - 1]
        elif joins_below:
            lasts[at - 1] = number
        else:
            firsts.insert(at, number)
            lasts.insert(at, number)
            if len(firsts) > 2 * _MOST_RUNS:
                del firsts[:_MOST_RUNS], lasts[:_MOST_RUNS]
