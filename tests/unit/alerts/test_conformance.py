"""The observer that alerts people keeps the contract that a third party's observer must keep."""

import msgspec
import pytest

from ticktrail.testing import ObserverCase, ObserverConformance
from ticktrail_alerts.plugin import ticktrail_observers
from ticktrail_alerts.settings import AlertSettings

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtMTIz"


def settings(secret: str) -> AlertSettings:
    """Return those of a file and of a webhook at a port where nobody listens."""
    webhook = {"url": "http://127.0.0.1:9/", "secret": {"file": secret}}
    table = {"to": [{"file": {"path": "alerts.jsonl"}}, {"webhook": webhook}], "stop_s": 0.2, "look_s": 0.05}
    return msgspec.convert(table, AlertSettings)


class TestAlerts(ObserverConformance):
    @pytest.fixture
    def case(self, tmp_path) -> ObserverCase:
        (tmp_path / "secret").write_text(SECRET)
        (spec,) = ticktrail_observers()
        return ObserverCase(
            spec=spec,
            settings=settings("secret"),
            base_dir=tmp_path,
            unusable=settings("no-such-file"),
            secrets=[SECRET],
        )
