"""A sound provider keeps every law of the kit."""

import pytest

from ticktrail.testing import ProviderCase, ProviderConformance
from unit.testing.odd import case_of
from unit.testing.odd_books import books_of


class TestASoundProvider(ProviderConformance):
    """On a venue that does not exist."""

    @pytest.fixture
    def case(self, tmp_path) -> ProviderCase:
        return case_of(folder=tmp_path)


class TestASoundProviderOfBooks(ProviderConformance):
    """Its books, alone."""

    @pytest.fixture
    def case(self, tmp_path) -> ProviderCase:
        return books_of(folder=tmp_path)
