"""Check that instruments and the venue's spelling of them lead to each other.

Owns: which names are tried.
Never: knows how a venue spells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId
from ticktrail.testing._cases import Symbols
from ticktrail.testing._expect import expect

__all__ = ["expect_reversible"]

_CODE = re.compile(r"[A-Z0-9.]{1,12}")


def expect_reversible(name: str, symbols: Symbols, instruments: Sequence[InstrumentId]) -> None:
    """Fail unless every name that is taken comes back, from either side."""
    from hypothesis import strategies as st  # noqa: PLC0415 - only who runs the kit needs it

    from ticktrail.testing._mangled import for_all  # noqa: PLC0415 - the same

    for instrument in instruments:
        expect(
            _there_and_back(name, symbols, instrument),
            f"{name} refuses {instrument}, which the case asks it for",
        )
    for symbol in symbols.examples:
        instrument = symbols.to_canonical(symbol)
        again = symbols.to_venue(instrument)
        expect(again == symbol, f"{name} reads {symbol!r} as {instrument} and spells that {again!r}")
    codes = st.from_regex(_CODE, fullmatch=True)
    pairs = st.builds("{}/{}".format, codes, codes)
    futures = st.builds("{}:{}".format, pairs, codes)
    dated = st.builds(
        "{}-{}".format, futures, st.from_regex(r"2[0-9](0[1-9]|1[0-2])(0[1-9]|1[0-9])", fullmatch=True)
    )
    names = st.one_of(codes, pairs, futures, dated, st.sampled_from([str(one) for one in instruments]))
    taken: dict[str, str] = {}

    def check(text: str) -> None:
        instrument = InstrumentId(text)
        if not _there_and_back(name, symbols, instrument):
            return
        symbol = symbols.to_venue(instrument)
        other = taken.setdefault(symbol, text)
        expect(other == text, f"{name} spells both {other} and {text} {symbol!r}")

    for_all(names, check, examples=200)


def _there_and_back(name: str, symbols: Symbols, instrument: InstrumentId) -> bool:
    """Return whether the venue could have the instrument; what it could have must come back."""
    try:
        symbol = symbols.to_venue(instrument)
    except (ConfigError, ValueError):
        return False
    back = symbols.to_canonical(symbol)
    expect(back == instrument, f"{name} spells {instrument} {symbol!r} and reads that as {back}")
    return True
