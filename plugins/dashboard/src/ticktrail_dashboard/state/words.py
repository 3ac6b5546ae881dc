"""Say in a sentence what happened: one for every event of the control bus.

Owns: kind, tone, subject and sentence of each event.
Never: keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeVar

from ticktrail import events as e
from ticktrail.events import Event
from ticktrail_dashboard.view import Tone

__all__ = ["Saying", "say", "say_plugins"]

Kind = Literal["feed", "leg", "route", "rule", "sink", "clock", "person", "notice"]
MOST_TEXT: Final = 600
MOST_NAMED: Final = 3

E = TypeVar("E", bound=Event)


class Saying(NamedTuple):
    """What is said of one event."""

    kind: Kind
    tone: Tone
    about: str
    text: str


def say(event: Event) -> Saying:
    """Return the sentence for an event; of one that is not known here at least its name."""
    saying = _SAYINGS.get(type(event))
    if saying is None:
        return Saying("feed", "plain", "", str(type(event).__struct_config__.tag).replace("_", " "))
    kind, tone, about, text = saying(event)
    return Saying(kind, tone, about, text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…")


def say_plugins(loaded: Sequence[e.PluginLoaded]) -> Saying:
    """Return one sentence for the plugins that a feed starts with: a line of each would be all that is seen of it."""
    if len(loaded) == 1:
        return say(loaded[0])
    names = ", ".join(f"{one.name} {one.version}" for one in loaded)
    text = f"{len(loaded)} plugins are loaded: {names}"
    return Saying("feed", "plain", "", text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…")


def _named(names: Sequence[str] | None) -> str:
    """Name instruments, a few of them where there are many."""
    if names is None:
        return "all instruments"
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
    return ", ".join(names) or "no instrument"


def _soon(retry_in_s: float | None) -> str:
    return "not tried again by itself" if retry_in_s is None else f"tried again in {retry_in_s:.1f} s"


def _ms(ns: int | None) -> str:
    return "unknown" if ns is None else f"{ns / 1e6:+.3f} ms"


def _bound(ns: int | None) -> str:
    return "" if ns is None else f" ± {ns / 1e6:.3f} ms"


def _word(text: str) -> str:
    return text.replace("_", " ")


def _leg_down(it: e.LegDown) -> Saying:
    text = f"lost ({_word(it.cause)}): {it.detail}; {_soon(it.retry_in_s)}"
    return Saying("leg", "plain" if it.cause == "ended" else "bad", it.provider, text)


def _state_changed(it: e.LegStateChanged) -> Saying:
    tones: Mapping[str, Tone] = {"live": "good", "degraded": "warning", "down": "bad"}
    why = f": {it.why}" if it.why else ""
    return Saying(
        "leg", tones.get(it.to_state, "plain"), it.provider, f"is {it.to_state}, was {it.from_state}{why}"
    )


def _switched(it: e.LegSwitched) -> Saying:
    after = "" if it.failover_ms is None else f", {it.failover_ms:,.0f} ms after the last tick"
    air = "" if it.on_air else "; below what is delivered"
    before = f" in place of {it.from_leg}" if it.from_leg else ""
    text = f"speaks for {_named(it.instruments)}{before} ({it.cause}){after}{air}"
    return Saying("route", "warning" if it.on_air and it.from_leg else "plain", it.to_leg, text)


def _ordered(it: e.ControlOrdered) -> Saying:
    target = f" {it.leg}" if it.leg else ""
    scope = "" if it.instruments is None else f" for {_named(it.instruments)}"
    outcome = "done" if it.done else f"refused: {it.error}"
    return Saying(
        "person",
        "plain" if it.done else "warning",
        it.actor,
        f"{_word(it.order)}{target}{scope} ({it.reason or 'no reason given'}): {outcome}",
    )


def _reloaded(it: e.FeedReloaded) -> Saying:
    parts = [f"{len(it.applied)} settings"]
    parts += [f"added {_named(it.added)}"] if it.added else []
    parts += [f"removed {_named(it.removed)}"] if it.removed else []
    parts += [f"renewed {', '.join(it.renewed)}"] if it.renewed else []
    return Saying("feed", "plain", "", f"goes by other settings from here on: {'; '.join(parts)}")


def _stopped(it: e.FeedStopped) -> Saying:
    delivered = sum(it.delivered.values())
    return Saying("feed", "plain", "", f"stopped ({it.cause}); {delivered:,} ticks were delivered")


def _connected(it: e.ConnectionOpened) -> Saying:
    by = "plain text on this machine" if it.tls is None else f"{it.tls}, {it.cipher}"
    return Saying("leg", "plain", it.provider, f"connected to {it.host}:{it.port} ({it.kind}, {by})")


def _breaker(it: e.BreakerChanged) -> Saying:
    tone: Tone = "warning" if it.to_state == "open" else "plain"
    after = f" after {it.failures} failures" if it.failures else ""
    return Saying(
        "leg", tone, it.provider, f"breaker {_word(it.from_state)}, now {_word(it.to_state)}{after}"
    )


def _left(it: e.HoleLeft) -> Saying:
    missing = "" if it.missing is None else f"{it.missing:,} ticks of "
    return Saying(
        "leg",
        "warning",
        it.provider,
        f"{missing}{it.channel} of {it.instrument} stay missing ({_word(it.reason)})"
        + (f": {it.detail}" if it.detail else ""),
    )


def _blocked(it: e.LoopBlocked) -> Saying:
    times = f"{it.blocks} times, at most " if it.blocks > 1 else ""
    return Saying(
        "feed", "bad", it.plugin, f"kept the whole feed waiting, {times}{it.for_s:.1f} s, at {it.where}"
    )


def _latency(it: e.LatencyMeasured) -> Saying:
    p50, p99 = ("unknown" if us is None else f"{us / 1e3:,.2f} ms" for us in (it.p50_us, it.p99_us))
    return Saying("sink", "plain", "", f"latency of {it.ticks:,} ticks: p50 {p50}, p99 {p99}")


def _notice(it: e.Notice) -> Saying:
    tones: Mapping[str, Tone] = {"information": "plain", "warning": "warning", "critical": "bad"}
    text = it.text.removeprefix(f"{it.source}: ")  # the subject stands before it
    return Saying("notice", "good" if it.is_over else tones[it.severity], it.source, text)


def _measured(it: e.ClockMeasured) -> Saying:
    text = f"offset {_ms(it.offset_ns)}{_bound(it.bound_ns)} by {it.server}"
    return Saying("clock", "plain" if it.in_tolerance else "bad", "", text)


def _breach(it: e.ClockBreachBegun) -> Saying:
    if it.cause == "unmeasured":
        return Saying("clock", "bad", "", "no valid measurement of the clock for too long")
    text = f"the clock is out of tolerance: {_ms(it.offset_ns)}{_bound(it.bound_ns)}, limit {it.limit_ns / 1e6:g} ms"
    return Saying("clock", "bad", "", text)


def _canary(it: e.CanaryMoved) -> Saying:
    text = f"the candidate {it.candidate.child} has {it.to_share_pct:g} %, before {it.from_share_pct:g} % ({it.cause})"
    tone: Tone = "plain" if it.to_share_pct >= it.from_share_pct else "warning"
    return Saying("route", tone, it.candidate.child, text)


def _differs(it: e.RecordingDiffers) -> Saying:
    text = f"{it.recording} lacks {_named(it.missing)}; {it.silent_streams} streams are silent, "
    text += f"{it.unasked_streams} unasked"
    return Saying("leg", "warning", it.provider, text)


def _rule(about: str, provider: str | None) -> str:
    return about if provider is None else f"{about} of {provider}"


def _entry(kind: type[E], saying: Callable[[E], Saying]) -> tuple[type[E], Callable[[E], Saying]]:
    """Tie an event to its sentence, so that the types of the two agree."""
    return kind, saying


_SAYINGS: Final[Mapping[type, Callable[..., Saying]]] = dict(
    (
        _entry(
            e.PluginLoaded,
            lambda it: Saying("feed", "plain", it.name, f"plugin of {it.distribution} {it.version}"),
        ),
        _entry(e.LoopBlocked, _blocked),
        _entry(
            e.PluginQuarantined,
            lambda it: Saying(
                "feed", "warning", it.name, f"plugin of {it.distribution} cannot be loaded: {it.reason}"
            ),
        ),
        _entry(
            e.FeedStarted,
            lambda it: Saying(
                "feed", "good", "", f"{it.feed} runs, profile {it.profile}, ticktrail {it.ticktrail}"
            ),
        ),
        _entry(e.FeedReloaded, _reloaded),
        _entry(e.FeedStopping, lambda it: Saying("feed", "plain", "", f"stopping ({it.cause})")),
        _entry(e.FeedStopped, _stopped),
        _entry(
            e.LegUp,
            lambda it: Saying(
                "leg", "good", it.provider, f"up, session {it.reconnects + 1}" if it.reconnects else "up"
            ),
        ),
        _entry(e.LegDown, _leg_down),
        _entry(e.LegSwitched, _switched),
        _entry(
            e.HoleRepaired,
            lambda it: Saying(
                "leg",
                "good",
                it.provider,
                f"{it.ticks:,} missing ticks of {it.instrument} {it.channel} fetched in {it.took_ms:,.0f} ms",
            ),
        ),
        _entry(e.HoleLeft, _left),
        _entry(e.ConnectionOpened, _connected),
        _entry(
            e.ConnectionRotated,
            lambda it: Saying("leg", "plain", it.provider, f"connection renewed without a gap ({it.cause})"),
        ),
        _entry(e.BreakerChanged, _breaker),
        _entry(e.LegStateChanged, _state_changed),
        _entry(
            e.OutageBegun,
            lambda it: Saying(
                "leg",
                "bad",
                _named(it.instruments),
                "nothing is delivered: " + "; ".join(f"{leg} {why}" for leg, why in it.legs.items()),
            ),
        ),
        _entry(
            e.OutageEnded,
            lambda it: Saying(
                "leg",
                "good",
                _named(it.instruments),
                f"{it.provider} delivers again, after {it.lasted_s:,.1f} s",
            ),
        ),
        _entry(
            e.ConnectionReplaced,
            lambda it: Saying(
                "leg", "warning", it.provider, f"a connection of {it.streams} streams replaced ({it.cause})"
            ),
        ),
        _entry(e.ControlOrdered, _ordered),
        _entry(e.VenueTrouble, lambda it: Saying("leg", "warning", it.provider, it.detail)),
        _entry(e.RecordingDiffers, _differs),
        _entry(
            e.VenueClockMeasured,
            lambda it: Saying(
                "clock",
                "plain",
                it.provider,
                f"its venue's clock is at {_ms(it.offset_ns)}{_bound(it.bound_ns)} of ours",
            ),
        ),
        _entry(
            e.IncrementsLearned,
            lambda it: Saying(
                "rule",
                "plain",
                it.instrument,
                f"at {it.provider} comes in steps of {it.price or 'no'} in price, {it.size or 'no'} in size",
            ),
        ),
        _entry(
            e.CriticalFinding,
            lambda it: Saying(
                "rule",
                "bad",
                it.instrument,
                f"{it.rule} objected on {it.provider}: "
                + ", ".join(
                    f"{_word(name)} {value}" for name, value in it.violation.items() if name != "rule"
                ),
            ),
        ),
        _entry(
            e.PriceLevelConfirmed,
            lambda it: Saying(
                "rule",
                "plain",
                it.instrument,
                f"{_word(it.field)} went from {it.from_price} to {it.to_price} and stays; "
                f"{it.refused} ticks were refused",
            ),
        ),
        _entry(
            e.RuleFailing,
            lambda it: Saying(
                "rule", "bad", _rule(it.rule, it.provider), f"the rule itself fails: {it.error}"
            ),
        ),
        _entry(
            e.RuleDisabled,
            lambda it: Saying(
                "rule",
                "bad",
                _rule(it.rule, it.provider),
                f"judges {it.instrument} no more, after {it.failures} failures: {it.error}",
            ),
        ),
        _entry(
            e.InstrumentQuarantined,
            lambda it: Saying(
                "rule", "warning", it.instrument, f"quarantined on {it.provider or 'all legs'} by {it.rule}"
            ),
        ),
        _entry(
            e.InstrumentReleased,
            lambda it: Saying(
                "rule", "good", it.instrument, f"out of quarantine on {it.provider or 'all legs'}"
            ),
        ),
        _entry(
            e.QualityMeasured,
            lambda it: Saying(
                "rule", "plain", "", f"quality measured over {len(it.rows):,} instruments and legs"
            ),
        ),
        _entry(e.LatencyMeasured, _latency),
        _entry(e.Notice, _notice),
        _entry(e.CanaryMoved, _canary),
        _entry(
            e.ShadowCompared,
            lambda it: Saying(
                "route",
                "plain",
                it.candidate.child,
                f"compared with {it.speaker.child} over {it.over_s:,.0f} s: {it.candidate.failures} failures, "
                f"{it.candidate.rejected:,} rejected",
            ),
        ),
        _entry(
            e.SinkLagging,
            lambda it: Saying(
                "sink", "warning", it.sink, f"the feed waits for it: {it.queued:,} ticks are queued"
            ),
        ),
        _entry(
            e.SinkDropped,
            lambda it: Saying("sink", "bad", it.sink, f"{it.dropped:,} ticks given up ({_word(it.policy)})"),
        ),
        _entry(
            e.SinkFailed,
            lambda it: Saying("sink", "bad", it.sink, f"failed, and gets nothing more: {it.cause}"),
        ),
        _entry(e.ClockMeasured, _measured),
        _entry(e.ClockUnavailable, lambda it: Saying("clock", "warning", "", f"not measured: {it.cause}")),
        _entry(
            e.ClockStepped,
            lambda it: Saying(
                "clock", "warning", "", f"stepped from {_ms(it.from_offset_ns)} to {_ms(it.to_offset_ns)}"
            ),
        ),
        _entry(e.ClockBreachBegun, _breach),
        _entry(
            e.ClockBreachEnded,
            lambda it: Saying("clock", "good", "", f"in tolerance again, after {it.lasted_s:,.0f} s"),
        ),
        _entry(
            e.PeerOffsetMeasured,
            lambda it: Saying(
                "clock",
                "plain",
                it.provider,
                f"data arrives {_ms(it.least_delay_ns)} after its event time at best",
            ),
        ),
        _entry(e.PeerOffsetDisagrees, lambda it: Saying("clock", "warning", it.provider, it.detail)),
    )
)
