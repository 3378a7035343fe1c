"""The older paths at the host's root that other client libraries read: currencies, rates, time, accounts."""

# ruff: noqa: ARG001  every route takes the same arguments

from typing import Any

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import HttpRequest, Response, bad_request, ok, whole
from simulator.api.service import Api, Router
from simulator.core.accounts import Wallet
from simulator.core.products import FIAT, NAMES
from simulator.core.times import rfc3339
from simulator.core.units import ONE, ratio_text, text


def register(router: Router) -> None:
    router.add("GET", "/v2/time", None, time)
    router.add("GET", "/v2/currencies", None, fiat)
    router.add("GET", "/v2/currencies/crypto", None, crypto)
    router.add("GET", "/v2/exchange-rates", None, rates)
    router.add("GET", "/v2/accounts", Right.VIEW, accounts)


def _codes(api: Api) -> list[str]:
    """All crypto currencies that are traded here."""
    found = {product.base for product in api.exchange.venue.listed.values()}
    found |= {product.quote for product in api.exchange.venue.listed.values()}
    return sorted(found - FIAT)


def time(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    return ok({"data": {"iso": rfc3339(api.now_us // 1_000_000 * 1_000_000), "epoch": api.now_us // 1_000_000}})


def fiat(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    return ok({"data": [{"id": code, "name": NAMES[code], "min_size": "0.01000000"} for code in sorted(FIAT)]})


def crypto(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    rows = [
        {
            "asset_id": f"asset-{code.lower()}", "code": code, "name": NAMES.get(code, code), "color": "#808080",
            "sort_index": 100 + i, "exponent": 8, "type": "crypto", "address_regex": "^.*$",
        }
        for i, code in enumerate(_codes(api))
    ]  # fmt: skip
    return ok({"data": rows})


def rates(api: Api, request: HttpRequest, key: IssuedKey | None) -> Response:
    currency = request.one("currency", "USD")
    prices = {"USD": ONE, "USDC": ONE}
    for name, market in api.exchange.venue.markets.items():
        if name.endswith("-USD") and market.last:
            prices[market.product.base] = market.last * market.product.tick
    if currency not in prices:
        raise bad_request("invalid currency")
    base = prices[currency]
    return ok({"data": {"currency": currency, "rates": {c: ratio_text(base, p, 16) for c, p in prices.items()}}})


def _view(wallet: Wallet) -> dict[str, Any]:
    code, cash = wallet.currency, wallet.currency in FIAT
    at = rfc3339(wallet.created_us // 1_000_000 * 1_000_000)
    return {
        "id": wallet.uuid,
        "name": "Cash (USD)" if code == "USD" else f"{code} Wallet",
        "primary": code == "USD",
        "type": "fiat" if cash else "wallet",
        "balance": {"amount": text(wallet.total), "currency": code},
        "created_at": at,
        "updated_at": at,
        "resource": "account",
        "resource_path": f"/v2/accounts/{wallet.uuid}",
        "currency": {
            "code": code, "name": NAMES.get(code, code), "color": "#808080", "sort_index": 100,
            "exponent": 2 if cash else 8, "type": "fiat" if cash else "crypto", "address_regex": "",
            "asset_id": f"asset-{code.lower()}", "slug": code.lower(),
        },
        "allow_deposits": True,
        "allow_withdrawals": True,
    }  # fmt: skip


def accounts(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    limit = whole(request, "limit", 25)
    if not 0 < limit <= 300:
        raise bad_request("limit is invalid")
    wallets = api.exchange.venue.accounts.of(key.portfolio)
    after = request.one("starting_after")
    at = next((i + 1 for i, w in enumerate(wallets) if w.uuid == after), 0)
    page = wallets[at : at + limit]
    more = at + limit < len(wallets)
    following = page[-1].uuid if more else None
    return ok(
        {
            "pagination": {
                "ending_before": None, "starting_after": after or None, "previous_ending_before": None,
                "next_starting_after": following, "limit": limit, "order": "desc", "previous_uri": None,
                "next_uri": f"/v2/accounts?limit={limit}&starting_after={following}" if more else None,
            },
            "data": [_view(w) for w in page],
        }
    )  # fmt: skip
