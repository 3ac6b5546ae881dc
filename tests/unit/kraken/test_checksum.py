"""The checksum of a book: the venue's own example, and digits that were written otherwise."""

from decimal import Decimal

import pytest

from ticktrail_kraken.checksum import checksum_of, digits_of, summed

# docs.kraken.com, "Book checksum (WebSocket v2)", read 2026-11: the example's book and its checksum.
ASKS = """
45285.2 0.00100000  45286.4 1.54571953  45286.6 1.54571109  45289.6 1.54560911  45290.2 0.15890660
45291.8 1.54553491  45294.7 0.04454749  45296.1 0.35380000  45297.5 0.09945542  45299.5 0.18772827
"""
BIDS = """
45283.5 0.10000000  45283.4 1.54582015  45282.1 0.10000000  45281.0 0.10000000  45280.3 1.54592586
45279.0 0.07990000  45277.6 0.03310103  45277.5 0.30000000  45277.3 1.54602737  45276.6 0.15445238
"""
EXPECTED = 3310070434


def levels(text):
    numbers = text.split()
    return [(Decimal(price), Decimal(size)) for price, size in zip(numbers[::2], numbers[1::2], strict=True)]


def test_the_venues_own_example():
    """As the page works it out."""
    texts = [summed(price, size, (None, None)) for price, size in (*levels(ASKS), *levels(BIDS))]
    assert texts[0] == "452852100000"
    assert checksum_of(texts) == EXPECTED


def test_numbers_that_lost_their_zeros_are_filled_up():
    """Where the pair's precision is known the sum is the same, however a number was written."""
    short = [(Decimal(f"{p.normalize():f}"), s.normalize()) for p, s in (*levels(ASKS), *levels(BIDS))]
    assert checksum_of(summed(price, size, (1, 8)) for price, size in short) == EXPECTED
    assert checksum_of(summed(price, size, (None, None)) for price, size in short) != EXPECTED


@pytest.mark.parametrize(
    ("number", "precision", "digits"),
    [
        ("0.00100000", None, "100000"),
        ("1E-8", 8, "1"),
        ("1.5E3", None, "1500"),
        ("45281", 1, "452810"),
        ("0.1234567", 3, "1234567"),
    ],
)
def test_digits(number, precision, digits):
    """Without point, leading zeros and exponent; never fewer than were sent."""
    assert digits_of(Decimal(number), precision) == digits


@pytest.mark.parametrize("number", ["1E+100000", "1E-100000", "1" * 5_000, "NaN", "Infinity"])
def test_what_is_no_number_of_a_book(number):
    """A hostile number costs no memory."""
    with pytest.raises(ValueError, match="no price or size"):
        digits_of(Decimal(number), None)
