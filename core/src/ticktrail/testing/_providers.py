"""Check that a provider keeps the contracts of `ticktrail.plugin.Decoder` and `Provider`.

Owns: the checks, what a case must bring, and the intake that listens.
Never: speaks to a venue. The case's `live` brings a provider together with a loopback server, if it needs one.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import anyio
import anyio.abc
import anyio.lowlevel

from ticktrail.events import Event
from ticktrail.model import CHANNEL_OF, Gap, Tick, Undecodable
from ticktrail.plugin import Provider
from ticktrail.testing._cases import ProviderCase
from ticktrail.testing._expect import expect, expect_strict
from ticktrail.wire import decode_line, encode_lines

__all__ = ["ProviderConformance"]

_START_S = 10.0
_CANCEL_S = 5.0
_KEEP = 1_000
_RECV_NS = 1_700_000_000_123_456_789
_UNREADABLE = (b"\x00", b"\xff\xfe\xfd", b"{", b"[" * 5_000)
_STRANGE = (b"", b"[]", b"null", b"0", b'"text"', b'{"no venue has a message of this kind": 1}')


class ProviderConformance:
    """Subclass, give a `case` fixture that returns a `ProviderCase`, and inherit the checks.

    `backend` is the event loop that the checks run on.
    """

    backend = "trio"

    def test_settings_are_strict(self, case: ProviderCase) -> None:
        """Settings are frozen and refuse unknown keys."""
        expect_strict(case.settings, case.spec.settings)

    def test_offers_the_channels_asked_for(self, case: ProviderCase) -> None:
        """The case asks only for what the provider says that it can do."""
        offered = case.capabilities().channels
        expect(case.context.channels <= offered, f"{case.spec.name} offers {sorted(offered)} only")

    def test_decodes_genuine_messages(self, case: ProviderCase) -> None:
        """Ticks carry the leg's name, the given receive time, a canonical instrument and finite decimals."""
        if not case.payloads:
            return
        found = case.open().decode(case.payloads, _RECV_NS)
        _expect_ticks(case, found, recv_ns=_RECV_NS)

    def test_a_batch_is_its_messages_one_by_one(self, case: ProviderCase) -> None:
        """How messages were cut into batches does not change what they say."""
        one, other = case.open(), case.open()
        whole = list(one.decode(case.payloads, _RECV_NS))
        parts = [tick for payload in case.payloads for tick in other.decode([payload], _RECV_NS)]
        expect(whole == parts, f"{case.spec.name}: one batch decodes to other ticks than its messages singly")

    def test_decoding_never_raises(self, case: ProviderCase) -> None:
        """Bad data is a value: what cannot be read becomes an `Undecodable` with the raw bytes."""
        if not case.payloads:
            return
        decoder = case.open()
        halves = tuple(payload[: len(payload) // 2] for payload in case.payloads)
        for payload in (*_UNREADABLE, *_STRANGE, *halves):
            try:
                found = list(decoder.decode([payload], _RECV_NS))
            except Exception as exc:
                raise AssertionError(f"{case.spec.name} raises {exc!r} over {payload[:60]!r}") from exc
            raw = [item.raw for item in found if isinstance(item, Undecodable)]
            expect(
                raw == [payload] or (payload not in _UNREADABLE and not raw),
                f"{case.spec.name} does not give {payload[:60]!r} back as one Undecodable with the raw bytes",
            )

    def test_wants_what_it_decodes(self, case: ProviderCase) -> None:
        """A replay sends only what `wants` lets through, so that it must let every tick's message through."""
        provider = case.open()
        for payload in case.payloads:
            if case.open().decode([payload], _RECV_NS):
                expect(
                    provider.wants(payload),
                    f"{case.spec.name} does not want {payload[:60]!r}, and decodes it",
                )

    def test_runs_and_stops(self, case: ProviderCase) -> None:
        """A session says that it has started, brings data, and ends at once when cancelled."""

        async def session() -> None:
            intake = _Listening()
            async with case.stage() as stage, anyio.create_task_group() as tasks:
                provider = case.open(stage)
                with anyio.move_on_after(_START_S) as starting:
                    await tasks.start(_until_ended, provider, intake)
                    await intake.heard.wait()
                with anyio.move_on_after(_CANCEL_S, shield=True) as stopping:
                    tasks.cancel_scope.cancel()
                    await intake.ended.wait()
            expect(not starting.cancelled_caught, f"{case.spec.name} brought no data within {_START_S:.0f} s")
            expect(
                not stopping.cancelled_caught, f"{case.spec.name} took more than {_CANCEL_S:.0f} s to stop"
            )
            reader = case.open()
            for payloads, ticks, recv_ns in intake.batches:
                found = [*ticks, *(reader.decode(payloads, recv_ns) if payloads else ())]
                if found:
                    _expect_ticks(case, found, recv_ns=recv_ns)

        anyio.run(session, backend=self.backend)


async def _until_ended(
    provider: Provider, intake: _Listening, *, task_status: anyio.abc.TaskStatus[None]
) -> None:
    try:
        await provider.run(intake, task_status=task_status)
    finally:
        intake.ended.set()


class _Listening:
    """An intake that keeps the first batches and lets the rest go by."""

    def __init__(self) -> None:
        self.heard = anyio.Event()
        self.ended = anyio.Event()
        self.batches: list[tuple[Sequence[bytes], Sequence[Tick], int]] = []

    async def frames(self, payloads: Sequence[bytes], *, recv_ns: int, mono_ns: int) -> None:
        await self._keep(payloads, (), recv_ns, mono_ns)

    async def ticks(self, ticks: Sequence[Tick], *, recv_ns: int, mono_ns: int) -> None:
        await self._keep((), ticks, recv_ns, mono_ns)

    async def settled(self) -> bool:
        """Return at once: nothing waits here."""
        await anyio.lowlevel.checkpoint()
        return True

    def tell(self, event: Event) -> None:
        """Let the event go by."""

    async def _keep(
        self, payloads: Sequence[bytes], ticks: Sequence[Tick], recv_ns: int, mono_ns: int
    ) -> None:
        del mono_ns
        await anyio.lowlevel.checkpoint()
        if len(self.batches) < _KEEP:
            self.batches.append((tuple(payloads), tuple(ticks), recv_ns))
        self.heard.set()


def _expect_ticks(case: ProviderCase, found: Sequence[Tick | Undecodable], *, recv_ns: int) -> None:
    name = case.spec.name
    synthetic = case.capabilities().synthetic
    ticks = [item for item in found if not isinstance(item, Undecodable)]
    expect(len(ticks) == len(found), f"{name} cannot decode a genuine message")
    expect(ticks, f"{name} finds no tick in genuine messages")
    for tick in ticks:
        expect(tick.provider == case.context.name, f"{name}: a tick's provider is not the leg's name: {tick}")
        expect(tick.instrument in case.context.instruments, f"{name}: an instrument not asked for: {tick}")
        expect(tick.recv_ns == recv_ns, f"{name}: a tick's recv_ns is not its batch's: {tick}")
        expect(
            tick.synthetic == synthetic, f"{name}: a tick and the capabilities differ over synthetic: {tick}"
        )
        channel = tick.channel if isinstance(tick, Gap) else CHANNEL_OF.get(type(tick))
        expect(channel in case.context.channels, f"{name}: a tick of a channel not asked for: {tick}")
        for field in tick.__struct_fields__:
            value = getattr(tick, field)
            expect(
                not isinstance(value, float), f"{name}: {field} is a float, which no decimal may be: {tick}"
            )
            expect(
                not isinstance(value, Decimal) or value.is_finite(), f"{name}: {field} is not finite: {tick}"
            )
    line = encode_lines(ticks[:1])
    expect(decode_line(line) == ticks[0], f"{name}: a tick does not come back from its wire form: {line!r}")
