"""A whole table is gone: told by its name, with the remedy, whoever opens the log and for what."""

import pytest
import sqlalchemy

from ticktrail.errors import ConfigError
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.migrating import VERSIONS
from unit.compliance.adversarial.attacks import TABLES, made

OF_KEYS = {*schema.key_metadata.tables, VERSIONS["keys"]}


def _drop(log, *tables):
    for table in tables:
        with log.attacked(keys=table in OF_KEYS) as connection:
            connection.exec_driver_sql(f"DROP TABLE {table}")


def _tables(log, *, keys):
    with log.attacked(keys=keys) as connection:
        return set(sqlalchemy.inspect(connection).get_table_names())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_was_dropped(tmp_path, kind, table):
    """To read and to write alike, and nothing is made in its place."""
    with made(kind, tmp_path) as log:
        log.sample()
        _drop(log, table)
        for write in (False, True):
            with pytest.raises(ConfigError, match=rf"(?s)\b{table}\b.*restore .* from .*backup"):
                log.opened(write=write)
        assert table not in _tables(log, keys=table in OF_KEYS)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_tables_of_the_key_store(tmp_path, kind):
    """An empty store is not one of an older layout, and no new one."""
    with made(kind, tmp_path) as log:
        log.sample()
        _drop(log, *OF_KEYS)
        for write in (False, True):
            with pytest.raises(ConfigError, match=r"\baudit_keys\b.*restore .* from .*backup"):
                log.opened(write=write)


def test_a_table_that_is_dropped_meanwhile(tmp_path):
    """While the log is open: the database's own words, and the same remedy."""
    for kind in ("sqlite", "postgresql"):
        (tmp_path / kind).mkdir()
        with made(kind, tmp_path / kind) as log:
            log.sample()
            with log.opened() as opened:
                _drop(log, "audit_tiles")
                with pytest.raises(Exception, match=r"audit_tiles.*restore it from a backup"):
                    opened.seen()
