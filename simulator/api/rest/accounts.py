"""Accounts, fees, key permissions."""

# ruff: noqa: ARG001  every route takes the same arguments

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import HttpRequest, Response, bad_request, not_found, ok, whole
from simulator.api.service import PREFIX, Api, Router
from simulator.api.views import account_view
from simulator.core import fees
from simulator.core.units import ONE, ratio_text, text


def register(router: Router) -> None:
    router.add("GET", f"{PREFIX}/accounts", Right.VIEW, accounts)
    router.add("GET", f"{PREFIX}/accounts/{{uuid}}", Right.VIEW, account)
    router.add("GET", f"{PREFIX}/transaction_summary", Right.VIEW, transaction_summary)
    router.add("GET", f"{PREFIX}/key_permissions", Right.VIEW, key_permissions)


def accounts(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    limit = whole(request, "limit", 49)
    if limit < 0:
        raise bad_request("limit is invalid")
    limit = min(limit or 49, 250)
    wallets = api.exchange.venue.accounts.of(key.portfolio)
    cursor = request.one("cursor")
    at = 0
    if cursor:
        at = next((i + 1 for i, w in enumerate(wallets) if w.uuid == cursor), -1)
        if at < 0:
            raise bad_request("cursor is invalid")
    page = wallets[at : at + limit]
    more = at + limit < len(wallets)
    return ok(
        {
            "accounts": [account_view(w) for w in page],
            "has_next": more,
            "cursor": page[-1].uuid if more else "",
            "size": len(page),
        }
    )


def account(api: Api, request: HttpRequest, key: IssuedKey, uuid: str) -> Response:
    for wallet in api.exchange.venue.accounts.of(key.portfolio):
        if wallet.uuid == uuid:
            return ok({"account": account_view(wallet)})
    raise not_found("account was not found")


def worth_usd(api: Api, portfolio: str) -> int:
    """Atoms of USD that a portfolio's wallets are worth at the last prices."""
    total = 0
    for wallet in api.exchange.venue.accounts.of(portfolio):
        market = api.exchange.venue.market(f"{wallet.currency}-USD")
        if wallet.currency in ("USD", "USDC"):
            total += wallet.total
        elif market is not None and market.last:
            total += wallet.total * market.last * market.product.tick // ONE
    return total


def rate_text(ppm: int) -> str:
    return ratio_text(ppm, 1_000_000, 6)


def transaction_summary(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    venue = api.exchange.venue
    venue.refresh_tier(api.exchange.now_us)
    volume, paid = api.exchange.store.volume_usd(api.exchange.now_us - fees.WINDOW_US)
    volume, paid = round(volume, 8), round(paid, 8)
    tier = venue.tier
    return ok(
        {
            "total_volume": volume,
            "total_fees": paid,
            "fee_tier": {
                "pricing_tier": tier.name,
                "usd_from": str(tier.usd_from),
                "usd_to": "" if tier.usd_to is None else str(tier.usd_to),
                "taker_fee_rate": rate_text(tier.taker_ppm),
                "maker_fee_rate": rate_text(tier.maker_ppm),
                "aop_from": "",
                "aop_to": "",
                "volume_types_and_range": [],
            },
            "margin_rate": None,
            "goods_and_services_tax": None,
            "advanced_trade_only_volume": volume,
            "advanced_trade_only_fees": paid,
            "coinbase_pro_volume": 0,
            "coinbase_pro_fees": 0,
            "total_balance": text(worth_usd(api, key.portfolio) // (ONE // 100) * (ONE // 100)),
            "has_promo_fee": False,
            "volume_breakdown": [{"volume_type": "VOLUME_TYPE_SPOT", "volume": volume}] if volume else [],
            "has_cost_plus_commission": False,
        }
    )


def key_permissions(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    portfolio = api.exchange.venue.accounts.portfolios[key.portfolio]
    return ok(
        {
            "can_view": Right.VIEW in key.rights,
            "can_trade": Right.TRADE in key.rights,
            "can_transfer": Right.TRANSFER in key.rights,
            "portfolio_uuid": key.portfolio,
            "portfolio_type": "DEFAULT" if portfolio.kind == "DEFAULT" else "CONSUMER",
        }
    )
