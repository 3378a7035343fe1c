"""Portfolios: list, create, rename, delete, breakdown, move funds."""

# ruff: noqa: ARG001  every route takes the same arguments

from typing import Any

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import ApiError, HttpRequest, Response, bad_request, error, not_found, ok
from simulator.api.rest.accounts import worth_usd
from simulator.api.service import PREFIX, Api, Router
from simulator.core.accounts import Insufficient, PortfolioRecord
from simulator.core.units import ONE, parse, text
from simulator.core.validation import need_text


def register(router: Router) -> None:
    router.add("GET", f"{PREFIX}/portfolios", Right.VIEW, portfolios)
    router.add("POST", f"{PREFIX}/portfolios", Right.VIEW, create)
    router.add("POST", f"{PREFIX}/portfolios/move_funds", Right.TRANSFER, move_funds)
    router.add("GET", f"{PREFIX}/portfolios/{{uuid}}", Right.VIEW, breakdown)
    router.add("PUT", f"{PREFIX}/portfolios/{{uuid}}", Right.TRADE, rename)
    router.add("DELETE", f"{PREFIX}/portfolios/{{uuid}}", Right.TRADE, delete)


def view(portfolio: PortfolioRecord) -> dict[str, Any]:
    return {"name": portfolio.name, "uuid": portfolio.uuid, "type": portfolio.kind, "deleted": portfolio.deleted}


def find(api: Api, uuid: str) -> PortfolioRecord:
    found = api.exchange.venue.accounts.portfolios.get(uuid)
    if found is None or found.deleted:
        raise not_found("portfolio was not found")
    return found


def portfolios(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    kind = request.one("portfolio_type").upper()
    if kind not in ("", "UNDEFINED", "DEFAULT", "CONSUMER", "INTX"):
        raise bad_request("portfolio_type is invalid")
    known = [p for p in api.exchange.venue.accounts.portfolios.values() if not p.deleted]
    return ok({"portfolios": [view(p) for p in known if kind in ("", "UNDEFINED", p.kind)]})


def _name(api: Api, body: dict[str, Any]) -> str:
    name = need_text(body, "name").strip()
    if not name or len(name) > 40:
        raise bad_request("name is invalid")
    if any(p.name == name and not p.deleted for p in api.exchange.venue.accounts.portfolios.values()):
        raise bad_request("portfolio name is taken")
    return name


def create(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    name = _name(api, request.json())
    accounts = api.exchange.venue.accounts
    if sum(not p.deleted for p in accounts.portfolios.values()) >= 100:
        raise bad_request("too many portfolios")
    portfolio = PortfolioRecord(api.exchange.venue.ids.uuid("portfolio"), name)
    accounts.portfolios[portfolio.uuid] = portfolio
    api.exchange.store.save_portfolios(api.exchange.venue)
    return ok({"portfolio": view(portfolio)})


def rename(api: Api, request: HttpRequest, key: IssuedKey, uuid: str) -> Response:
    portfolio = find(api, uuid)
    portfolio.name = _name(api, request.json())
    api.exchange.store.save_portfolios(api.exchange.venue)
    return ok({"portfolio": view(portfolio)})


def delete(api: Api, request: HttpRequest, key: IssuedKey, uuid: str) -> Response:
    portfolio = find(api, uuid)
    if portfolio.kind == "DEFAULT":
        raise bad_request("the default portfolio cannot be deleted")
    if any(w.total for w in api.exchange.venue.accounts.of(uuid)):
        raise bad_request("portfolio is not empty")
    portfolio.deleted = True
    api.exchange.store.save_portfolios(api.exchange.venue)
    return ok({})


def _usd(atoms: int) -> dict[str, str]:
    return {"value": text(atoms // (ONE // 100) * (ONE // 100)), "currency": "USD"}


def breakdown(api: Api, request: HttpRequest, key: IssuedKey, uuid: str) -> Response:
    portfolio = find(api, uuid)
    whole = worth_usd(api, uuid)
    venue = api.exchange.venue
    cash = sum(w.total for w in venue.accounts.of(uuid) if w.currency in ("USD", "USDC"))
    positions = []
    for wallet in venue.accounts.of(uuid):
        market = venue.market(f"{wallet.currency}-USD")
        price = market.last * market.product.tick if market and market.last else ONE
        fiat = wallet.total * price // ONE
        positions.append(
            {
                "asset": wallet.currency,
                "account_uuid": wallet.uuid,
                "total_balance_fiat": fiat / ONE,
                "total_balance_crypto": wallet.total / ONE,
                "available_to_trade_fiat": wallet.available * price // ONE / ONE,
                "allocation": fiat / whole if whole else 0,
                "cost_basis": {"value": "0", "currency": "USD"},
                "asset_img_url": "",
                "is_cash": wallet.currency in ("USD", "USDC"),
                "average_entry_price": {"value": "0", "currency": "USD"},
                "available_to_trade_crypto": wallet.available / ONE,
                "unrealized_pnl": 0,
            }
        )
    balances = {
        "total_balance": _usd(whole),
        "total_futures_balance": _usd(0),
        "total_cash_equivalent_balance": _usd(cash),
        "total_crypto_balance": _usd(whole - cash),
        "futures_unrealized_pnl": _usd(0),
        "perp_unrealized_pnl": _usd(0),
    }
    return ok(
        {
            "breakdown": {
                "portfolio": view(portfolio),
                "portfolio_balances": balances,
                "spot_positions": positions,
                "perp_positions": [],
                "futures_positions": [],
            }
        }
    )


def move_funds(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    body = request.json()
    funds = body.get("funds")
    if not isinstance(funds, dict):
        raise bad_request("funds is required")
    atoms, currency = parse(funds.get("value")), need_text(funds, "currency")
    source = find(api, need_text(body, "source_portfolio_uuid"))
    target = find(api, need_text(body, "target_portfolio_uuid"))
    if atoms is None or atoms <= 0 or source is target:
        raise bad_request("funds is invalid")
    try:
        api.exchange.venue.accounts.move(source.uuid, target.uuid, currency, atoms, api.exchange.now_us)
    except Insufficient:
        raise ApiError(error(400, "INVALID_ARGUMENT", "insufficient funds in the source portfolio")) from None
    api.exchange.settle()
    return ok({"source_portfolio_uuid": source.uuid, "target_portfolio_uuid": target.uuid})
