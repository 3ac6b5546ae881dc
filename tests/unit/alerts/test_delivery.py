"""A channel that fails is tried again, told of once, and in nobody's way."""

from random import Random

import anyio
import anyio.lowlevel
import msgspec
import pytest

from ticktrail.events import OutageBegun, OutageEnded
from ticktrail_alerts import delivery
from ticktrail_alerts.message import Alert
from unit.alerts.servers import serving
from unit.alerts.stage import START_NS, StageClock, but, leg, sink, until, watching

pytestmark = pytest.mark.anyio
DOWN = but(legs={"one": leg("down", why="refused")})
FAILED = but(sinks={"jsonl": sink(failed="no room")})
QUICK = {"leg_down": {"after_s": 0, "clear_s": 0}, "sink_failed": {"clear_s": 0}, "disk": False}


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.05)


def hook(url, name="hook", **keys):
    return {"name": name, "webhook": {"url": url, "secret": {"env": "HOOK_SECRET"}}, **keys}


def bodies(hooks):
    return [msgspec.json.decode(body) for _, _, body in hooks.came]


def told(hooks):
    return [
        (alert["rule"], alert["about"], alert["state"]) for body in bodies(hooks) for alert in body["alerts"]
    ]


async def test_what_fails_is_sent_again_until_it_is_taken(tmp_path):
    """The same id each time, another time of sending; then the next one."""
    with serving() as hooks:
        hooks.statuses = [500, 503, 429]
        async with watching(tmp_path, {"to": [hook(hooks.url)], "rules": QUICK}) as watched:
            watched.status = DOWN
            await until(lambda: len(hooks.came) == 4)
            watched.status = but()
            await until(lambda: len(hooks.came) == 5)
    ids = [headers["webhook-id"] for _, headers, _ in hooks.came]
    assert len(set(ids[:4])) == 1
    assert ids[4] != ids[0]
    assert told(hooks)[3:] == [("leg_down", "one", "begun"), ("leg_down", "one", "resolved")]


async def test_a_channel_that_fails_is_told_of_once(tmp_path):
    """On the bus, when it failed three times, and when it works again; the text has no more than its host."""
    with serving() as hooks:
        hooks.always = 500
        async with watching(tmp_path, {"to": [hook(hooks.url)], "rules": QUICK}) as watched:
            watched.status = DOWN
            await until(lambda: len(hooks.came) >= 8)
            (notice,) = watched.notices
            assert (notice.source, notice.name, notice.about, notice.is_over) == (
                "alerts",
                "channel_failing",
                "hook",
                False,
            )
            assert "127.0.0.1 answers 500" in notice.text
            assert "/hook" not in notice.text
            assert watched.observer.trouble() == "hook: 127.0.0.1 answers 500"
            hooks.always = 204
            await until(lambda: len(watched.notices) == 2)
            assert watched.notices[1].is_over
            assert watched.observer.trouble() == ""


async def test_a_channel_that_fails_is_in_no_other_s_way(tmp_path):
    """One hangs, one refuses connections: the third has it at once, and the failure of the others too."""
    with serving() as good, serving() as slow:
        slow.hold.clear()
        to = [hook(slow.url, "slow"), hook("http://127.0.0.1:1/x", "none"), hook(good.url, "good")]
        async with watching(tmp_path, {"to": to, "rules": QUICK, "stop_s": 0}) as watched:
            watched.status = DOWN
            await until(lambda: ("leg_down", "one", "begun") in told(good))
            await until(lambda: watched.notices)
            await watched.hear(*watched.notices)
            await until(lambda: ("notice", "alerts channel_failing none", "begun") in told(good))
            with anyio.fail_after(5):
                await watched.hear(OutageBegun(at_ns=START_NS, legs={"one": "x"}))
        slow.hold.set()
    assert any("could not be sent to slow" in text for text in watched.warned)


async def test_a_message_that_is_refused_is_not_tried_again(tmp_path):
    """The next one says how many were lost before it."""
    with serving() as hooks:
        hooks.statuses = [422]
        async with watching(tmp_path, {"to": [hook(hooks.url)], "rules": QUICK}) as watched:
            watched.status = DOWN
            await until(lambda: watched.notices)
            watched.status = but()
            await until(lambda: len(hooks.came) == 2)
            assert watched.observer.summary()["lost"] == 1
    assert [body["lost_before"] for body in bodies(hooks)] == [0, 1]
    assert told(hooks)[1] == ("leg_down", "one", "resolved")


async def test_a_message_is_given_up_after_its_time(tmp_path):
    """A day by default; the channel is not blocked for ever by what nobody wants to know any more."""
    clock = StageClock()
    with serving() as hooks:
        hooks.always = 500
        table = {"to": [hook(hooks.url)], "rules": QUICK, "give_up_s": 3600}
        async with watching(tmp_path, table, clock=clock) as watched:
            watched.status = DOWN
            await until(lambda: len(hooks.came) >= 2)
            clock.advance(3601)
            await until(lambda: watched.observer.summary()["lost"] == 1)
            assert watched.observer.summary()["waiting"] == 0


async def test_the_queue_is_bounded(tmp_path):
    """The oldest goes, and the first one that is taken says how many did."""
    with serving() as hooks:
        hooks.always = 500
        table = {"to": [hook(hooks.url)], "rules": QUICK, "queue": 3}
        async with watching(tmp_path, table) as watched:
            for n in range(10):
                watched.status = DOWN if n % 2 == 0 else but()
                want = n // 2 + 1
                key = "begun" if n % 2 == 0 else "resolved"
                watched.clock.advance(4_000)  # past all that makes flapping quiet
                await until(lambda key=key, want=want: watched.observer.summary()[key] == want)
            assert watched.observer.summary()["waiting"] == 3
            hooks.always = 204
            await until(lambda: watched.observer.summary()["waiting"] == 0)
    assert len(hooks.taken) == 3
    assert sum(msgspec.json.decode(body)["lost_before"] for body in hooks.taken) == 7


async def test_each_channel_gets_what_it_asked_for(tmp_path):
    """By severity, by rule, or everything."""
    with serving() as critical, serving() as legs, serving() as everything:
        to = [
            hook(critical.url, "critical", from_severity="critical"),
            hook(legs.url, "legs", rules=["leg_down"]),
            hook(everything.url, "everything"),
        ]
        async with watching(tmp_path, {"to": to, "rules": QUICK}) as watched:
            watched.status = msgspec.structs.replace(DOWN, sinks=FAILED.sinks)
            await until(lambda: critical.came and legs.came and everything.came)
    assert told(critical) == [("sink_failed", "jsonl", "begun")]
    assert told(legs) == [("leg_down", "one", "begun")]
    assert set(told(everything)) == {("sink_failed", "jsonl", "begun"), ("leg_down", "one", "begun")}


async def test_a_storm_is_one_message(tmp_path):
    """Five hundred instruments at once: one message of their begin, one of their end, both bounded."""
    names = tuple(f"X{n}/USD" for n in range(500))
    rules = {**QUICK, "outage": {"after_s": 0, "clear_s": 0}}
    with serving() as hooks:
        async with watching(tmp_path, {"to": [hook(hooks.url)], "rules": rules}) as watched:
            watched.status = but(instruments=names)
            await watched.hear(OutageBegun(at_ns=START_NS, legs={"one": "lost"}))
            await until(lambda: len(hooks.came) == 1)
            await watched.hear(OutageEnded(at_ns=START_NS, provider="one", lasted_s=1.0))
            await until(lambda: len(hooks.came) == 2)
            assert watched.observer.summary()["begun"] == watched.observer.summary()["resolved"] == 500
    begun, over = bodies(hooks)
    assert (len(begun["alerts"]), begun["more"]) == (len(over["alerts"]), over["more"]) == (50, 450)
    assert begun["title"] == "500 alerts (outage)"


async def test_what_follows_soon_comes_together(tmp_path):
    """The first at once; the others wait until `group_s` have passed, and are one message."""
    with serving() as hooks:
        table = {"to": [hook(hooks.url)], "rules": QUICK, "group_s": 30}
        async with watching(tmp_path, table) as watched:
            watched.status = DOWN
            await until(lambda: len(hooks.came) == 1)
            watched.status = msgspec.structs.replace(FAILED, legs=DOWN.legs)
            await until(lambda: watched.observer.summary()["begun"] == 2)
            watched.status = FAILED
            await until(lambda: watched.observer.summary()["resolved"] == 1)
            assert len(hooks.came) == 1
            watched.clock.advance(31)
            await until(lambda: len(hooks.came) == 2)
    assert told(hooks)[1:] == [("sink_failed", "jsonl", "begun"), ("leg_down", "one", "resolved")]


async def test_a_message_that_a_channel_chokes_on_is_given_up_and_told(tmp_path):
    """A defect of one channel ends neither it nor the alerts: what comes next is sent, with the loss in it."""

    class Choking:
        def __init__(self):
            self.came = []
            self.errors = [ValueError("no such header"), RuntimeError("\x1b[2J")]

        async def send(self, message):
            await anyio.lowlevel.checkpoint()
            if self.errors:
                raise self.errors.pop(0)
            self.came.append(message)
            return ""

    channel, notices = Choking(), []
    settings = msgspec.convert({"to": [{"name": "f", "file": {"path": "x"}}]}, delivery.AlertSettings)
    one = delivery.Delivery(
        settings.to[0], settings, channel, clock=StageClock(), tell=notices.append, random=Random(1)
    )
    alert = Alert(
        id="a", rule="r", about="", severity="critical", state="begun", text="t", begun_ns=0, lasted_s=0.0
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.run)
        for number in range(2):
            at_ns = START_NS + 5_000 * 10**9
            one.offer([alert], message_id=f"m{number}", feed="btc", at_ns=at_ns)
        await until(lambda: channel.came)
        tasks.cancel_scope.cancel()
    assert [(message.id, message.lost_before) for message in channel.came] == [("m1", 1)]
    assert (one.sent, one.lost) == (1, 1)
    assert "by a defect: ValueError: no such header" in notices[0].text
    assert notices[-1].is_over


async def test_text_that_no_channel_can_carry_is_told_in_a_form_that_it_can(tmp_path):
    """A file's name may hold any bytes, a venue's words any sign: the message comes, and the state is kept."""
    odd = b"no room in /data/\xff\r\nBcc: all\x1b[2J".decode("utf-8", "surrogateescape")
    with serving() as hooks:
        async with watching(tmp_path, {"to": [hook(hooks.url)], "rules": QUICK}) as watched:
            watched.status = but(sinks={"jsonl": sink(failed=odd)})
            await until(lambda: told(hooks))
        assert watched.observer.trouble() == ""
    (alert,) = bodies(hooks)[0]["alerts"]
    assert alert["text"].endswith(r"no room in /data/\udcff\r\nBcc: all\x1b[2J")
