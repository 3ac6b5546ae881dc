"""What only this observer promises; that it is a sound observer is the kit's to say."""

from pathlib import Path

import anyio
from ticktrail.events import Notice
from ticktrail.model import ProviderId, Rejected
from ticktrail.plugin import ObserverContext, Routed
from ticktrail.testing import ManualClock, make_trade

from acme_ticktrail.plugin import (
    AcmeObserver,
    AcmeSettings,
)


def test_it_tells_once_when_too_much_is_kept_back() -> None:
    """At the limit, and no more after it."""
    told: list[Notice] = []
    context = ObserverContext(
        feed="test",
        clock=ManualClock(),
        base_dir=Path(),
        warn=print,
        tell=told.append,
        status=lambda: None,
    )
    settings = AcmeSettings(most_rejected=3)
    observer = AcmeObserver(settings, context)
    rejected = Rejected(tick=make_trade(), violations=())
    records = [Routed(provider=ProviderId("leg"), recv_ns=0, rejected=(rejected,))]
    for number in range(1, 6):
        anyio.run(observer.observe, records)
        assert len(told) == (number >= 3)
    assert observer.summary() == {"delivered": 0, "rejected": 5, "events": 0}
