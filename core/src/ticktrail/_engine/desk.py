"""Carry out what a person tells a running feed.

Owns: which order goes to a leg, to the route, or to the feed as a whole.
Never: listens (`control` does), says how the feed stands (`standing` does), or decides what an
order does to a node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticktrail._engine.control import Answer, Request
from ticktrail._engine.leg import Leg
from ticktrail._engine.reload import Outcome, Reloader
from ticktrail._engine.route import Route
from ticktrail.errors import RouteError
from ticktrail.model import InstrumentId, ProviderId
from ticktrail.status import FeedStatus

__all__ = ["Desk"]


class Desk:
    """What a person has of a feed.

    Args:
        reloader: Changes the feed, and knows the plan that is in force.
        legs: All of them.
        route: Between legs and lanes.
        status: Tells how the feed stands.
        stop: Ends the feed in good order.
    """

    def __init__(
        self,
        reloader: Reloader,
        legs: Sequence[Leg],
        route: Route,
        *,
        status: Callable[[], FeedStatus | None],
        stop: Callable[[str], None],
    ) -> None:
        self._reloader = reloader
        self._legs = {leg.name: leg for leg in legs}
        self._route = route
        self._status = status
        self._stop = stop

    async def carry_out(self, request: Request) -> Answer:
        """Do what is asked.

        Raises:
            FeedError: It cannot be done; nothing has changed.
        """
        match request.do:
            case "status":
                return Answer(done=True, status=self._status())
            case "stop":
                self._stop("told by hand")
            case "reset":
                self._leg(request.leg).reset()
            case "rest":
                self._leg(request.leg).rest()
            case "wake":
                self._leg(request.leg).wake()
            case "drain":
                leg = self._leg(request.leg)
                self._route.hand_over(leg.name)
                leg.rest()
            case "reload" | "preview":
                return _answer(await self._reloader.reload(dry=request.do == "preview"))
            case "subscribe":
                return _answer(await self._reloader.subscribe(_named(request)))
            case "unsubscribe":
                return _answer(await self._reloader.unsubscribe(_named(request)))
            case action:
                strange = set(request.instruments or ()) - set(self._reloader.plan.instruments)
                if strange:
                    raise RouteError(f"the feed has no {', '.join(sorted(strange))}; nothing was done")
                whom = None if request.leg is None else self._leg(request.leg).name
                self._route.order(action, whom, request.instruments)
        return Answer(done=True)

    def _leg(self, name: str | None) -> Leg:
        leg = None if name is None else self._legs.get(ProviderId(name))
        if leg is None:
            raise RouteError(f"there is no leg {name}; there is {', '.join(self._legs)}")
        return leg


def _named(request: Request) -> Sequence[InstrumentId]:
    if not request.instruments:
        raise RouteError("name at least one instrument")
    return request.instruments


def _answer(outcome: Outcome) -> Answer:
    return Answer(
        done=not outcome.refused,
        error="\n".join(outcome.refused),
        problems=outcome.refused,
        applied=outcome.applied,
        warnings=outcome.warnings,
    )
