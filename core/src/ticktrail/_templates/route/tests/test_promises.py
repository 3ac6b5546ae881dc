"""What only this kind of route promises; that it is a sound one is the kit's to say."""

from ticktrail.plugin import Switch

from acme_ticktrail.plugin import AcmeRoute

SECOND = 1_000_000_000


def up(count: int = 2) -> AcmeRoute:
    """Return a node all of whose children are up."""
    route = AcmeRoute(count, silent_s=2.0)
    for child in range(count):
        route.on_up(child, 0)
    return route


def test_the_next_one_speaks_when_one_is_down() -> None:
    """And whoever comes up while nobody can speak has the turn at once."""
    route = up()
    assert route.on_down(1, "lost", SECOND) == []
    assert route.on_down(0, "lost", SECOND) == []
    (switch,) = route.on_up(1, 2 * SECOND)
    assert isinstance(switch, Switch)
    assert switch.to_child == 1
    assert route.on_up(0, 3 * SECOND) == []


def test_the_next_one_speaks_when_one_is_silent() -> None:
    """At the deadline, not before it."""
    route = up()
    assert route.deadline_ns() == 2 * SECOND
    assert route.on_time(2 * SECOND - 1) == []
    (switch,) = route.on_time(2 * SECOND)
    assert isinstance(switch, Switch)
    assert (switch.to_child, switch.cause) == (1, "silent")
