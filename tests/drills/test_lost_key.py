"""docs/how-to/recover-a-lost-key.md, followed after each key was taken away from a log."""

import shutil

import anyio
import pytest

from drills.conftest import FEED
from ticktrail.testing import ManualClock
from unit.compliance.logs import sample

MONTH = "2023-11"
"""Of a `ManualClock`; it is over."""


@pytest.fixture
def kept(reader, desk):
    """A log of two runs; its key and the data keys of the first run are kept elsewhere."""
    feed = FEED + 'anchors = ["anchor.txt"]\n'
    (desk / "feed.toml").write_text(feed)
    anyio.run(lambda: sample(desk, clock=ManualClock(), anchors=["anchor.txt"]))
    for folder in ("safe", "key-backups"):
        (desk / folder).mkdir()
    shutil.copy(desk / "audit.key", desk / "safe/audit.key")
    shutil.copy(desk / "audit-keys.db", desk / "key-backups/audit-keys.db")
    anyio.run(lambda: sample(desk, clock=ManualClock(), anchors=["anchor.txt"]))
    return lambda **disasters: reader("recover-a-lost-key", disasters=disasters).follow("What you need")


def test_a_copy_is_put_back(kept, desk):
    """Nothing is lost."""
    kept(**{"the key file is gone": (desk / "audit.key").unlink}).follow("A copy of the key is there")


def test_the_right_key_is_found_by_its_name(kept):
    """After an exchange, by a feed file that names the old one."""

    def exchange():
        assert walk.run("ticktrail audit keys rotate feed.toml --to file:new.key")[0] == 0

    walk = kept(**{"the key was exchanged, and the old one was put back": exchange})
    walk.follow("It is not the right key")


def test_a_backup_of_the_data_keys_is_put_back(kept, desk):
    """What the first run sealed is read again; what the second one did is named."""

    def lose():
        for path in desk.glob("audit-keys.db*"):
            path.unlink()

    walk = kept(**{"the key store is gone": lose}).follow("The data keys are gone")
    assert walk.run("ticktrail audit show feed.toml --from 1 --to 7")[0] == 0
    assert walk.run("ticktrail audit show feed.toml --from 8")[0] == 1


def test_the_key_is_gone_for_good(kept, desk):
    """What stands in the open is proven by the verifier key; a new log names the old one, and an incident says so."""

    def lose():
        for path in (desk / "audit.key", desk / "safe/audit.key"):
            path.unlink()

    walk = kept(**{"no copy of the key is left": lose})
    walk.follow("The key is gone for good", "Record it")
    walk.run("ticktrail ctl stop feed.toml")
    assert walk.run("ticktrail audit verify feed.toml")[0] == 0


def test_keys_that_were_destroyed_by_mistake_stay_destroyed(kept, desk):
    """The log says so, and reads nothing any more; with a backup of the keys from before no command reads either."""

    def destroy():
        named = f'--class journal --month {MONTH} --purpose "the wrong month" --yes'
        assert walk.run(f"ticktrail audit keys destroy feed.toml {named}")[0] == 0

    walk = kept(**{"the keys of a month were destroyed by mistake": destroy})
    walk.follow("Keys were destroyed by mistake")
    status, told = walk.run("ticktrail audit show feed.toml --class journal")
    assert status == 0
    assert "delivered" not in told
