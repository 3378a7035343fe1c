"""Convert between currencies, and payment methods."""

# ruff: noqa: ARG001  every route takes the same arguments

from typing import Any

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import HttpRequest, Response, bad_request, not_found, ok
from simulator.api.service import PREFIX, Api, Router
from simulator.api.views import money
from simulator.core.accounts import Insufficient
from simulator.core.units import parse, ratio_text
from simulator.core.validation import need_text

PRECISION = 10**14  # atoms: stablecoins are converted to six decimals
# The venue converts a stablecoin, the currency that it stands for, and another one that stands for the same, one for
# one and without a fee; nothing else.
PAIRS = ({"USD", "USDC"}, {"USD", "PYUSD"}, {"USDC", "PYUSD"}, {"EUR", "EURC"})
PAYMENT_METHOD_ID = "9c4f2f9e-6f0a-5a3e-8f0d-1d2f6b7c8a90"
KEPT_QUOTES = 1000


def register(router: Router) -> None:
    router.add("POST", f"{PREFIX}/convert/quote", Right.TRADE, quote)
    router.add("GET", f"{PREFIX}/convert/trade/{{trade_id}}", Right.VIEW, trade)
    router.add("POST", f"{PREFIX}/convert/trade/{{trade_id}}", Right.TRADE, commit)
    router.add("GET", f"{PREFIX}/payment_methods", Right.VIEW, payment_methods)
    router.add("GET", f"{PREFIX}/payment_methods/{{method_id}}", Right.VIEW, payment_method)


def _currency(api: Api, key: IssuedKey, account: str) -> str:
    """The currency of an account's uuid; a currency's own code is taken, too."""
    wallets = api.exchange.venue.accounts.of(key.portfolio)
    for wallet in wallets:
        if account in (wallet.uuid, wallet.currency):
            return wallet.currency
    if any(account in pair for pair in PAIRS):
        return account
    raise bad_request("account is not available")


def quote(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    body = request.json()
    source = _currency(api, key, need_text(body, "from_account"))
    target = _currency(api, key, need_text(body, "to_account"))
    amount = parse(body.get("amount"))
    if amount is None or amount <= 0 or amount % PRECISION:
        raise bad_request("amount is invalid")
    if {source, target} not in PAIRS:
        raise bad_request(f"{source} cannot be converted to {target}")
    trade_id = api.exchange.venue.ids.uuid("convert")
    quotes = api.conversions
    quotes[trade_id] = {
        "portfolio": key.portfolio, "source": source, "target": target, "amount": amount, "received": amount,
        "status": "TRADE_STATUS_CREATED",
    }  # fmt: skip
    if len(quotes) > KEPT_QUOTES:
        del quotes[next(iter(quotes))]
    return ok({"trade": _view(trade_id, quotes[trade_id])})


def _find(api: Api, key: IssuedKey, trade_id: str) -> dict[str, Any]:
    found = api.conversions.get(trade_id)
    if found is None or found["portfolio"] != key.portfolio:
        raise not_found("trade was not found")
    return found


def trade(api: Api, request: HttpRequest, key: IssuedKey, trade_id: str) -> Response:
    return ok({"trade": _view(trade_id, _find(api, key, trade_id))})


def commit(api: Api, request: HttpRequest, key: IssuedKey, trade_id: str) -> Response:
    found = _find(api, key, trade_id)
    if found["status"] == "TRADE_STATUS_CREATED":
        accounts = api.exchange.venue.accounts
        try:
            accounts.convert(
                key.portfolio, found["source"], found["amount"], found["target"], found["received"], api.exchange.now_us
            )
        except Insufficient:
            raise bad_request("insufficient funds in the source account") from None
        found["status"] = "TRADE_STATUS_COMPLETED"
        api.exchange.settle()
    return ok({"trade": _view(trade_id, found)})


def _fee(currency: str) -> dict[str, Any]:
    return {
        "title": "", "description": "", "amount": money(0, currency), "label": "",
        "disclosure": {"title": "", "description": "", "link": {"text": "", "url": ""}},
    }  # fmt: skip


def _view(trade_id: str, found: dict[str, Any]) -> dict[str, Any]:
    source, target = found["source"], found["target"]
    paid, received = money(found["amount"], source), money(found["received"], target)
    rate = {"value": ratio_text(found["received"], found["amount"], 8), "currency": target}
    return {
        "id": trade_id,
        "status": found["status"],
        "user_entered_amount": paid,
        "amount": paid,
        "subtotal": paid,
        "total": received,
        "fees": [],
        "total_fee": _fee(source),
        "source": {"type": "LEDGER_ACCOUNT", "network": "internal"},
        "target": {"type": "LEDGER_ACCOUNT", "network": "internal"},
        "unit_price": {"target_to_source": {"amount": rate, "scale": 8}},
        "user_warnings": [],
        "user_reference": trade_id[:8].upper(),
        "source_currency": source,
        "target_currency": target,
        "source_id": "",
        "target_id": "",
        "exchange_rate": rate,
        "tax_details": [],
        "total_fee_without_tax": _fee(source),
        "fiat_denoted_total": money(found["received"], target),
    }


def _method(api: Api) -> dict[str, Any]:
    return {
        "id": PAYMENT_METHOD_ID, "type": "ACH", "name": "SIMULATED BANK ******0000", "currency": "USD",
        "verified": True, "allow_buy": True, "allow_sell": True, "allow_deposit": True, "allow_withdraw": True,
        "created_at": "2023-01-01T00:00:00Z", "updated_at": "2023-01-01T00:00:00Z",
    }  # fmt: skip


def payment_methods(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    return ok({"payment_methods": [_method(api)]})


def payment_method(api: Api, request: HttpRequest, key: IssuedKey, method_id: str) -> Response:
    if method_id != PAYMENT_METHOD_ID:
        raise not_found("payment method was not found")
    return ok({"payment_method": _method(api)})
