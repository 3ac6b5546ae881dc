"""What every test of the workspace has in common."""

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def anyio_backend():
    """The backend of production; a folder whose code needs no trio-websocket asks for asyncio as well."""
    return "trio"
