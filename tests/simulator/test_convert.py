"""Convert: a stablecoin and its currency, one for one, without a fee; nothing else, and nothing twice."""

from typing import Any

import pytest

from simulator.core.units import to_atoms
from tests.simulator.local import Local


def quote(x: Local, source: str, target: str, amount: str) -> tuple[int, Any]:
    return x.call("POST", "/convert/quote", {"from_account": source, "to_account": target, "amount": amount})


def test_it_needs_the_right_to_trade_and_no_other() -> None:
    trader, onlooker = Local(rights=("view", "trade")), Local(rights=("view", "transfer"))
    status, found = quote(trader, "USD", "USDC", "5")
    assert status == 200
    assert trader.call("POST", f"/convert/trade/{found['trade']['id']}", {})[0] == 200
    assert quote(onlooker, "USD", "USDC", "5")[0] == 403
    assert onlooker.call("POST", f"/convert/trade/{found['trade']['id']}", {})[0] == 403


def test_one_stablecoin_into_the_other() -> None:
    x = Local()
    for source, target in (("USD", "PYUSD"), ("PYUSD", "USDC"), ("USDC", "PYUSD")):
        x.ok("POST", f"/convert/trade/{quote(x, source, target, '7')[1]['trade']['id']}", {})
    assert (x.balance("PYUSD"), x.balance("USDC")) == (("7", "0"), ("0", "0"))


@pytest.mark.parametrize(("source", "target"), [("USD", "USDC"), ("USD", "PYUSD")])
def test_one_for_one_and_back(source: str, target: str) -> None:
    x = Local()
    status, found = quote(x, source, target, "25.5")
    trade = found["trade"]
    assert (status, trade["status"], trade["total"]["value"]) == (200, "TRADE_STATUS_CREATED", "25.5")
    assert trade["total_fee"]["amount"] == {"value": "0", "currency": source} and trade["fees"] == []
    assert x.balance("USD") == ("10000", "0")  # a quote moves nothing
    for _ in range(2):  # committing again does nothing more
        done = x.ok("POST", f"/convert/trade/{trade['id']}", {"from_account": source, "to_account": target})
        assert done["trade"]["status"] == "TRADE_STATUS_COMPLETED"
    assert (x.balance(source), x.balance(target)) == (("9974.5", "0"), ("25.5", "0"))
    back = quote(x, target, source, "25.5")[1]["trade"]
    x.ok("POST", f"/convert/trade/{back['id']}", {})
    assert x.balance("USD") == ("10000", "0")
    for currency in ("USD", target):
        assert x.venue.exchange.venue.accounts.sum(currency) == 0


def test_euros_by_their_accounts_uuid() -> None:
    x = Local()
    exchange = x.venue.exchange
    exchange.venue.accounts.deposit(exchange.portfolio, "EUR", to_atoms("100"), exchange.now_us)
    (euro,) = [a["uuid"] for a in x.ok("GET", "/accounts")["accounts"] if a["currency"] == "EUR"]
    trade = quote(x, euro, "EURC", "40")[1]["trade"]
    x.ok("POST", f"/convert/trade/{trade['id']}", {})
    assert (x.balance("EUR"), x.balance("EURC")) == (("60", "0"), ("40", "0"))


@pytest.mark.parametrize(
    ("source", "target", "amount"),
    [
        ("USD", "EUR", "5"), ("USD", "USD", "5"), ("USDC", "EURC", "5"), ("USD", "ABC", "5"), ("ABC", "USD", "5"),
        ("USD", "USDC", "0"), ("USD", "USDC", "-5"), ("USD", "USDC", "0.0000001"), ("USD", "USDC", "much"),
        ("USD", "nobody", "5"),
    ],
)  # fmt: skip
def test_everything_else_is_400(source: str, target: str, amount: str) -> None:
    status, answer = quote(Local(), source, target, amount)
    assert (status, answer["error"]) == (400, "INVALID_ARGUMENT")


def test_more_than_there_is() -> None:
    x = Local()
    trade = quote(x, "USD", "USDC", "10001")[1]["trade"]
    assert x.call("POST", f"/convert/trade/{trade['id']}", {})[0] == 400
    assert x.balance("USDC") == ("0", "0")
