"""The engine runs on both of anyio's backends."""

import pytest

from unit.engine.stage import STAGE, Stage


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(autouse=True)
def clean_stage():
    """Every test has a stage of its own."""
    STAGE.__dict__.update(Stage().__dict__)
