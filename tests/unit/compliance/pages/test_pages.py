"""What there is to see of the log and of incidents while a feed runs."""

import time

import anyio
import pytest

from ticktrail.plugin import PageContext, Panel
from ticktrail.testing import ManualClock
from ticktrail_compliance.acts import LogVerified, actor_here
from ticktrail_compliance.acts.incidents import IncidentOpened
from ticktrail_compliance.pages.audit import AuditView
from ticktrail_compliance.pages.incidents import IncidentsView
from ticktrail_compliance.pages.looking import open_page
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store.appender import Appender
from unit.compliance.logs import NOW_NS, attack, opened, sample, settings

S = 10**9
HOUR_NS = 3_600 * S


@pytest.fixture
def anyio_backend():
    return "trio"


def record(folder, entry_class, act):
    with opened(folder, write=True) as log:
        Appender(log, lambda: act.at_ns).append([gathered_act(entry_class, act).draft()])


def page(view, folder, clock):
    return open_page(view, settings(), PageContext(feed="test", clock=clock, base_dir=folder))


def shown(panel):
    assert panel.trouble == ""
    return {figure.label: (figure.value, figure.mood, figure.note) for figure in panel.figures}


@pytest.mark.anyio
async def test_the_log_is_shown_as_it_goes_on(tmp_path):
    """How many entries, at what rate, what covers them; a later look sees what was added since."""
    await sample(tmp_path)
    clock = ManualClock(NOW_NS + HOUR_NS)
    async with page(AuditView, tmp_path, clock) as found:
        before = shown(await found.look())
        assert before["Entries"] == ("7", "plain", "")
        assert before["Last checkpoint"][:2] == ("covers all 7", "good")
        assert before["Last verification"][:2] == ("none told", "warning")
        act = LogVerified(
            at_ns=NOW_NS, actor=actor_here(), sound=True, mode="full", size=7, findings=0, head="00"
        )
        record(tmp_path, "access", act)
        clock.advance(2.0)
        after = shown(await found.look())
        assert after["Entries"][0] == "8"
        assert after["Entries"][2] == "0.5 entries/s"
        assert after["Last checkpoint"][1] == "warning"
        assert "1 entry since" in after["Last checkpoint"][2]
        assert after["Last verification"] == ("sound", "good", "full, up to entry 7, 1 h 0 min ago")


@pytest.mark.anyio
async def test_a_verification_with_findings_is_bad(tmp_path):
    """What somebody must act on is seen as that."""
    await sample(tmp_path)
    act = LogVerified(
        at_ns=NOW_NS, actor=actor_here(), sound=False, mode="full", size=7, findings=3, head="00"
    )
    record(tmp_path, "access", act)
    async with page(AuditView, tmp_path, ManualClock(NOW_NS)) as found:
        assert shown(await found.look())["Last verification"][:2] == ("3 findings", "bad")


@pytest.mark.anyio
async def test_a_log_whose_end_was_changed_is_bad(tmp_path):
    """The head row of somebody else is no head."""
    await sample(tmp_path)
    attack(tmp_path, "UPDATE audit_head SET seq = seq - 1")
    async with page(AuditView, tmp_path, ManualClock(NOW_NS)) as found:
        panel = await found.look()
        assert "audit verify" in panel.trouble
        assert panel.figures[0].mood == "bad"


@pytest.mark.anyio
async def test_a_log_that_cannot_be_opened_says_why_and_is_tried_again(tmp_path):
    """Nothing is made where there is no log; once there is one, it is shown."""
    async with page(AuditView, tmp_path, ManualClock(NOW_NS)) as found:
        assert (await found.look()).trouble
        assert not list(tmp_path.iterdir())
        await sample(tmp_path)
        assert shown(await found.look())["Entries"][0] == "7"


@pytest.mark.anyio
async def test_incidents_show_what_is_due_and_no_words_of_the_log(tmp_path):
    """Kind, severity and deadline; the title, the detail and the name stay in the log."""
    await sample(tmp_path)
    act = IncidentOpened(
        at_ns=NOW_NS,
        actor=actor_here(),
        by="ada",
        kind="other",
        severity="high",
        subject="secret subject",
        title="secret title",
        detail="secret detail",
        aware_ns=NOW_NS,
        customer_information="yes",
    )
    record(tmp_path, "incident", act)
    clock = ManualClock(NOW_NS + 31 * 24 * HOUR_NS)
    async with page(IncidentsView, tmp_path, clock) as found:
        panel = await found.look()
    assert shown(panel)["Open"][:2] == ("1", "warning")
    assert shown(panel)["Overdue"][:2] == ("1", "bad")
    assert panel.columns == ("Incident", "Kind", "Severity", "Due")
    ((_, kind, severity, told),) = panel.rows
    assert (kind, severity) == ("other", "high")
    assert "is over since" in told
    assert "secret" not in str(panel)


@pytest.mark.anyio
async def test_a_look_that_was_given_up_is_not_joined_by_others(tmp_path):
    """While the database hangs, the page says so at once, and does not pile up threads."""
    await sample(tmp_path)
    hanging, begun, asked = anyio.Event(), anyio.Event(), []

    def make():
        def view(log, now_ns):
            asked.append(now_ns)
            anyio.from_thread.run_sync(begun.set)
            anyio.from_thread.run(hanging.wait)
            return Panel()

        return view

    async with page(make, tmp_path, ManualClock(NOW_NS)) as found, anyio.create_task_group() as tasks:
        tasks.start_soon(found.look)
        with anyio.fail_after(10):
            await begun.wait()
        assert "does not answer" in (await found.look()).trouble
        assert len(asked) == 1
        hanging.set()


@pytest.mark.anyio
async def test_a_log_is_closed_once_nobody_looks_at_it(tmp_path):
    """A feed ends in the middle of a look: its connection is whole until the look has come back."""
    await sample(tmp_path)
    begun, sizes = anyio.Event(), []

    class Slow:
        def __call__(self, log, now_ns):
            anyio.from_thread.run_sync(begun.set)
            time.sleep(0.5)
            sizes.append(log.head().seq)  # on a connection that is closed this fails, or ends the process
            return Panel()

    async with page(Slow, tmp_path, ManualClock(NOW_NS)) as found, anyio.create_task_group() as tasks:
        tasks.start_soon(found.look)
        with anyio.fail_after(10):
            await begun.wait()
        tasks.cancel_scope.cancel()
    assert sizes == [7]
