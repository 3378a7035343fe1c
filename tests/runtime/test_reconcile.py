"""The whole process against an account that other hands touch: differences, vanished orders, rights, audit, kill."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.app import reconciliation
from bot.app.key_rights import EVERY_S, other_portfolio, problem
from bot.venues.port import KeyRights
from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.control import ReceiptState
from shared.documents.state import BotState, decode_state
from tests.runtime.whole import Whole


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(tmp_path / "data", monkeypatch)
    yield made
    made.close()


def state(whole: Whole) -> BotState:
    return decode_state(whole.paths.state.read_bytes())


def command(whole: Whole, cmd: Cmd, **args: str) -> Any:
    sent = send_command(whole.paths, cmd, args, by="operator", now=whole.clock.utc())

    def receipt() -> Any:
        return next((r for r in state(whole).receipts if r.id == sent.id and r.state is not ReceiptState.SEEN), None)

    whole.until(receipt, 20, f"the receipt of {cmd}")
    return receipt()


def up(whole: Whole, seconds: float = 0.0) -> None:
    whole.begin()
    whole.trades()
    whole.drive(1.0 + seconds)


def blocked(whole: Whole) -> str | None:
    risk = state(whole).risk
    return risk.entries_blocked if risk is not None else None


def test_a_deposit_made_while_the_bot_was_down_is_seen_and_adopted_on_command(whole: Whole) -> None:
    up(whole, 40)
    before = state(whole)
    assert before.account is not None and before.differences is None
    whole.die()
    whole.deposit("500")
    up(whole, 1)
    first = state(whole)
    assert first.account is not None and abs(first.account.day_pnl - before.account.day_pnl) < 50, "no result of ours"
    whole.until(lambda: state(whole).differences is not None, 90, "the difference")
    assert state(whole).differences == "USD +500"
    assert blocked(whole) == "the account differs by USD +500"
    posts = whole.net.seen.count("POST /orders")
    whole.drive(130)
    assert not state(whole).positions or whole.net.seen.count("POST /orders") - posts <= 4, "no entry, only takes"
    receipt = command(whole, Cmd.ADOPT, differences="USD +500")
    assert receipt.state is ReceiptState.DONE and receipt.result["adopted"] == "USD +500"
    whole.drive(1)
    after = state(whole)
    assert after.differences is None and blocked(whole) is None
    assert after.account is not None and abs(after.account.day_pnl) < 50
    assert any("adopted by operator" in event.text for event in after.events)


def test_a_trade_by_hand_is_named_and_survives_a_restart(whole: Whole) -> None:
    up(whole, 35)
    whole.trade_by_hand("100")
    whole.until(lambda: state(whole).differences is not None, 130, "the difference")
    assert any("a trade that is not ours" in event.text for event in state(whole).events)
    shown = state(whole).differences
    whole.die()
    up(whole)
    assert state(whole).differences == shown
    assert command(whole, Cmd.ADOPT, differences=shown or "").state is ReceiptState.DONE


def test_a_restart_without_anybodys_doing_finds_nothing(whole: Whole) -> None:
    for _ in range(4):
        up(whole, 20)
        whole.die()
    up(whole, 100)
    assert state(whole).differences is None and blocked(whole) is None


def hide(whole: Whole, order_id: str) -> None:
    """The exchange's lists and its answer by id know nothing of the order any more."""

    def bend(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path == f"/orders/historical/{order_id}":
            return 404, b'{"error":"NOT_FOUND"}'
        if path == "/orders/historical/batch" and method == "GET":
            raw = orjson.loads(body)
            raw["orders"] = [order for order in raw["orders"] if order["order_id"] != order_id]
            return status, orjson.dumps(raw)
        return status, body

    whole.net.bend = bend


def resting(whole: Whole) -> Any:
    def take() -> Any:
        return next((o for o in state(whole).orders or [] if o.purpose == "take" and o.state == "open"), None)

    whole.until(take, 120, "a resting take")
    return take()


def test_an_order_that_the_exchange_forgot_is_named_and_ends_by_a_persons_cancel(whole: Whole) -> None:
    up(whole)
    take = resting(whole)
    hide(whole, take.order_id)

    def now() -> str:
        return next(o.state for o in state(whole).orders or [] if o.client_order_id == take.client_order_id)

    whole.until(lambda: now() == "lost", 150, "lost")
    assert "no longer shows the order" in (blocked(whole) or "")
    # The simulated exchange still holds the coins for it, and says so: then it is not gone.
    receipt = command(whole, Cmd.CANCEL, client_order_id=take.client_order_id)
    assert receipt.state is ReceiptState.FAILED and "still holds" in receipt.reason
    whole.net.bend = lambda _m, _p, status, body: (status, body)
    whole.until(lambda: now() == "open", 40, "seen again")


def test_the_audit_compares_everything_and_shows_its_verdict(whole: Whole) -> None:
    up(whole)
    resting(whole)
    whole.until(lambda: state(whole).audit is not None, 100, "the first audit")
    told = state(whole).audit
    assert told is not None and told.ok and told.orders >= 2 and told.fills >= 1
    whole.die()
    up(whole, 70)
    assert state(whole).audit == told, "once a day, not once a start"


BENT: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "a fill of another size": (
        "/orders/historical/fills",
        lambda raw: {**raw, "fills": [{**f, "commission": "9.99"} for f in raw["fills"]]},
        "differs in size, price or fee",
    ),
    "a fill that only the ledger has": (
        "/orders/historical/fills", lambda raw: {**raw, "fills": []}, "is in the ledger only",
    ),
    "an order that only the ledger has": (
        "/orders/historical/batch", lambda raw: {**raw, "orders": []}, "the exchange does not show it",
    ),
    "an order that only the exchange has": (
        "/orders/historical/batch",
        lambda raw: {**raw, "orders": [*raw["orders"], {**raw["orders"][0], "order_id": "other",
                                       "client_order_id": "ct-main-" + "f" * 32}]},
        "the ledger does not know",
    ),
    "two orders of one id": (
        "/orders/historical/batch",
        lambda raw: {**raw, "orders": [*raw["orders"], {**raw["orders"][0], "order_id": "other"}]},
        "two orders of",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BENT)
def test_the_audit_finds(case: str, whole: Whole) -> None:
    path, change, words = BENT[case]
    up(whole)
    resting(whole)
    whole.drive(200)  # beyond what lists may lag behind
    bot = whole.bot
    assert bot.rest is not None

    def bend(_method: str, at: str, status: int, body: bytes) -> tuple[int, bytes]:
        return status, orjson.dumps(change(orjson.loads(body))) if at == path else body

    whole.net.bend = bend
    found = whole.loop.run_until_complete(reconciliation.sure(bot, bot.rest))
    assert any(words in text for text in found.findings), found
    whole.net.bend = lambda _m, _p, status, body: (status, body)
    bot.dispatch(found)
    whole.drive(0.7)
    told = state(whole).audit
    assert told is not None and not told.ok
    named = blocked(whole) or ""  # the first cause stands: the order itself, where the list showed it before
    assert "audit:" in named or "is not in the ledger" in named


def test_a_fill_that_nobody_told_is_counted_by_the_audit(whole: Whole) -> None:
    """Neither the stream's news nor any list of fills shows it, until the audit asks."""
    up(whole)
    whole.net.bend = lambda _m, path, status, body: (
        (status, b'{"fills":[],"cursor":""}') if path == "/orders/historical/fills" else (status, body)
    )
    whole.until(lambda: any(o.state == "filled" for o in state(whole).orders or []), 120, "a filled entry")
    bot = whole.bot
    assert bot.rest is not None and bot.engine is not None and not bot.engine.view.positions.lots("BTC-USD")
    bot.desk.carry_out = lambda action: None  # type: ignore[union-attr, method-assign, assignment]
    whole.drive(5)
    whole.net.bend = lambda _m, _p, status, body: (status, body)
    result = whole.loop.run_until_complete(reconciliation.compare(bot, bot.rest))
    assert bot.engine.view.orders.fill_keys and not [text for text in result.findings if "missing fill" in text]


def test_one_short_answer_is_no_finding(whole: Whole) -> None:
    up(whole)
    resting(whole)
    whole.drive(200)
    bot = whole.bot
    assert bot.rest is not None
    shorts = iter([True])

    def bend(_method: str, at: str, status: int, body: bytes) -> tuple[int, bytes]:
        short = at == "/orders/historical/fills" and next(shorts, False)
        return status, b'{"fills":[],"cursor":""}' if short else body

    whole.net.bend = bend
    found = whole.loop.run_until_complete(reconciliation.sure(bot, bot.rest))
    assert not found.findings and next(shorts, None) is None, "the short answer was given"


GOOD = {"can_view": True, "can_trade": True, "can_transfer": False, "portfolio_uuid": "p"}


@pytest.mark.parametrize("view", [True, False])
@pytest.mark.parametrize("trade", [True, False])
@pytest.mark.parametrize("transfer", [True, False])
def test_one_combination_of_rights_is_good(view: bool, trade: bool, transfer: bool) -> None:
    assert (problem(KeyRights(view, trade, transfer)) is None) == (view and trade and not transfer)


def test_a_ledger_belongs_to_one_portfolio() -> None:
    rights = KeyRights(True, True, False, "p")
    assert other_portfolio(None, rights) is None and other_portfolio("p", rights) is None
    assert other_portfolio("q", rights) is not None and other_portfolio("q", KeyRights(True, True, False)) is not None


def cut(whole: Whole, *, forbidden: bool) -> None:
    def bend(_method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path == "/key_permissions":
            return 200, orjson.dumps({**GOOD, "can_trade": False})
        return (403, b"forbidden") if forbidden and path == "/time" else (status, body)

    whole.net.bend = bend


def test_a_key_that_was_cut_shuts_entries_soon_after_a_403(whole: Whole) -> None:
    up(whole, 30)
    cut(whole, forbidden=True)
    whole.until(lambda: whole.bot.rest is not None and whole.bot.rest.forbidden, 90, "a 403")
    whole.drive(6)
    assert "may not view and trade" in (blocked(whole) or "")


def test_the_rights_are_asked_for_daily(whole: Whole) -> None:
    up(whole)
    asked = whole.net.seen.count("GET /key_permissions")
    whole.drive(60)
    assert whole.net.seen.count("GET /key_permissions") == asked
    cut(whole, forbidden=False)
    # A day of the process's own clock goes by; the market need not be played for it.
    whole.clock.monotonic_s = lambda: 1000.0 + EVERY_S + whole.loop.now_us / 1e6  # type: ignore[method-assign]
    whole.until(lambda: "may not view and trade" in (blocked(whole) or ""), 10, "the latch")


def test_a_kill_by_command_says_who_and_a_file_says_file(whole: Whole) -> None:
    up(whole)
    sent = send_command(whole.paths, Cmd.KILL, by="operator", now=whole.clock.utc())
    whole.until(lambda: any(r.id == sent.id and r.state is ReceiptState.DONE for r in state(whole).receipts), 20)
    kill = state(whole).kill
    assert kill is not None and kill.source == "command by operator"
    whole.die()
    up(whole)
    kill = state(whole).kill
    assert kill is not None and kill.source == "command by operator", "also after a restart"
    assert command(whole, Cmd.RESET_KILL, latch_id=kill.latch_id).state is ReceiptState.DONE
    whole.paths.kill.touch()
    whole.until(lambda: state(whole).kill is not None, 5)
    kill = state(whole).kill
    assert kill is not None and kill.source == "KILL file"


def test_a_command_that_comes_after_the_file_names_the_kill(whole: Whole) -> None:
    up(whole)
    whole.paths.kill.touch()
    whole.drive(0.1)
    send_command(whole.paths, Cmd.KILL, by="operator", now=whole.clock.utc())
    whole.drive(1)
    kill = state(whole).kill
    assert kill is not None and kill.source == "command by operator"
