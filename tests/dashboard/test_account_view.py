"""What differs in the account and the last audit, as a person reads them: the note, the button, the Health page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dashboard.views import account, banner, commands
from dashboard.views.snapshot import Snapshot
from shared.documents.feeds import IoDoc
from shared.documents.state import BotState
from shared.documents.status import Status
from shared.presence import Presence
from shared.times import epoch_ms, iso_seconds
from tests.dashboard.test_header import NOW, snapshot
from tests.dashboard.writer import Writer


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> BotState:
    return Writer(tmp_path_factory.mktemp("w")).state()


def differs(state: BotState, text: str | None, since: str | None = None) -> Snapshot:
    return snapshot(replace(state, differences=text, differences_since=since), Presence.FRESH)


@pytest.mark.parametrize(
    ("text", "rows", "said"),
    [
        (None, [], ""),
        ("USD +250.5", [("USD", "250.5 more")], "250.5\u00a0USD more"),
        ("BTC -0.01", [("BTC", "0.01 less")], "0.01\u00a0BTC less"),
        (
            "BTC -0.01, ETH -1, USD +2500",
            [("BTC", "0.01 less"), ("ETH", "1 less"), ("USD", "2500 more")],
            "0.01\u00a0BTC less, 1\u00a0ETH less and 2500\u00a0USD more",
        ),
        ("something else", [("Account", "something else")], "something else"),
        ("BTC", [("Account", "BTC")], "BTC"),
        ("\u202eX +1", [("\\u202eX", "1 more")], "1\u00a0\\u202eX more"),
    ],
)
def test_each_currency_is_told_as_more_or_less(
    state: BotState, text: str | None, rows: list[tuple[str, str]], said: str
) -> None:
    s = differs(state, text)
    assert account.rows(s) == rows
    note = banner.most_urgent(s)
    assert (note is not None and note.action == "adopt") == bool(rows)
    if rows:
        assert note is not None and note.strong == said


def test_since_when_is_told_where_it_is_known(state: BotState) -> None:
    at = NOW - timedelta(days=3)
    told = banner.most_urgent(differs(state, "USD +1", iso_seconds(at)))
    assert told is not None and told.text.startswith(f"Since {at.day} ")
    assert account.rows(differs(state, "USD +1", iso_seconds(at)))[-1][0] == "Since"
    untold = banner.most_urgent(differs(state, "USD +1"))
    assert untold is not None and untold.text == "It holds "
    assert account.rows(differs(state, None, iso_seconds(at))) == []


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"status": Status.PAUSED}, "adopt"),
        ({"status": Status.STOPPED}, "adopt"),
        ({"error": "trouble"}, "adopt"),
        ({"status": Status.SAFE}, ""),
        ({"io": IoDoc(ledger_ok=False, ledger_error="read-only")}, ""),  # nothing can be booked then
    ],
)
def test_what_is_more_urgent_comes_first_and_health_still_offers_adopt(
    state: BotState, changes: dict[str, object], action: str
) -> None:
    s = snapshot(replace(state, differences="USD +1", **changes), Presence.FRESH)  # type: ignore[arg-type]
    note = banner.most_urgent(s)
    assert note is not None and note.action == action
    assert commands.buttons(s, "operator").adopt is not None


def test_the_button_is_there_while_something_differs_and_is_the_operators(state: BotState) -> None:
    assert commands.buttons(differs(state, None), "operator").adopt is None
    s = differs(state, "USD +1")
    mine, theirs = commands.buttons(s, "operator").adopt, commands.buttons(s, "viewer").adopt
    assert mine is not None and (mine.cmd, mine.why) == ("adopt", "")
    assert theirs is not None and theirs.why == "Signed in as viewer: read-only."
    early = commands.buttons(snapshot(replace(s.state, status=Status.STARTING), Presence.FRESH), "operator").adopt  # type: ignore[type-var]
    assert early is not None and early.why == "Available once the bot is trading."
    old = commands.buttons(snapshot(s.state, Presence.STALE), "operator").adopt
    assert old is not None and old.why == "The bot is not responding."


def test_lots_whose_coins_are_gone_are_spoken_of(state: BotState) -> None:
    assert account.coins_left(differs(state, "BTC -0.01, USD +900"))
    assert not account.coins_left(differs(state, "USD -900"))
    assert not account.coins_left(differs(state, "BTC +0.01"))


@pytest.mark.parametrize(
    ("hours", "ok", "text", "shown", "findings"),
    [
        (3, True, "audit: 412 orders, 398 fills and the balances agree with the exchange", "ok", []),
        (60, True, "audit: 412 orders, 398 fills and the balances agree with the exchange", "warn", []),
        (3, False, "audit: fill 7 of a is in the ledger only", "bad", ["fill 7 of a is in the ledger only"]),
        (60, False, "audit: a; b; c and 2 more", "bad", ["a", "b", "c and 2 more"]),
    ],
)
def test_the_last_audit_with_its_age_verdict_and_findings(
    state: BotState, hours: int, ok: bool, text: str, shown: str, findings: list[str]
) -> None:
    assert state.audit is not None
    at = NOW - timedelta(hours=hours)
    doc = replace(state.audit, at_ms=epoch_ms(at), ok=ok, text=text)
    audit = account.audit(snapshot(replace(state, audit=doc), Presence.FRESH))
    assert audit is not None
    assert (audit.state, audit.findings) == (shown, findings)
    assert audit.age.endswith(" ago")
    assert audit.compared == "412 orders, 398 fills and the balances"


def test_no_audit_is_not_known_as_none_found(state: BotState) -> None:
    assert account.audit(snapshot(replace(state, audit=None), Presence.FRESH)) is None
    assert account.audit(snapshot(None, Presence.LOADING)) is None
