"""Bring the rule to ticktrail's kit: ticks that it must let through, and ticks that it must not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ticktrail.testing import ValidatorCase, ValidatorConformance, make_trade

from acme_ticktrail.plugin import (
    REMEMBERED,
    AcmeSettings,
    ticktrail_validators,
)

__all__ = ["TestAcme"]


class TestAcme(ValidatorConformance):
    """The laws of rules, V01 and on."""

    @pytest.fixture
    def case(self) -> ValidatorCase:
        """Return what the laws are tried on."""
        (spec,) = ticktrail_validators()
        usual = [make_trade(id=number, size="2") for number in range(REMEMBERED)]
        return ValidatorCase(
            spec=spec,
            settings=AcmeSettings(
                max_acme=Decimal(10),
            ),
            off=AcmeSettings(),
            good=[*usual, make_trade(id=100, size="20")],
            bad=[make_trade(id=101, size="60")],
        )
