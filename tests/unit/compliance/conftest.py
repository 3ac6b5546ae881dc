"""Both event loops: the log runs in a worker thread of either."""

import pytest


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param
