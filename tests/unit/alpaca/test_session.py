"""One conversation with the venue, word by word: greeted, let in, subscribed, refused."""

import pytest

from ticktrail.errors import PermanentError, TransientError
from ticktrail_alpaca.live.session import Ask, Authenticate, Session
from ticktrail_alpaca.wire import Error, Subscription, Success

CONNECTED, LET_IN = Success("connected"), Success("authenticated")


def session(wanted=None, *, by_headers=False, per_request=400):
    lists = wanted or {"trades": {"AAPL"}, "quotes": {"AAPL", "MSFT"}}
    return Session(
        {name: frozenset(symbols) for name, symbols in lists.items()},
        provider="leg",
        by_headers=by_headers,
        per_request=per_request,
        wait_s=60.0,
    )


def test_from_the_greeting_to_the_subscription():
    """Nothing is said before the greeting; then one thing at a time."""
    talk = session()
    assert talk.next() is None
    assert talk.waiting
    talk.take(CONNECTED)
    assert talk.next() == Authenticate()
    assert talk.next() is None
    talk.take(LET_IN)
    ask = talk.next()
    assert ask == Ask("subscribe", {"trades": ["AAPL"], "quotes": ["AAPL", "MSFT"]})
    assert not talk.settled
    talk.take(
        Subscription(trades=["AAPL"], quotes=["MSFT", "AAPL"], corrections=["AAPL"], cancelErrors=["AAPL"])
    )
    assert talk.settled
    assert not talk.waiting
    assert talk.next() is None


def test_credentials_in_the_headers_are_not_sent_again():
    """The venue lets in by itself; a word that it has done so before is no refusal."""
    talk = session(by_headers=True)
    talk.take(CONNECTED)
    assert talk.next() is None
    talk.take(LET_IN)
    talk.take(Error(403, "already authenticated"))
    assert isinstance(talk.next(), Ask)


def test_many_symbols_are_asked_for_in_pieces():
    """The venue's list is held against what is wanted once all pieces are answered."""
    symbols = {f"S{number:03}" for number in range(25)}
    talk = session({"trades": symbols}, per_request=10)
    talk.take(CONNECTED)
    talk.next()
    talk.take(LET_IN)
    granted = []
    for size in (10, 10, 5):
        ask = talk.next()
        assert len(ask.lists["trades"]) == size
        granted += ask.lists["trades"]
        talk.take(Subscription(trades=list(granted)))
    assert talk.settled
    assert set(granted) == symbols


def settled(wanted=None):
    talk = session(wanted)
    talk.take(CONNECTED)
    talk.next()
    talk.take(LET_IN)
    talk.next()
    return talk


def test_what_the_venue_leaves_out_is_asked_for_again():
    """The difference is remembered for whoever reports it; what is not wanted is given up."""
    talk = settled()
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "TSLA"]))
    assert talk.missing == [("quotes", "MSFT")]
    assert talk.next() == Ask("unsubscribe", {"quotes": ["TSLA"]})
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL"]))
    assert talk.next() == Ask("subscribe", {"quotes": ["MSFT"]})
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "MSFT"]))
    assert talk.settled


def test_a_list_that_never_agrees_ends_the_session():
    """After three rounds, naming what is missing."""
    talk = settled()

    def rounds():
        for _ in range(10):
            talk.take(Subscription(trades=["AAPL"], quotes=["AAPL"]))
            talk.next()

    with pytest.raises(TransientError, match="not come to what is wanted, 3 times in a row: quotes of MSFT"):
        rounds()


@pytest.mark.parametrize(
    ("code", "kind", "cause", "says"),
    [
        (400, PermanentError, "refused", "report it"),
        (401, TransientError, "refused", "tried again"),
        (402, PermanentError, "credentials", "check key_id and secret_key"),
        (403, TransientError, "refused", "403"),
        (404, TransientError, "lost", "too late"),
        (405, PermanentError, "refused", "2 symbols are more than the account's plan allows"),
        (406, TransientError, "limited", "connection_limit_wait_s"),
        (407, TransientError, "slow", "too slowly"),
        (409, PermanentError, "refused", "does not hold this feed"),
        (410, PermanentError, "refused", "no such channel"),
        (411, PermanentError, "credentials", "scope"),
        (500, TransientError, "lost", "venue's own fault"),
        (599, TransientError, "refused", "599"),
    ],
)
def test_each_refusal_has_its_remedy(code, kind, cause, says):
    """By the venue's code: what no second try would change ends the leg, the rest is tried again."""
    talk = session()
    with pytest.raises(kind, match=says) as caught:
        talk.take(Error(code, "so it says"))
    assert caught.value.cause == cause
    assert f"Alpaca says {code}, 'so it says'" in str(caught.value)
    assert getattr(caught.value, "retry_after_s", None) == (60.0 if code == 406 else None)


def test_a_look_asks_for_one_subscription_again():
    """Which changes nothing, and shows whether the venue answers; before all is settled there is nothing to look at.

    Everything again would give back what was dropped, unseen.
    """
    talk = settled()
    talk.look("trades", "AAPL")
    assert talk.next() is None
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "MSFT"]))
    talk.look("trades", "AAPL")
    assert talk.next() == Ask("subscribe", {"trades": ["AAPL"]})
    assert talk.waiting


def test_what_was_granted_and_is_dropped_ends_the_session():
    """Data were lost meanwhile: a new session marks that; a quiet question for it would hide it."""
    talk = settled()
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "MSFT"]))
    with pytest.raises(
        TransientError, match="dropped from its list what it had granted: quotes of MSFT"
    ) as caught:
        talk.take(Subscription(trades=["AAPL"], quotes=["AAPL"]))
    assert caught.value.cause == "lost"


def test_what_is_dropped_is_seen_in_the_midst_of_a_look():
    """Every list is whole, whichever piece of the question it answers."""
    talk = session({"trades": {"AAPL", "MSFT"}}, per_request=1)
    talk.take(CONNECTED)
    talk.next()
    talk.take(LET_IN)
    for granted in (["AAPL"], ["AAPL", "MSFT"]):
        talk.next()
        talk.take(Subscription(trades=granted))
    assert talk.settled
    talk.look("trades", "AAPL")
    talk.next()
    with pytest.raises(TransientError, match=r"dropped .* trades of MSFT"):
        talk.take(Subscription(trades=["AAPL"]))


def test_what_is_too_much_is_given_up_later_too():
    """It costs nothing of what is wanted."""
    talk = settled()
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "MSFT"]))
    talk.take(Subscription(trades=["AAPL", "TSLA"], quotes=["AAPL", "MSFT"]))
    assert talk.next() == Ask("unsubscribe", {"trades": ["TSLA"]})
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "MSFT"]))
    assert talk.settled


def test_what_was_left_out_is_remembered_once():
    """However often it is left out."""
    talk = settled()
    for _ in range(3):
        talk.take(Subscription(trades=["AAPL"], quotes=["AAPL"]))
        talk.next()
    assert talk.missing == [("quotes", "MSFT")]


def test_credentials_go_out_once():
    """A second greeting, before or after the venue lets in, asks for nothing."""
    talk = session()
    talk.take(CONNECTED)
    talk.take(CONNECTED)
    assert talk.next() == Authenticate()
    talk.take(CONNECTED)
    talk.take(LET_IN)
    talk.take(CONNECTED)
    assert isinstance(talk.next(), Ask)
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "MSFT"]))
    assert talk.settled


def test_let_in_before_the_greeting():
    """Whoever is let in sends no credentials, even if they were due to go out."""
    talk = session()
    talk.take(LET_IN)
    talk.take(CONNECTED)
    assert isinstance(talk.next(), Ask)
    talk = session()
    talk.take(CONNECTED)
    talk.take(LET_IN)
    assert isinstance(talk.next(), Ask)


def test_let_in_again_changes_nothing():
    """Everything is asked for once, however often the venue says so."""
    talk = session()
    talk.take(CONNECTED)
    talk.next()
    for _ in range(1_000):
        talk.take(LET_IN)
    assert isinstance(talk.next(), Ask)
    talk.take(LET_IN)
    talk.take(Subscription(trades=["AAPL"], quotes=["AAPL", "MSFT"]))
    assert talk.settled


@pytest.mark.parametrize("code", [403, "403"])
def test_credentials_that_the_venue_has_had_are_answered(code):
    """It says that this connection has been let in before: nothing is waited for any more."""
    talk = session()
    talk.take(CONNECTED)
    assert talk.next() == Authenticate()
    talk.take(Error(code, "already authenticated"))
    assert talk.let_in
    assert isinstance(talk.next(), Ask)


def test_a_list_before_the_venue_lets_in_answers_nothing():
    """The credentials stay due, and everything is asked for afterwards."""
    talk = session()
    talk.take(Subscription())
    talk.take(CONNECTED)
    assert talk.next() == Authenticate()
    talk.take(Subscription())
    assert talk.next() is None
    assert talk.due == "whether it lets this connection in"
    talk.take(LET_IN)
    assert talk.next() == Ask("subscribe", {"trades": ["AAPL"], "quotes": ["AAPL", "MSFT"]})
    assert talk.missing == []


def test_a_list_that_is_null_holds_nothing():
    """It is one of the venue's ways to say so."""
    talk = settled({"trades": {"AAPL"}})
    talk.take(Subscription(trades=["AAPL"], quotes=None, bars=None))
    assert talk.settled


@pytest.mark.parametrize("code", ["402", 402.0])
def test_a_code_in_another_spelling_means_the_same(code):
    """A text of digits is the number."""
    with pytest.raises(PermanentError, match="Alpaca says 402, 'no': check key_id and secret_key"):
        session().take(Error(code, "no"))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (None, "None"),
        ("four", "'four'"),
        ("", "''"),
        ("9" * 10_000, "'999"),
        ("²", "'²'"),
        ([402], "a list"),
        ({}, "a dict"),
        (True, "True"),
        (4.5, "4.5"),
        (float("nan"), "nan"),
        (1e300, "1e"),
        (10**1_000, "1000"),
        (-1, "-1"),
    ],
)
@pytest.mark.parametrize("msg", ["no", None, ["x" * 1_000]])
def test_a_code_that_is_none_is_told_as_it_stands(code, says, msg):
    """It is an error that is not known: it is tried again."""
    with pytest.raises(TransientError, match=f"Alpaca says {says}") as caught:
        session().take(Error(code, msg))
    assert caught.value.cause == "refused"
    assert len(str(caught.value)) < 500
