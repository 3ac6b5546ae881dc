"""Bring the observer to ticktrail's kit, which shows it every kind of record."""

from __future__ import annotations

from pathlib import Path

import pytest
from ticktrail.testing import ObserverCase, ObserverConformance

from acme_ticktrail.plugin import (
    AcmeSettings,
    ticktrail_observers,
)

__all__ = ["TestAcme"]


class TestAcme(ObserverConformance):
    """The laws of observers, O01 and on."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ObserverCase:
        """Return what the laws are tried on."""
        (spec,) = ticktrail_observers()
        return ObserverCase(
            spec=spec,
            settings=AcmeSettings(most_rejected=1),
            base_dir=tmp_path,
        )
