"""Bring the sink to ticktrail's kit: settings that open it, and a way to read back what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ticktrail.model import Tick
from ticktrail.plugin import Sink, SinkContext
from ticktrail.testing import ManualClock, SinkCase, SinkConformance
from ticktrail.wire import decode_line

from acme_ticktrail.plugin import (
    AcmeSettings,
    AcmeSink,
    ticktrail_sinks,
)

__all__ = ["TestAcme"]


class TestAcme(SinkConformance):
    """The laws of sinks, S01 and on."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        """Return what the laws are tried on."""
        (spec,) = ticktrail_sinks()
        path = tmp_path / "acme.jsonl"

        def read_back() -> Sequence[Tick]:
            return [decode_line(line) for line in path.read_bytes().splitlines()]

        def breaks(sink: Sink) -> None:
            assert isinstance(sink, AcmeSink)  # noqa: S101 - a test
            sink.close()

        return SinkCase(
            spec=spec,
            settings=AcmeSettings(path=path.name),
            context=SinkContext(name="it", feed="test", clock=ManualClock(), base_dir=tmp_path),
            stored=lambda _: read_back(),
            stored_after=read_back,
            breaks=breaks,
            unusable=AcmeSettings(path="no/such/folder.jsonl"),
        )
