"""The dashboard keeps the contract that a third party's observer must keep."""

import pytest

from ticktrail.plugin import Secret
from ticktrail.testing import ObserverCase, ObserverConformance
from ticktrail_dashboard.plugin import ticktrail_observers
from ticktrail_dashboard.settings import DashboardSettings

TOKEN = "correct-horse-battery-staple"


class TestDashboard(ObserverConformance):
    @pytest.fixture
    def case(self, tmp_path) -> ObserverCase:
        (tmp_path / "token").write_text(TOKEN)
        (spec,) = ticktrail_observers()
        return ObserverCase(
            spec=spec,
            settings=DashboardSettings(address="127.0.0.1:0", token=Secret(file="token")),
            base_dir=tmp_path,
            unusable=DashboardSettings(address="127.0.0.1:0", token=Secret(file="no-such-file")),
            secrets=[TOKEN],
        )
