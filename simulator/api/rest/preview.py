"""Previews of orders and edits: what would happen, nothing done."""

import dataclasses
from typing import Any

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import ApiError, HttpRequest, Response, ok
from simulator.api.order_views import commission_view
from simulator.api.rest.orders import check_portfolio, own_order, parse_edit
from simulator.api.service import PREFIX, Api, Router
from simulator.core import changes, lifecycle, scaled, validation
from simulator.core.book import Demand
from simulator.core.lifecycle import Reject
from simulator.core.orders import OrderType, SimOrder
from simulator.core.times import rfc3339
from simulator.core.triggers import bucket_us
from simulator.core.units import ONE, PPM, parse, ratio_text, text
from simulator.core.venue import MarketState


def register(router: Router) -> None:
    router.add("POST", f"{PREFIX}/orders/preview", Right.VIEW, preview)
    router.add("POST", f"{PREFIX}/orders/edit_preview", Right.VIEW, edit_preview)


def estimate(api: Api, market: MarketState, order: SimOrder) -> dict[str, str]:
    """Totals as if the order traded now; what rests is counted at its limit."""
    if order.kind is OrderType.SCALED:
        return _estimate_scaled(market, order)
    product, book = order.product, market.book
    budget = None
    if order.quote is not None:
        budget = order.quote * PPM // (PPM + order.taker_ppm)
    limit = (
        order.limit
        if order.kind is not OrderType.MARKET
        else lifecycle.protection(api.exchange.venue, market, order.buys)
    )
    demand = Demand(order.steps, budget, product.unit)
    reach = book.reachable(order.buys, limit, demand, order.portfolio)
    steps = sum(match.steps for match in reach)
    value = sum(match.steps * match.tick for match in reach) * product.unit
    fee = value * order.taker_ppm // PPM
    rest = (order.steps or 0) - steps
    if rest > 0 and order.limit is not None:
        steps += rest
        value += rest * order.limit * product.unit
        fee += rest * order.limit * product.unit * order.maker_ppm // PPM
    bid, ask = book.bids.best(), book.asks.best()
    best = ask if order.buys else bid
    average = value // (steps * product.step // 10**10) * 10**10 if steps and steps * product.step >= 10**10 else 0
    slippage = "0"
    if best and average:
        slippage = ratio_text(abs(average - best * product.tick), best * product.tick, 8)
    return {
        "order_total": text(value + fee if order.buys else value - fee),
        "commission_total": text(fee),
        "quote_size": text(value),
        "base_size": product.size_text(steps),
        "best_bid": product.price_text(bid) if bid else "",
        "best_ask": product.price_text(ask) if ask else "",
        "average_filled_price": ratio_text(value, steps * product.step, 8) if steps else "0",
        "slippage": slippage,
    }


def _estimate_scaled(market: MarketState, order: SimOrder) -> dict[str, str]:
    """A ladder's totals, each leg at its limit."""
    product, rungs = order.product, scaled.rungs_of(order)
    value = sum(rung.steps * rung.tick for rung in rungs) * product.unit
    steps = sum(rung.steps for rung in rungs)
    fee = value * order.maker_ppm // PPM
    bid, ask = market.book.bids.best(), market.book.asks.best()
    return {
        "order_total": text(value + fee if order.buys else value - fee),
        "commission_total": text(fee),
        "quote_size": text(value),
        "base_size": product.size_text(steps),
        "best_bid": product.price_text(bid) if bid else "",
        "best_ask": product.price_text(ask) if ask else "",
        "average_filled_price": ratio_text(value, steps * product.step, 8),
        "slippage": "0",
    }


def preview(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    body = request.json()
    check_portfolio(body, key)
    venue = api.exchange.venue
    venue.refresh_tier(api.exchange.now_us)
    errs: list[str] = []
    figures: dict[str, Any] = dict.fromkeys(
        ("order_total", "commission_total", "quote_size", "base_size", "average_filled_price", "slippage"), "0"
    ) | {"best_bid": "", "best_ask": ""}
    more: dict[str, Any] = dict.fromkeys(("pnl_configuration", "twap_bucket_metadata", "scaled_metadata"))
    try:
        order = validation.parse_order(venue, body, key.portfolio, api.exchange.now_us, preview=True)
        market = venue.market(order.product.product_id)
        assert market is not None
        figures = estimate(api, market, order)
        more = kind_details(order, figures, market)
        check_affordable(api, market, order)
    except Reject as reject:
        errs.append(reject.preview)
    return ok(
        {
            "order_total": figures["order_total"],
            "commission_total": figures["commission_total"],
            "errs": errs,
            "warning": [],
            "quote_size": figures["quote_size"],
            "base_size": figures["base_size"],
            "best_bid": figures["best_bid"],
            "best_ask": figures["best_ask"],
            "is_max": False,
            "order_margin_total": "0",
            "leverage": "",
            "long_leverage": "",
            "short_leverage": "",
            "slippage": figures["slippage"],
            "preview_id": venue.ids.uuid("preview"),
            "current_liquidation_buffer": "",
            "projected_liquidation_buffer": "",
            "max_leverage": "",
            "position_notional_limit": "",
            "max_notional_at_requested_leverage": "",
            "margin_ratio_data": {"current_margin_ratio": "0", "projected_margin_ratio": "0"},
            "commission_detail_total": commission_view(parse(figures["commission_total"]) or 0),
            "compliance_limit_data": None,
            "est_average_filled_price": figures["average_filled_price"],
            "prediction_order_metadata": None,
            "predicted_liquidation_price": "",
            **more,
        }
    )


def kind_details(order: SimOrder, figures: dict[str, str], market: MarketState) -> dict[str, Any]:
    """What a preview tells of brackets, TWAPs and ladders alone."""
    return {
        "pnl_configuration": bracket_pnl(order, figures, market),
        "twap_bucket_metadata": buckets(order) if order.kind is OrderType.TWAP else None,
        "scaled_metadata": rungs(order) if order.kind is OrderType.SCALED else None,
    }


def bracket_pnl(order: SimOrder, figures: dict[str, str], market: MarketState) -> dict[str, Any] | None:
    """Gain at the take profit and at the stop, without fees: against the entry's estimated price where the bracket is
    attached to one, else against the last trade's, since the venue knows no price that the coins were bought at."""
    if order.attached is not None:
        inner, entry, buys = order.attached["trigger_bracket_gtc"], parse(figures["average_filled_price"]), order.buys
    elif order.kind is OrderType.BRACKET:
        inner, buys = order.config[order.config_key], not order.buys  # it closes what was bought, or sold
        entry = (market.last or 0) * order.product.tick
    else:
        return None
    size = parse(figures["base_size"]) or 0
    if not entry:
        return None
    gains = {}
    for name, price in (("take_profit_pnl", inner["limit_price"]), ("stop_loss_pnl", inner["stop_trigger_price"])):
        gain = ((parse(price) or 0) - entry) * size // ONE
        gains[name] = text(gain if buys else -gain)
    return {"trigger_bracket_pnl": gains}


def buckets(order: SimOrder) -> dict[str, str]:
    """Into what a TWAP is cut."""
    assert order.start_us is not None and order.end_us is not None
    length = bucket_us(order)
    count = -(-(order.end_us - order.start_us) // length)
    whole = order.quote if order.quote is not None else (order.steps or 0) * order.product.step
    given = order.config[order.config_key].get("bucket_size")
    return {
        "bucket_duration": f"{text(length * ONE // 1_000_000)}s",
        "bucket_size": str(given) if given else text(whole // count),
        "number_buckets": str(count),
        "start_time": rfc3339(order.start_us),
        "end_time": rfc3339(order.end_us),
    }


def rungs(order: SimOrder) -> dict[str, Any]:
    """A ladder's legs."""
    product = order.product
    legs = [
        {"size": product.size_text(rung.steps), "price": product.price_text(rung.tick), "errs": [], "warning": []}
        for rung in scaled.rungs_of(order)
    ]
    return {"scaled_order_distribution": legs}


def check_affordable(api: Api, market: MarketState, order: SimOrder) -> None:
    """Raises the Reject that creating the order would raise."""
    if order.kind is OrderType.SCALED:
        scaled.check_ladder(api.exchange.venue, order)
        return
    lifecycle.check_gate(market, order)
    lifecycle.check_price(api.exchange.venue, market, order)
    order.leaves = order.steps or 0
    currency = order.product.quote if order.buys else order.product.base
    needed = lifecycle.initial_hold(api.exchange.venue, market, order)
    if needed > api.exchange.venue.accounts.available(order.portfolio, currency):
        raise lifecycle.insufficient()


def edit_preview(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    body = request.json()
    order_id = validation.need_text(body, "order_id")
    zeros = dict.fromkeys(("slippage", "order_total", "commission_total", "quote_size", "base_size"), "0")
    figures: dict[str, Any] = {**zeros, "best_bid": "", "best_ask": "", "average_filled_price": "0"}
    reason: str | None
    try:
        order = own_order(api, key, order_id)
    except ApiError:
        reason = "ORDER_NOT_FOUND"
    else:
        wish, reason = parse_edit(order, body)
        if wish is not None:
            reason = changes.check_edit(order, wish)
        if wish is not None and not reason:
            market = api.exchange.venue.market(order.product.product_id)
            assert market is not None
            figures = estimate(api, market, dataclasses.replace(order, limit=wish.limit, steps=wish.steps))
    errors = []
    if reason:
        errors.append({"edit_failure_reason": reason, "preview_failure_reason": "UNKNOWN_PREVIEW_FAILURE_REASON"})
    return ok({"errors": errors, **figures})
