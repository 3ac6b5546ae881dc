"""The audit log keeps the contract that a third party's observer must keep."""

import pytest

from ticktrail.testing import ObserverCase, ObserverConformance
from ticktrail_compliance.plugin import ticktrail_observers
from ticktrail_compliance.settings import KeySettings
from unit.compliance.logs import settings

KEY = KeySettings(file="audit.key")


class TestCompliance(ObserverConformance):
    @pytest.fixture
    def case(self, tmp_path) -> ObserverCase:
        (spec,) = ticktrail_observers()
        return ObserverCase(
            spec=spec,
            settings=settings(key=KEY, segment_ticks=100_000),
            base_dir=tmp_path,
            unusable=settings(key=KeySettings(file="no/such/folder/audit.key")),
        )


class TestComplianceOnAsyncio(TestCompliance):
    backend = "asyncio"


class TestComplianceBeforeDelivery(TestCompliance):
    @pytest.fixture
    def case(self, tmp_path) -> ObserverCase:
        (spec,) = ticktrail_observers()
        return ObserverCase(spec=spec, settings=settings(key=KEY, before_delivery=True), base_dir=tmp_path)
