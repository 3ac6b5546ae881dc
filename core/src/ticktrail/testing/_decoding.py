"""Hold a provider to what it says it can do, and its decoder to reading every message right, or saying that it cannot.

Owns: the laws P01 to P10.
Never: opens a socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from unittest import SkipTest

import msgspec

from ticktrail.model import Gap, Tick, Trade, Undecodable
from ticktrail.testing._cases import ProviderCase
from ticktrail.testing._expect import expect, expect_exact, expect_strict
from ticktrail.testing._laws import law
from ticktrail.testing._numbers import is_in, places_of
from ticktrail.testing._sessions import channel_of
from ticktrail.testing._symbols import expect_reversible
from ticktrail.wire import encode_lines

__all__ = ["DecodingLaws", "expect_tick"]

_RECV_NS = 1_700_000_000_123_456_789
_BIG_ID = 2**53 + 1
_DIGITS = "123456789012345678901"
_UNREADABLE = (b"\x00", b"\xff\xfe\xfd", b"{", b"[" * 5_000)


class DecodingLaws:
    """The laws that need no session."""

    @law("P01")
    def test_p01_settings_are_strict(self, case: ProviderCase) -> None:
        """The settings are frozen, come back from their own table, and refuse unknown keys.

        Provoked: a key of a name that no plugin has is added to the case's settings.
        """
        expect_strict(case.settings, case.spec.settings)

    @law("P02")
    def test_p02_offers_what_is_asked_for(self, case: ProviderCase) -> None:
        """The provider offers what the case asks it for, and has a history if it tells of one.

        Provoked: the context's channels and the declared history are held against `Capabilities`.
        """
        able = case.capabilities()
        expect(
            case.context.channels <= able.channels,
            f"{case.name} offers {sorted(able.channels)} only, and the case asks for "
            f"{sorted(case.context.channels - able.channels)}; add them to Capabilities.channels, or ask for less",
        )
        expect(
            not able.history or case.spec.history is not None,
            f"{case.name} declares the history of {sorted(able.history)}, and gives provider_spec no `history`",
        )

    @law("P03")
    def test_p03_ticks_are_whole(self, case: ProviderCase) -> None:
        """Ticks have the leg's name, their batch's time, what was asked for, and finite decimals.

        Provoked: the case's payloads are decoded, each field of each tick is looked at, and each tick is written to its
        wire form and read again.

        Skipped: the provider makes its ticks itself.
        """
        found = case.open().decode(_payloads(case), _RECV_NS)
        for item in found:
            if isinstance(item, Undecodable):
                raise AssertionError(  # noqa: TRY004 - a finding
                    f"{case.name} cannot decode a genuine message: {item.reason}: {item.raw[:120]!r}"
                )
            expect_tick(case, item, recv_ns=_RECV_NS)
        expect(found, f"{case.name} finds no tick in the case's payloads")

    @law("P04")
    def test_p04_ticks_are_exact(self, case: ProviderCase) -> None:
        """A tick says what the message says: times to the nanosecond, the venue's own digits, ids.

        Provoked: the case's payloads are decoded and held against `expected`, which a person has written and which
        has a tick of each channel that the case asks for: what nobody wrote down may have its sides swapped. Then each
        price, size and id is given more digits than a float holds, and a trade comes again with the next id.

        Skipped: the provider makes its ticks itself.
        """
        found = _lines(
            [
                item
                for item in case.open().decode(_payloads(case), _RECV_NS)
                if not isinstance(item, Undecodable)
            ]
        )
        wanted = _lines(case.expected)
        expect(
            wanted,
            "the case has no `expected`: read its payloads yourself and write every tick that is in them, in order",
        )
        for number, (have, want) in enumerate(zip(found, wanted, strict=False), 1):
            expect(
                have == want, f"tick {number} of the payloads is not the one expected:\n  {have}\n  {want}"
            )
        expect(
            len(found) == len(wanted),
            f"the payloads decode to {len(found)} ticks, and `expected` has {len(wanted)}; the first that only one "
            f"of them has: {(found if len(found) > len(wanted) else wanted)[min(len(found), len(wanted)) :][:1]}",
        )
        unseen = sorted(
            set(case.context.channels)
            - {channel_of(tick) for tick in case.expected if not isinstance(tick, Gap)}
        )
        expect(
            not unseen,
            f"no payload of the case has a tick of {', '.join(unseen)}, which it asks for: add a message of each, "
            "and write into `expected` what it says",
        )
        for payload in case.payloads:
            _expect_digits(case, payload)
            _expect_both(case, payload)

    @law("P05")
    def test_p05_a_batch_is_its_messages_one_by_one(self, case: ProviderCase) -> None:
        """How messages were cut into batches does not change what they say.

        Provoked: the payloads are decoded at once, and by another decoder one after the other.

        Skipped: the provider makes its ticks itself.
        """
        payloads = _payloads(case)
        one, other = case.open(), case.open()
        whole = list(one.decode(payloads, _RECV_NS))
        parts = [tick for payload in payloads for tick in other.decode([payload], _RECV_NS)]
        expect(
            whole == parts,
            f"{case.name}: one batch decodes to {len(whole)} other ticks than its messages singly",
        )

    @law("P06")
    def test_p06_any_bytes_are_read_or_told(self, case: ProviderCase) -> None:
        """Neither `decode` nor `wants` ever raises, whatever bytes arrive; what `decode` returns is whole.

        Provoked: hypothesis writes arbitrary bytes, texts and JSON.
        """
        from ticktrail.testing._mangled import arbitrary, for_all  # noqa: PLC0415 - needs hypothesis

        for_all(arbitrary(), lambda payload: _expect_total(case, payload), examples=200)

    @law("P07")
    def test_p07_mangled_messages_are_read_or_told(self, case: ProviderCase) -> None:
        """Neither `decode` nor `wants` raises over a message of the venue's that is not as it should be.

        Provoked: hypothesis cuts the payloads, splices two, flips bytes, and gives their fields values of other
        types, huge and hostile ones among them, or leaves them out.

        Skipped: the provider makes its ticks itself.
        """
        from ticktrail.testing._mangled import for_all, mangled  # noqa: PLC0415 - needs hypothesis

        for_all(mangled(_payloads(case)), lambda payload: _expect_total(case, payload), examples=400)

    @law("P08")
    def test_p08_the_unreadable_is_kept(self, case: ProviderCase) -> None:
        """What cannot be read comes back as one `Undecodable` with the raw bytes: nothing vanishes.

        Provoked: bytes that are no message, and the case's payloads cut short. A `Gap` may stand beside it. Then each
        number of a tick is a word in its message: the tick must not be left out without a word.
        """
        cut = [
            payload[:end]
            for payload in case.payloads
            if case.open().decode([payload], _RECV_NS)
            for end in sorted({len(payload) // 4, len(payload) // 2, len(payload) - 1})
            if end > 0
        ]
        for payload in (*_UNREADABLE, *cut):
            found = case.open().decode([payload], _RECV_NS)
            raw = [bytes(item.raw) for item in found if isinstance(item, Undecodable)]
            expect(
                raw == [payload] and all(isinstance(item, Undecodable | Gap) for item in found),
                f"{case.name} does not give {payload[:80]!r} back as one Undecodable with the raw bytes; it gives "
                f"{list(found)[:3]}",
            )
        for payload in case.payloads:
            ticks = case.open().decode([payload], _RECV_NS)
            for place in places_of(payload, ticks):
                spoilt = place.put("no number", quoted=True)
                found = case.open().decode([spoilt], _RECV_NS)
                expect(
                    len(found) >= len(ticks) or any(isinstance(item, Undecodable | Gap) for item in found),
                    f"{case.name} leaves out without a word what it cannot read in {spoilt[:200]!r}; return an "
                    "Undecodable with the raw bytes",
                )

    @law("P09")
    def test_p09_wants_what_it_decodes(self, case: ProviderCase) -> None:
        """`wants` lets every message through that holds a tick: a replay sends nothing else.

        Provoked: each payload that decodes to something is held against `wants`.

        Skipped: the provider makes its ticks itself.
        """
        provider = case.open()
        for payload in _payloads(case):
            if case.open().decode([payload], _RECV_NS):
                expect(provider.wants(payload), f"{case.name} does not want {payload[:80]!r}, and decodes it")

    @law("P10")
    def test_p10_symbols_are_reversible(self, case: ProviderCase) -> None:
        """The venue's spelling of an instrument leads back to it, and no two instruments share one.

        Provoked: hypothesis writes canonical names; those that `to_venue` takes must come back through
        `to_canonical`, and so must the case's own instruments and `examples`, from the other side.

        Skipped: the case brings no `symbols`.
        """
        if case.symbols is None:
            raise SkipTest(
                "the case brings no symbols: the venue's spelling is the canonical one, or unknown"
            )
        expect_reversible(case.name, case.symbols, case.context.instruments)


def expect_tick(case: ProviderCase, tick: Tick, *, recv_ns: int | None = None) -> None:
    """Fail unless a tick is what a leg may hand on.

    Args:
        case: Whose.
        tick: The tick.
        recv_ns: Its batch's receive time; None: not looked at.
    """
    name, asked = case.name, case.context
    expect(
        tick.provider == asked.name, f"{name}: a tick's provider is not the leg's name {asked.name!r}: {tick}"
    )
    expect(tick.instrument in asked.instruments, f"{name}: an instrument not asked for: {tick}")
    expect(
        recv_ns is None or tick.recv_ns == recv_ns,
        f"{name}: a tick's recv_ns is not its batch's {recv_ns}: {tick}",
    )
    expect(channel_of(tick) in asked.channels, f"{name}: a tick of a channel not asked for: {tick}")
    expect_exact(name, tick)


def _expect_digits(case: ProviderCase, payload: bytes) -> None:
    """Fail if a number of more digits than a float holds is read as another one."""
    ticks = case.open().decode([payload], _RECV_NS)
    for place in places_of(payload, ticks):
        number = _BIG_ID if isinstance(place.value, int) else _with_more_digits(place.value)
        changed = place.put(str(number))
        found = case.open().decode([changed], _RECV_NS)
        expect(
            is_in(number, found)
            or list(found) == list(ticks)  # the number is not that of which the tick is made
            or any(isinstance(item, Undecodable | Gap) for item in found),
            f"{case.name} reads another number than {number} in {changed[:200]!r}: {list(found)[:2]}",
        )


def _with_more_digits(number: Decimal) -> Decimal:
    """Return a number that is larger by less than its last digit: a book is not crossed by it."""
    text = f"{number:f}"
    return Decimal(f"{text}{'' if '.' in text else '.'}{_DIGITS}")


def _expect_both(case: ProviderCase, payload: bytes) -> None:
    """Fail if of two trades that differ in their ids alone one is left out."""
    ticks = case.open().decode([payload], _RECV_NS)
    if len(ticks) != 1 or not isinstance(trade := ticks[0], Trade) or not isinstance(trade.id, int):
        return
    for place in places_of(payload, [trade]):
        later = place.put(str(trade.id + 1))
        if place.value != trade.id or not is_in(trade.id + 1, case.open().decode([later], _RECV_NS)):
            continue
        found = case.open().decode([payload, later], _RECV_NS)
        expect(
            is_in(trade.id, found) and is_in(trade.id + 1, found),
            f"{case.name} reads two trades of one moment as {len(found)}: {payload[:120]!r} and {later[:120]!r}",
        )


def _payloads(case: ProviderCase) -> Sequence[bytes]:
    if not case.payloads:
        raise SkipTest(f"{case.name} makes its ticks itself: the case has no payloads")
    return case.payloads


def _expect_total(case: ProviderCase, payload: bytes) -> None:
    provider = case.open()
    try:
        found = list(provider.decode([payload], _RECV_NS))
        provider.wants(payload)
    except Exception as exc:
        raise AssertionError(
            f"{case.name} raises {exc!r} over {payload[:200]!r}; return an Undecodable with the raw bytes instead"
        ) from exc
    for item in found:
        if not isinstance(item, Undecodable):
            expect_tick(case, item, recv_ns=_RECV_NS)
        else:
            expect(
                item.raw == payload or (item.raw and item.raw in payload),
                f"{case.name} gives {item.raw[:80]!r} as what it could not read of {payload[:200]!r}",
            )


def _lines(ticks: Sequence[Tick]) -> Sequence[str]:
    """Return the wire form of each tick, less its receive time: a `Decimal` is not compared by its worth alone."""
    return [encode_lines([msgspec.structs.replace(tick, recv_ns=0)]).decode().rstrip() for tick in ticks]
