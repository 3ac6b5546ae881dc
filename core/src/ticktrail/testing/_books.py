"""See whether a book goes on as if nothing had happened when a change of it could not be read.

Owns: the loss that is provoked, and what may follow on it.
Never: knows how a provider gets its book back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from unittest import SkipTest

from ticktrail.errors import TransientError
from ticktrail.model import BookDelta, BookSnapshot, Gap, Tick, Undecodable
from ticktrail.testing._cases import ProviderCase
from ticktrail.testing._expect import expect
from ticktrail.testing._provoking import garble
from ticktrail.testing._sessions import living, venue_of

__all__ = ["expect_books_told"]

_SPOILT = 3
_CHANGES = 5


async def expect_books_told(case: ProviderCase) -> None:
    """Fail unless a book of which messages were spoilt is told to be unknown before it changes again, and comes back.

    Raises:
        SkipTest: The case asks for no books, or there is no venue.
    """
    if "book" not in case.context.channels:
        raise SkipTest("the case asks for no books")
    alone = replace(case.context, channels=frozenset({"book"}), instruments=case.context.instruments[:1])
    case = replace(case, context=alone)
    async with case.stage() as stage:
        venue = venue_of(case, stage)
        provider = case.open(stage)
        async with living(case, provider) as life:
            heard = life.listener
            await life.until_true(lambda: _changes(heard.found) >= _CHANGES, f"book with {_CHANGES} changes")
            before = len(heard.found)
            await garble(venue, _SPOILT)
            await life.until(lambda: life.ended or _is_whole(heard.found[before:]), case.start_s)
        # A provider may end its session at each of them: a new one begins with a whole book.
        for _ in range(_SPOILT):
            if not isinstance(life.error, TransientError) or _is_whole(heard.found[before:]):
                break
            async with living(case, provider, heard) as life:
                await life.until(lambda: life.ended or _is_whole(heard.found[before:]), case.start_s)
    _judge(case, heard.found[before:])


def _judge(case: ProviderCase, found: Sequence[Tick | Undecodable]) -> None:
    if not any(isinstance(item, Undecodable | Gap) for item in found):
        raise AssertionError(f"{case.name} says nothing of {_SPOILT} messages of a book that cannot be read")
    is_sound = True
    for item in found:
        if isinstance(item, Undecodable | Gap):
            is_sound = False
        elif isinstance(item, BookSnapshot):
            is_sound = True
        expect(
            is_sound or not isinstance(item, BookDelta),
            f"{case.name} could not read a change of a book, and goes on with the next one: its reader has a wrong "
            "book; tell a Gap of the channel book, and go on with a whole one",
        )
    expect(
        is_sound,
        f"{case.name}: the book does not come back within {case.start_s:g} s after a change that could not be read",
    )


def _changes(found: Sequence[Tick | Undecodable]) -> int:
    return sum(isinstance(item, BookDelta) for item in found)


def _is_whole(found: Sequence[Tick | Undecodable]) -> bool:
    """Tell whether a book came whole after the last thing that was lost, of which there was something."""
    lost = [at for at, item in enumerate(found) if isinstance(item, Undecodable | Gap)]
    whole = [at for at, item in enumerate(found) if isinstance(item, BookSnapshot)]
    return bool(lost and whole) and whole[-1] > lost[-1]
