"""Somebody else's rule: it objects to round prices, and has a defect at one of them."""

from ticktrail.model import Trade, Violation
from ticktrail.plugin import Settings, hookimpl, validator_spec

TICKTRAIL_API = 1


class RoundSettings(Settings, frozen=True):
    no_multiple_of: int | bool = False


class RoundPrice(Violation, frozen=True, tag="round"):
    price: str


class RoundRule:
    def __init__(self, multiple):
        self._multiple = multiple

    def check(self, tick, at_ns):
        if tick.price == 13:
            raise LookupError("unlucky")
        return RoundPrice(price=str(tick.price)) if tick.price % self._multiple == 0 else None


@hookimpl
def ticktrail_validators():
    return [
        validator_spec(
            name="round",
            summary="x",
            settings=RoundSettings,
            open=lambda settings, context: (
                RoundRule(settings.no_multiple_of) if settings.no_multiple_of else None
            ),
            ticks=(Trade,),
        )
    ]
