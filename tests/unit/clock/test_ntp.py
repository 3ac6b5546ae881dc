"""The arithmetic of one NTP exchange, against an exchange simulated with known truth."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._clock.ntp import Answer, Kissed, Measurement, best, measure

ERA_S = 4_000_000_000.0  # NTP seconds, about 2026
GOOD = Answer(
    server="a",
    leap=0,
    mode=4,
    stratum=2,
    reference_id=0,
    root_delay_s=0.0,
    root_dispersion_s=0.0,
    sent_s=ERA_S,
    server_received_s=ERA_S + 0.010,
    server_sent_s=ERA_S + 0.011,
    received_s=ERA_S + 0.021,
)
delays = st.floats(0, 0.5)


@given(
    offset=st.floats(-10, 10),
    out=delays,
    back=delays,
    work=st.floats(0, 0.1),
    root_delay=delays,
    root_dispersion=delays,
    root_error=st.floats(-1, 1),
)
def test_the_truth_lies_within_the_bound(
    offset: float,
    out: float,
    back: float,
    work: float,
    root_delay: float,
    root_dispersion: float,
    root_error: float,
) -> None:
    """However lopsided the path, and however wrong the server within its own claim: |measured - true| <= bound."""
    wrong = root_error * (root_delay / 2 + root_dispersion)  # the server's own error, as large as it admits
    arrived = ERA_S + out + offset + wrong
    found = measure(
        replace(
            GOOD,
            root_delay_s=root_delay,
            root_dispersion_s=root_dispersion,
            server_received_s=arrived,
            server_sent_s=arrived + work,
            received_s=ERA_S + out + work + back,
        )
    )
    assert abs(found.offset_ns - offset * 1e9) <= found.bound_ns
    assert found.bound_ns == pytest.approx(
        (out + back) / 2e-9 + (root_delay / 2 + root_dispersion) * 1e9, abs=2_500
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": 3}, "mode 3"),
        ({"leap": 3}, "not synchronised"),
        ({"stratum": 0}, "kiss-o'-death without a code"),
        ({"stratum": 0, "reference_id": int.from_bytes(b"RATE", "big")}, "kiss-o'-death RATE"),
        ({"stratum": 0, "reference_id": 0xFF000000}, "kiss-o'-death"),
        ({"stratum": 16}, "not synchronised"),
        ({"server_sent_s": ERA_S + 0.009}, "times that cannot be"),
        ({"received_s": ERA_S - 1}, "times that cannot be"),
    ],
)
def test_what_is_no_evidence_is_refused(change: dict[str, float], message: str) -> None:
    """A server that does not know the time, refuses, or contradicts itself."""
    with pytest.raises(ValueError, match=message):
        measure(replace(GOOD, **change))  # type: ignore[arg-type]


def test_the_closest_measurement_is_taken() -> None:
    """Not the first, and not the smallest offset."""
    found = [
        Measurement(server=name, offset_ns=offset, bound_ns=bound)
        for name, offset, bound in [("a", 1, 9), ("b", 5, 3), ("c", 2, 4)]
    ]
    assert best(found).server == "b"
    with pytest.raises(ValueError, match="empty"):
        best([])


def test_a_server_that_refuses_forges_no_line() -> None:
    """Its code is four bytes of its own choice."""
    with pytest.raises(Kissed) as caught:
        measure(replace(GOOD, stratum=0, reference_id=int.from_bytes(b"\nOK!", "big")))
    assert caught.value.code == r"\nOK!"
    assert "\n" not in str(caught.value)
