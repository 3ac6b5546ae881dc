"""A backfill runs on both of anyio's backends."""

import pytest

from unit.backfill.archive import ARCHIVE, Archive
from unit.engine.stage import STAGE, Stage


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(autouse=True)
def clean_stage():
    """Every test has an archive and a stage of its own."""
    ARCHIVE.__dict__.update(Archive().__dict__)
    STAGE.__dict__.update(Stage().__dict__)
