"""Messages of tests."""

from ticktrail_alerts.message import Alert, compose

AT_NS = 1_800_000_000_000_000_000


def alert(
    state="begun", *, text="leg one cannot deliver", about="one", first="m1", number=1, severity="warning"
):
    return Alert(
        id=f"a{number}",
        rule="leg_down",
        about=about,
        severity=severity,
        state=state,
        text=text,
        begun_ns=AT_NS,
        lasted_s=90.0,
        first_message=first,
    )


def message(*alerts, message_id="m1"):
    return compose(alerts or [alert()], message_id=message_id, feed="btc", at_ns=AT_NS)
