"""Each law of providers can be broken: a provider that breaks it is told by the law's number."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ticktrail.model import InstrumentId
from ticktrail.plugin import Capabilities
from ticktrail.testing import ProviderCase, ProviderConformance, Symbols, make_provider_context
from ticktrail.testing import _living as living_laws
from ticktrail.testing._laws import law_of, laws_of
from unit.testing import broken_providers as bad
from unit.testing import odd
from unit.testing.odd import LEG, Sound, case_of
from unit.testing.odd_books import GoesOn, Mute, NeverWhole, books_of

CALM = {"start_s": 10.0, "stop_s": 4.0}
"""A busy machine is no broken provider."""


def broken(kind: Callable[..., object], **changes: object) -> Callable[[Path], ProviderCase]:
    return lambda folder: replace(case_of(kind, folder), **{**CALM, **changes})


def books(kind: Callable[..., object], **changes: object) -> Callable[[Path], ProviderCase]:
    return lambda folder: replace(books_of(kind, folder), **{**CALM, **changes})


def two_instruments(folder: Path) -> ProviderCase:
    def make(number: int, now_ns: int):
        for stream, said in odd.make(number, now_ns):
            yield stream, said
            other = stream.replace("BTC", "ETH")
            yield other, {**said, "ch": other}

    case = case_of(bad.OnlyTheFirst, folder, make=make)
    context = make_provider_context(odd.BTC, "ETH/USDT", channels=odd.CHANNELS, name=LEG)
    return replace(case, context=context, start_s=2.0)


def with_past(past: Callable[..., object]) -> Callable[[Path], ProviderCase]:
    return lambda folder: case_of(folder=folder, past=past)


def with_capabilities(capabilities: Capabilities) -> Callable[[Path], ProviderCase]:
    return lambda folder: case_of(folder=folder, capabilities=capabilities)


def changed(change: Callable[[ProviderCase], ProviderCase]) -> Callable[[Path], ProviderCase]:
    return lambda folder: change(case_of(folder=folder))


def without_history(case: ProviderCase) -> ProviderCase:
    return replace(case, spec=replace(case.spec, history=None))


def beyond_offer(case: ProviderCase) -> ProviderCase:
    return replace(case, context=replace(case.context, channels=frozenset({"trades", "book"})))


def spelt(to_venue: Callable[[InstrumentId], str], *examples: str) -> Callable[[Path], ProviderCase]:
    symbols = Symbols(to_venue=to_venue, to_canonical=odd.to_canonical, examples=examples)
    return changed(lambda case: replace(case, symbols=symbols))


HEALS = replace(odd.CAPABILITIES, heals=frozenset({"trades"}))


def refuses(instrument: InstrumentId) -> str:
    raise ValueError(instrument)


BROKEN: list[tuple[str, Callable[[Path], ProviderCase], str]] = [
    (
        "P01",
        changed(
            lambda case: replace(case, spec=replace(case.spec, settings=bad.Loose), settings=bad.Loose())
        ),
        "takes unknown",
    ),
    ("P01", changed(lambda case: replace(case, settings=bad.Loose())), "settings are no OddSettings"),
    ("P02", changed(beyond_offer), r"asks for \['book'\]"),
    ("P02", changed(without_history), "gives provider_spec no `history`"),
    ("P03", broken(bad.ItsOwnName), "not the leg's name"),
    ("P03", broken(bad.ItsOwnTime), "not its batch's"),
    ("P03", broken(bad.VenueSpelling), "instrument not asked for"),
    ("P03", broken(bad.Floats), "price is a float"),
    ("P03", broken(bad.Unfit), "cannot decode a genuine message: no quotes"),
    ("P03", broken(Sound, payloads=[b"{}"]), "no tick"),
    ("P04", broken(bad.Rounds), r"tick 1 .*not the one expected"),
    ("P04", broken(bad.Milliseconds), "not the one expected"),
    ("P04", broken(bad.TextIds), "not the one expected"),
    ("P04", broken(bad.EightPlaces), "reads another number than 101.50123456789012345678901"),
    ("P04", broken(bad.ByAFloat), "reads another number than 100.00123456789012345678901"),
    ("P04", broken(bad.FloatIds), "reads another number than 9007199254740993"),
    ("P04", broken(bad.OneAMoment), "reads two trades of one moment as 1"),
    ("P04", broken(bad.NoQuotes), "decode to 2 ticks, and `expected` has 3"),
    ("P04", broken(Sound, payloads=odd.PAYLOADS[:2], expected=odd.EXPECTED[:2]), "has a tick of quotes"),
    ("P04", broken(Sound, expected=()), "the case has no `expected`"),
    ("P05", broken(bad.LastOfBatch), "than its messages singly"),
    ("P06", broken(bad.Raises), "raises .*return an Undecodable"),
    ("P06", broken(bad.WantsRaises), "raises"),
    ("P07", broken(bad.Trusting), "not finite"),
    ("P08", broken(bad.DropsGarbage), "as one Undecodable"),
    ("P08", broken(bad.KeepsTheBeginning), "as one Undecodable"),
    ("P08", broken(bad.LeavesOut), "leaves out without a word"),
    ("P09", broken(bad.WantsNothing), "does not want"),
    ("P10", spelt(lambda name: name.replace("/", "")), "reads that as"),
    ("P10", spelt(refuses), "refuses BTC/USDT"),
    ("P10", spelt(odd.to_venue, "BTC/USDT"), "and spells that 'BTC-USDT'"),
    ("P11", broken(bad.NeverConnects, start_s=1.0), "brought no data within 1 s; it has not called"),
    ("P11", broken(bad.NeverSaysSo, start_s=2.0), "has not called task_status"),
    ("P11", broken(bad.StopsLate, stop_s=0.7), "to stop after it was cancelled"),
    ("P12", broken(bad.StopsLate, stop_s=1.5), "takes [2-3].. s to end"),
    ("P12", broken(bad.Swallows), "raises TransientError"),
    ("P12", broken(bad.Outlives), "let the cancellation through"),
    ("P12", broken(bad.LeavesASocket), "leaves [12] descriptors open"),
    ("P12", broken(bad.RaisesWhenCancelled), "raises AttributeError"),
    ("P12", broken(bad.NeverConnects, start_s=1.0), "no session to be cancelled"),
    ("P13", broken(bad.GivesUp), "raise a TransientError"),
    ("P13", broken(bad.Breaks), "defect of its own, KeyError"),
    ("P13", broken(bad.Returns), r"run\(\) returned after its connections were cut"),
    ("P13", broken(bad.SaysNothing, stop_s=1.0), "goes on .* after its connections were cut"),
    ("P14", broken(bad.Patient), "goes on 1.5 s after the venue fell silent"),
    ("P14", broken(bad.CallsItLost), 'say cause="silent"'),
    ("P14", broken(bad.HearsNothing), "the session ended; its session ended: .*connected and silent"),
    ("P15", broken(bad.Forgets, start_s=2.0), "no tick on each channel again"),
    ("P15", broken(bad.AsksForMore, start_s=2.0), "beyond: .*ETH-USDT"),
    ("P16", broken(bad.GivesUp), "takes HTTP status 503 for PermanentError"),
    ("P17", broken(bad.Impatient), "retry_after_s=None"),
    ("P18", broken(bad.Hopes), "raise a PermanentError"),
    ("P19", broken(bad.Boasts), "in its repr"),
    ("P19", broken(bad.Logs), "in a log record of odd"),
    ("P19", broken(bad.Prints), "in what it prints"),
    ("P19", broken(bad.Tells), "in an event"),
    ("P19", broken(bad.Complains), "in an error"),
    ("P20", broken(bad.Hoards), "odd hoards"),
    ("P20", broken(bad.Discards), "throws away what it reads"),
    ("P21", broken(bad.ItsOwnClock), "take it from context.clock"),
    ("P21", broken(bad.Backwards), "hands over recv_ns"),
    ("P21", broken(bad.ItsOwnMono), "hands over mono_ns"),
    ("P22", broken(bad.OnlyTrades, start_s=1.0), r"brings nothing of \['quotes'\]"),
    ("P22", two_instruments, r"brings nothing of \['ETH/USDT'\]"),
    ("P23", broken(bad.Undeclared), "synthetic is False"),
    ("P23", broken(bad.Mutters), "cannot read what its venue sent"),
    ("P23", broken(bad.Others), "instrument not asked for"),
    ("P24", broken(bad.Skips), "21 follows 19"),
    ("P24", broken(bad.TextIds), "follows None"),
    ("P26", with_capabilities(HEALS), "it neither fetched"),
    ("P25", with_past(bad.OtherPrices), "says otherwise"),
    ("P25", with_past(bad.Omits), "not in the history"),
    ("P25", with_past(bad.Invents), "not in the history|not live"),
    ("P27", books(GoesOn), "goes on with the next one"),
    ("P27", books(Mute), "says nothing of 3 messages of a book"),
    ("P27", books(NeverWhole, start_s=1.5), "does not come back within 1.5 s"),
    ("P28", broken(bad.WatchesTheSocket), "goes on 1.5 s after the channel quotes alone"),
    ("P28", broken(bad.CallsItLost), 'raise a TransientError with cause="silent"'),
]


def check_of(number: str) -> Callable[[ProviderConformance, ProviderCase], None]:
    (name,) = [
        name
        for name in dir(ProviderConformance)
        if (found := law_of(getattr(ProviderConformance, name))) is not None and found.number == number
    ]
    return getattr(ProviderConformance, name)


def test_there_is_a_breaker_of_every_law() -> None:
    """No law goes unproven, and each check is a law."""
    numbers = [law.number for law in laws_of(ProviderConformance)]
    assert numbers == sorted({number for number, _, _ in BROKEN})
    assert len(numbers) == len([name for name in dir(ProviderConformance) if name.startswith("test_")])


@pytest.mark.parametrize(
    ("number", "case", "message"),
    BROKEN,
    ids=[f"{number}-{place}" for place, (number, _, _) in enumerate(BROKEN)],
)
def test_each_law_can_be_broken(
    number: str,
    case: Callable[[Path], ProviderCase],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broken provider fails the law that is about its fault, in words that name it."""
    monkeypatch.setattr(living_laws, "_GONE_S", 0.3)
    with pytest.raises(AssertionError, match=rf"^{number}: .*\n(.|\n)*({message})"):
        check_of(number)(ProviderConformance(), case(tmp_path))
