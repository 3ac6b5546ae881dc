"""A sound provider keeps every law of the kit."""

import pytest

from ticktrail.testing import ProviderCase, ProviderConformance
from unit.testing.odd import case_of


class TestASoundProvider(ProviderConformance):
    """On a venue that does not exist."""

    @pytest.fixture
    def case(self, tmp_path) -> ProviderCase:
        return case_of(folder=tmp_path)
