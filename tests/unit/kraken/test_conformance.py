"""The plugin's own cases of the conformance kit, which it ships."""

from ticktrail_kraken.testing.conformance import TestHistory, TestProvider

__all__ = ["TestHistory", "TestProvider"]
