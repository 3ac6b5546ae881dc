"""Hold a provider to what it declares, and to what it must never do: tell secrets, hoard, or make times up.

Owns: the laws P19 to P27.
Never: knows a venue's words.
"""

from __future__ import annotations

import base64
from unittest import SkipTest
from urllib.parse import quote

from ticktrail.model import AggTrade, InstrumentId, Trade, Undecodable
from ticktrail.plugin import SystemClock
from ticktrail.testing._agreement import expect_agreement
from ticktrail.testing._books import expect_books_told
from ticktrail.testing._cases import ProviderCase
from ticktrail.testing._decoding import expect_tick
from ticktrail.testing._expect import expect
from ticktrail.testing._flooding import growth
from ticktrail.testing._healing import expect_healed
from ticktrail.testing._laws import law
from ticktrail.testing._sessions import Life, living, run_check
from ticktrail.testing._telling import all_told

__all__ = ["ShowingLaws"]

_AHEAD_NS = 3_600_000_000_000
"""How far the context's clock is from this machine's, for a law: a time of another clock cannot pass for one of it."""
_BATCHES = 3
_SOME = 50
"""Ticks that a law looks at, at least."""


class ShowingLaws:
    """The laws of what a session shows. `backend` is the event loop that they run on."""

    backend = "trio"

    @law("P19")
    def test_p19_no_secret_is_told(self, case: ProviderCase) -> None:
        """No secret is told: in no event, log record, error, traceback, print or repr, however encoded.

        Provoked: a session that goes well, one that is cut, one that is refused and one that cannot be helped are lived
        through, with every logger at its most talkative; base64 and the form in a URL are looked for too.

        Skipped: the case names no `secrets`.
        """
        if not case.secrets:
            raise SkipTest("the case names no secrets")
        for where, text in run_check(lambda: all_told(case), self.backend):
            for secret in case.secrets:
                forms = {
                    secret,
                    quote(secret, safe=""),
                    base64.b64encode(secret.encode()).decode().rstrip("="),
                }
                expect(
                    not any(form in text for form in forms),
                    f"{case.name} tells a secret in {where}: {text.replace(secret, '<the secret>')[:300]}",
                )

    @law("P20")
    def test_p20_a_flood_is_not_hoarded(self, case: ProviderCase) -> None:
        """While nobody takes over what it brings, a session stops reading: the venue waits, memory does not grow.

        Provoked: the intake holds, and the venue sends 32 MiB; the case's `most_held_bytes` is the limit.
        """

        async def check() -> int:
            async with case.stage() as stage, living(case, case.open(stage)) as life:
                if stage.venue is None:
                    life.listener.hold()
                    return await growth(case, life, None)
                await life.until_heard()
                life.listener.hold()
                await life.until(lambda: life.listener.waiting or life.ended, case.start_s)
                return await growth(case, life, stage.venue)

        grown = run_check(check, self.backend)
        expect(
            grown <= case.most_held_bytes,
            f"{case.name} hoards: it holds {grown / 2**20:.1f} MiB more while nobody takes anything over, and "
            f"{case.most_held_bytes / 2**20:.1f} MiB are allowed; await intake.frames() before the next read",
        )

    @law("P21")
    def test_p21_times_are_the_clock_s(self, case: ProviderCase) -> None:
        """`recv_ns` and `mono_ns` come from the context's clock, and never go back.

        Provoked: the session is given a clock an hour ahead of this machine's. With `own_clock`, its `recv_ns` are a
        recording's, and need only not go back.
        """
        clock = _AheadClock()

        async def check() -> Life:
            async with case.stage() as stage, living(case, case.open(stage, clock=clock)) as life:
                await life.until_true(lambda: len(life.listener.batches) >= _BATCHES, f"{_BATCHES} batches")
            return life

        began_ns, began_mono_ns = clock.now_ns(), clock.mono_ns()
        batches = run_check(check, self.backend).listener.batches
        last_ns, last_mono_ns = began_ns, began_mono_ns
        if case.capabilities().own_clock:
            last_ns = batches[0].recv_ns
        for batch in batches:
            expect(
                last_ns <= batch.recv_ns <= clock.now_ns() or case.capabilities().own_clock,
                f"{case.name} hands over recv_ns {batch.recv_ns}, between {last_ns} and {clock.now_ns()} was due: take "
                "it from context.clock when the read returns; where several tasks hand over, let them do so through "
                "one ticktrail.net.InOrder",
            )
            expect(
                batch.recv_ns >= last_ns, f"{case.name}: recv_ns goes back from {last_ns} to {batch.recv_ns}"
            )
            expect(
                last_mono_ns <= batch.mono_ns <= clock.mono_ns(),
                f"{case.name} hands over mono_ns {batch.mono_ns}, between {last_mono_ns} and {clock.mono_ns()} was "
                "due: take it as recv_ns is taken",
            )
            last_ns, last_mono_ns = batch.recv_ns, batch.mono_ns

    @law("P22")
    def test_p22_what_is_declared_is_shown(self, case: ProviderCase) -> None:
        """Every channel and every instrument that is asked for brings something.

        Provoked: a session on the stage is listened to until each of them has spoken, or `start_s` are over.
        """
        life = self._listened(case)
        lacking = case.context.channels - life.listener.channels()
        expect(
            not lacking,
            f"{case.name} brings nothing of {sorted(lacking)} within {case.start_s:g} s, and declares it; mend the "
            f"subscription, or let the stage's tape have it",
        )
        mute = set(case.context.instruments) - life.listener.instruments()
        expect(
            not mute,
            f"{case.name} brings nothing of {sorted(mute)} within {case.start_s:g} s, which are asked for; mend the "
            f"subscription, or let the stage's tape have them",
        )

    @law("P23")
    def test_p23_what_is_shown_is_declared(self, case: ProviderCase) -> None:
        """A session brings nothing undeclared: no other channel or instrument, and ``synthetic`` as declared.

        Provoked: every item of a session on the stage is looked at; what it cannot read itself is none of its own.
        """
        able = case.capabilities()
        for item in self._listened(case).listener.found:
            if isinstance(item, Undecodable):
                raise AssertionError(  # noqa: TRY004 - a finding
                    f"{case.name} cannot read what its venue sent: {item.reason}: {item.raw[:120]!r}"
                )
            expect_tick(case, item)
            expect(
                item.synthetic == able.synthetic,
                f"{case.name}: Capabilities.synthetic is {able.synthetic}, and a tick says {item.synthetic}: {item}",
            )

    @law("P24")
    def test_p24_consecutive_ids_grow_by_one(self, case: ProviderCase) -> None:
        """Where `consecutive_trade_ids` is declared, the ids of an instrument's trades grow by one.

        Provoked: the trades of a session on the stage are counted, and its aggregate trades by themselves.

        Skipped: `consecutive_trade_ids` is not declared, or no trades are asked for.
        """
        if not case.capabilities().consecutive_trade_ids:
            raise SkipTest("consecutive_trade_ids is not declared")
        if not case.context.channels & {"trades", "agg_trades"}:
            raise SkipTest("the case asks for no trades")
        last: dict[tuple[type, InstrumentId], int | str] = {}
        for tick in self._listened(case).listener.ticks_found:
            if isinstance(tick, Trade | AggTrade):
                key = (type(tick), tick.instrument)
                before = last.get(key)
                expect(
                    isinstance(tick.id, int) and (not isinstance(before, int) or tick.id == before + 1),
                    f"{case.name} declares consecutive_trade_ids, and {tick.id!r} follows {before!r}: {tick}",
                )
                last[key] = tick.id
        expect(last, f"{case.name} brought no trade")

    @law("P25")
    def test_p25_the_past_agrees_with_what_was_live(self, case: ProviderCase) -> None:
        """The history gives the trades that were live: the same ids, prices, sizes, sides and times.

        Provoked: a session on the stage is listened to; then the provider's own history is asked for the same while.
        None may lack, and none be there that was not live.

        Skipped: the provider declares no history of trades that the case asks for, or the stage has no venue.
        """
        run_check(lambda: expect_agreement(case), self.backend)

    @law("P26")
    def test_p26_what_it_heals_is_whole(self, case: ProviderCase) -> None:
        """Where `heals` has trades, those that a loss took are fetched, or told by a `Gap`.

        Provoked: the connections are cut while the venue trades on; then the ids of both sessions are counted.

        Skipped: `heals` has no trades that the case asks for, their ids do not grow by one, or the stage has no venue.
        """
        run_check(lambda: expect_healed(case), self.backend)

    @law("P27")
    def test_p27_a_book_with_a_hole_is_told(self, case: ProviderCase) -> None:
        """A book of which a change could not be read is unknown until it comes whole again, and comes whole again.

        Provoked: a session of the book alone, of the first instrument, is brought some messages that are spoilt. Before
        the next change there must be a `Gap` or a `BookSnapshot`.

        Skipped: the case asks for no books, or the stage has no venue.
        """
        run_check(lambda: expect_books_told(case), self.backend)

    def _listened(self, case: ProviderCase) -> Life:
        """Return a session that was heard until each channel and instrument has spoken, and for a while longer."""

        async def listen() -> Life:
            async with case.stage() as stage, living(case, case.open(stage)) as life:
                heard = life.listener
                await life.until_heard()
                await life.until(
                    lambda: (
                        life.ended
                        or (
                            len(heard.ticks_found) >= _SOME
                            and heard.channels() >= case.context.channels
                            and heard.instruments() >= set(case.context.instruments)
                        )
                    ),
                    case.start_s,
                )
                life.expect_well()
            return life

        return run_check(listen, self.backend)


class _AheadClock:
    """The system's clock, an hour ahead."""

    offset_ns: int | None = None

    def __init__(self) -> None:
        self._clock = SystemClock()

    def now_ns(self) -> int:
        return self._clock.now_ns() + _AHEAD_NS

    def mono_ns(self) -> int:
        return self._clock.mono_ns() + _AHEAD_NS
