"""A small log for each kind of database, sealed once a module."""

import shutil

import pytest

from unit.compliance.adversarial.attacks import Log, keep_tables, made, put_back_tables


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def sealed(kind, tmp_path_factory):
    """Seven entries; who changes it puts it right again."""
    with made(kind, tmp_path_factory.mktemp("sealed")) as log:
        log.sample()
        assert log.verified().sound
        keep_tables(log)
        yield log


@pytest.fixture
def log(sealed, tmp_path):
    """A copy of it, to be attacked; in PostgreSQL the same database, put right afterwards, since that is quicker."""
    shutil.copytree(sealed.folder, tmp_path, dirs_exist_ok=True)
    yield Log(tmp_path, sealed.database)
    put_back_tables(sealed)


@pytest.fixture
def fresh(kind, tmp_path):
    """A place where no log is yet."""
    with made(kind, tmp_path) as log:
        yield log
