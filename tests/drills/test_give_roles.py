"""docs/how-to/give-people-roles.md, followed in PostgreSQL from no database to a refusal, with a login each."""

import json
import uuid

import pytest
import sqlalchemy

from drills.conftest import needs
from unit.compliance.logs import POSTGRES, administer, postgres

LOGINS = ("ticktrail_owner", "ticktrail_feed", "alice", "bob", "carol")
DATABASE = "ticks_audit"


@pytest.fixture
def own_names():
    """Names of this test's own for what the page makes: logins are of the whole server. All are gone afterwards."""
    with postgres():  # skips or fails where there is no server
        pass
    ending = uuid.uuid4().hex[:12]
    names = {name: f"{name}_{ending}" for name in (*LOGINS, DATABASE)}
    yield names
    administer(f"DROP DATABASE IF EXISTS {names[DATABASE]} WITH (FORCE)")
    for name in LOGINS:
        administer(f"DROP ROLE IF EXISTS {names[name]}")


def test_roles_in_postgresql(reader, desk, own_names):
    """The order of the page is one that works: tables, grants, the officer's policy, the feed, each person."""
    needs("psql")
    walk = reader("give-people-roles", instead={"db.example": "127.0.0.1:5432", **own_names})
    walk.follow("Let the database enforce it")
    status, told = walk.run(
        f"ticktrail compliance access log {own_names['carol']}.toml --json --purpose look"
    )
    assert status == 0, told
    people = {json.loads(line)["record"]["actor"]["database_user"] for line in told.splitlines()}
    assert people >= {own_names[name] for name in ("ticktrail_feed", "alice", "bob", "carol")}
    engine = sqlalchemy.create_engine(f"{POSTGRES}/{own_names[DATABASE]}", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        owners = connection.execute(
            sqlalchemy.text("SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'audit_%'")
        )
        assert list(owners.scalars()) == [own_names["ticktrail_owner"]]
