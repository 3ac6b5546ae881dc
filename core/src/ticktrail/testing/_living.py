"""Hold a provider's sessions to their beginning and their end: cancelled, lost, mute, refused, and begun again.

Owns: the laws P11 to P18, and P28.
Never: knows a venue's words; the stage's venue has every fault that needs none.
"""

from __future__ import annotations

from unittest import SkipTest

import anyio
import trio

from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.plugin import Finite
from ticktrail.testing._cases import LoopbackVenue, ProviderCase, Stage
from ticktrail.testing._expect import expect
from ticktrail.testing._laws import law
from ticktrail.testing._muting import expect_each_channel_watched
from ticktrail.testing._provoking import cut, mute, refuse, refused, without_hope
from ticktrail.testing._sessions import Life, living, run_check, venue_of
from ticktrail.testing._steps import chosen, count_steps, descriptors, run_and_cancel

__all__ = ["LivingLaws"]

_RETRY_AFTER_S = 7
_PASSED_S = 0.5
"""What may be taken off it for the time that has passed since."""
_GONE_S = 2.0
"""How long a closed socket may take to be seen by the venue."""
_AWHILE_S = 0.3


class LivingLaws:
    """The laws of a session's life. `backend` is the event loop that they run on."""

    backend = "trio"

    @law("P11")
    def test_p11_a_session_starts_and_stops(self, case: ProviderCase) -> None:
        """A session calls `task_status.started()`, brings ticks, and ends in time when it is cancelled.

        Provoked: a session on the stage is cancelled once it has brought something.
        """

        async def check() -> None:
            async with case.stage() as stage, living(case, case.open(stage)) as life:
                await life.until_heard()
                await life.until(lambda: life.started or life.ended, case.start_s)
                expect(life.started, f"{case.name} brings data and has not called task_status.started()")

        run_check(check, self.backend)

    @law("P12")
    def test_p12_cancelled_at_any_await_it_ends_clean(self, case: ProviderCase) -> None:
        """Cancelled at any await, a session ends in time, raises nothing else, and leaves nothing open.

        Provoked: session after session is cancelled at its first step, its second, and so on through the whole of its
        start, and at some steps of its steady state; then the venue's sockets and the descriptors are counted.

        Skipped: on another event loop than trio, which alone lets its steps be counted.
        """
        if self.backend != "trio":
            raise SkipTest("steps are counted on trio alone")

        async def check() -> None:
            async with case.stage() as stage:
                total = await count_steps(case.open(stage), case.start_s)
                expect(total, f"{case.name} brings nothing, so that there is no session to be cancelled")
                await _gone(stage.venue)
                before = descriptors()
                for at in chosen(total):
                    await _cancel_at(case, stage, at, total, before)

        run_check(check, self.backend)

    @law("P13")
    def test_p13_a_lost_venue_is_told(self, case: ProviderCase) -> None:
        """A venue that is gone ends the session with a `TransientError`, in time.

        Provoked: the connections are cut without a close frame, and new ones refused.

        Skipped: the stage has no venue.
        """

        async def check() -> None:
            async with case.stage() as stage:
                venue = venue_of(case, stage)
                async with living(case, case.open(stage)) as life:
                    await life.until_heard()
                    await refuse(venue, 503)
                    await cut(venue)
                    error = await life.until_lost(case.stop_s, "its connections were cut")
                _expect_transient(case, error, "a lost connection")

        run_check(check, self.backend)

    @law("P14")
    def test_p14_a_mute_connection_is_found(self, case: ProviderCase) -> None:
        """A connection that is open and mute is told in time: a `TransientError`, its cause ``silent``.

        Provoked: the venue keeps its connections, and its pings, and sends no more data; the case's `silent_s` is the
        limit. Before that it speaks for as long, and the session must not end.

        Skipped: the stage has no venue.
        """

        async def check() -> None:
            async with case.stage() as stage:
                venue = venue_of(case, stage)
                async with living(case, case.open(stage)) as life:
                    await life.until_true(
                        lambda: life.listener.channels() >= case.context.channels, "tick on each channel"
                    )
                    await life.until(lambda: life.ended, case.silent_s)
                    life.expect_well()
                    await mute(venue)
                    error = await life.until_lost(case.silent_s, "the venue fell silent")
                _expect_transient(case, error, "a mute connection")
                expect(
                    error.cause == "silent",
                    f'{case.name} tells a mute connection with the cause "{error.cause}"; say cause="silent"',
                )

        run_check(check, self.backend)

    @law("P15")
    def test_p15_begun_again_it_has_all_it_had(self, case: ProviderCase) -> None:
        """Run again after a loss, it is subscribed to all that it was, to no more, and brings data.

        Provoked: the connections are cut; what the venue counts as subscribed is held against what it was before.

        Skipped: the stage has no venue.
        """

        async def check() -> None:
            async with case.stage() as stage:
                venue = venue_of(case, stage)
                provider = case.open(stage)
                async with living(case, provider) as life:
                    await life.until_true(
                        lambda: life.started and life.listener.channels() >= case.context.channels,
                        "tick on each channel",
                    )
                    before = list(venue.streams())
                    await cut(venue)
                    await life.until(lambda: life.ended, case.stop_s)
                    if not life.ended:  # it has healed itself
                        life.listener.batches.clear()
                        await _expect_same(case, life, venue, before)
                        return
                async with living(case, provider) as life:
                    await _expect_same(case, life, venue, before)

        run_check(check, self.backend)

    @law("P16")
    def test_p16_a_refusal_is_transient(self, case: ProviderCase) -> None:
        """A venue that refuses connections for now, as one under maintenance does, is worth another try.

        Provoked: every connection and request is answered with HTTP status 503.

        Skipped: the stage has no venue.
        """

        async def check() -> None:
            _expect_transient(case, await refused(case, 503), "HTTP status 503")

        run_check(check, self.backend)

    @law("P17")
    def test_p17_a_pause_that_is_asked_for_is_kept(self, case: ProviderCase) -> None:
        """Where the venue says how long to wait, the `TransientError` says so in `retry_after_s`, in seconds.

        Provoked: every connection and request is answered with HTTP status 429 and ``Retry-After: 7``.

        Skipped: the stage has no venue.
        """

        async def check() -> None:
            error = await refused(case, 429, _RETRY_AFTER_S)
            _expect_transient(case, error, "HTTP status 429")
            waits_s = getattr(error, "retry_after_s", None)
            expect(
                waits_s is not None and _RETRY_AFTER_S - _PASSED_S <= waits_s < 3 * _RETRY_AFTER_S,
                f"{case.name} was asked to wait {_RETRY_AFTER_S} s, and says retry_after_s={waits_s}",
            )

        run_check(check, self.backend)

    @law("P18")
    def test_p18_what_cannot_be_helped_is_permanent(self, case: ProviderCase) -> None:
        """What no second try would change ends the session with a `PermanentError`.

        Provoked: by the case's `permanent`: a fault of the venue, or a stage such as one with a wrong key.

        Skipped: the case has no `permanent`.
        """

        async def check() -> None:
            error = await without_hope(case)
            expect(
                isinstance(error, PermanentError),
                f"{case.name} takes what cannot be helped for {error!r}: raise a PermanentError",
            )
            expect(error.cause != "defect", f"{case.name} fails by a defect of its own: {error}")

        run_check(check, self.backend)

    @law("P28")
    def test_p28_a_mute_channel_is_found_beside_busy_ones(self, case: ProviderCase) -> None:
        """One channel that falls silent is told in time, however busy the others are: `TransientError`, ``silent``.

        Provoked: of each channel a stream that is subscribed to for its sake alone brings no more, in a session each;
        the venue goes on with the others. The case's `silent_s` is the limit.

        Skipped: no two of the case's channels have streams of their own, or the stage has no venue.
        """
        run_check(lambda: expect_each_channel_watched(case), self.backend)


async def _cancel_at(case: ProviderCase, stage: Stage, at: int, total: int, before: int) -> None:
    provider = case.open(stage)
    told = f"{case.name}, cancelled at step {at} of {total}"
    outcome = await run_and_cancel(provider, at)
    expect(outcome.raised is None, f"{told}, raises {outcome.raised!r}")
    expect(
        not outcome.swallowed or stage.venue is None or isinstance(provider, Finite),
        f"{told}, returns from run(): let the cancellation through",
    )
    expect(outcome.took_s <= case.stop_s, f"{told}, takes {outcome.took_s:.1f} s to end")
    expect(await _gone(stage.venue), f"{told}, leaves a socket open at the venue")
    with trio.move_on_after(_GONE_S):
        while descriptors() > before:  # noqa: ASYNC110 - nobody tells of a closed descriptor
            await trio.sleep(0.01)
    left = descriptors() - before
    expect(left <= 0, f"{told}, leaves {left} descriptors open")


async def _gone(venue: LoopbackVenue | None) -> bool:
    """Wait until the venue has seen every connection end, and return whether it has."""
    with anyio.move_on_after(_GONE_S):
        while venue is not None and venue.connections():  # noqa: ASYNC110 - a venue tells nobody
            await anyio.sleep(0.005)
        return True
    return False


def _expect_transient(case: ProviderCase, error: ProviderError, what: str) -> None:
    expect(
        isinstance(error, TransientError),
        f"{case.name} takes {what} for {error!r}: raise a TransientError, so that the leg tries again",
    )


async def _expect_same(case: ProviderCase, life: Life, venue: LoopbackVenue, before: list[str]) -> None:
    """Fail unless the session comes to what it was subscribed to, stays there, and hears each channel."""
    await life.until(lambda: life.ended or list(venue.streams()) == before, case.start_s)
    await life.until_true(
        lambda: life.listener.channels() >= case.context.channels, "tick on each channel again"
    )
    await anyio.sleep(_AWHILE_S)
    now = list(venue.streams())
    lacking, beyond = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    expect(
        now == before,
        f"{case.name} had {len(before)} streams and has {len(now)} after the loss; lacking: {lacking[:5]}, "
        f"beyond: {beyond[:5]}",
    )
