"""What only this kind of route promises; that it is a sound one is the kit's to say."""

from ticktrail.plugin import Switch

from acme_ticktrail.plugin import AcmeRoute

SECOND = 1_000_000_000


def up(count: int) -> AcmeRoute:
    """Return a node all of whose children are up."""
    route = AcmeRoute(count, silent_s=2.0)
    for child in range(count):
        route.on_up(child, 0)
    return route


def test_the_next_one_speaks_when_one_is_down() -> None:
    """That of the children which speaks; the others' falls change nothing."""
    route = up(3)
    assert route.on_down(2, "lost", SECOND) == []
    (switch,) = route.on_down(0, "lost", SECOND)
    assert isinstance(switch, Switch)
    assert (switch.from_child, switch.to_child, switch.cause) == (0, 1, "lost")


def test_who_comes_up_while_nobody_can_speak_has_the_turn() -> None:
    """At once, and the one that had it is in the queue again."""
    route = AcmeRoute(2, silent_s=2.0)
    (switch,) = route.on_up(1, SECOND)
    assert isinstance(switch, Switch)
    assert switch.to_child == 1
    assert route.on_up(0, 2 * SECOND) == []


def test_the_next_one_speaks_when_one_is_silent() -> None:
    """At the deadline, not before it; time counts from when the speaker came up."""
    route = AcmeRoute(2, silent_s=2.0)
    route.on_up(0, 5 * SECOND)
    route.on_up(1, 6 * SECOND)
    assert route.deadline_ns() == 7 * SECOND
    assert route.on_time(7 * SECOND - 1) == []
    (switch,) = route.on_time(7 * SECOND)
    assert isinstance(switch, Switch)
    assert (switch.to_child, switch.cause) == (1, "silent")
