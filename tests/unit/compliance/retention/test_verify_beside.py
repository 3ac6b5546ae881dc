"""A verification while retention runs: what is destroyed meanwhile is no finding; what nobody told of is one."""

import pytest

from ticktrail_compliance.verify import whole
from ticktrail_compliance.verify.whole import verify
from unit.compliance.retention.keeping import Firm, policy_text


@pytest.mark.parametrize("moment", ["check_keys", "_contents"])
@pytest.mark.parametrize("is_told", [True, False])
def test_keys_are_destroyed_meanwhile(tmp_path, database, moment, is_told, monkeypatch):
    """After the log was asked which were, before keys or contents are looked at."""
    firm = Firm(tmp_path, database)
    firm.adopt(policy_text())
    firm.write()
    firm.pass_days(90)
    looked = getattr(whole, moment)

    def late(*arguments):
        with firm.session() as session:
            gone = [one.key_id for one in session.log.keys.states() if one.entry_class == "journal"]
            if not is_told:
                session.log.keys.destroy(gone)
        if is_told:
            assert firm.apply().destroyed.keys == 2
        return looked(*arguments)

    with firm.opened() as log:
        monkeypatch.setattr(whole, moment, late)
        found = verify(log)
    assert found.sound == is_told, found.findings
    assert found.destroyed == 2 * is_told
