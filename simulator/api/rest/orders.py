"""Create, preview, edit, cancel; the lists of orders and fills."""

# ruff: noqa: ARG001  every route takes the same arguments

from typing import Any

from simulator.api.auth import IssuedKey, Right
from simulator.api.http import ApiError, HttpRequest, Response, bad_request, not_found, ok
from simulator.api.service import PREFIX, Api, Router
from simulator.core import changes, validation
from simulator.core.lifecycle import Reject
from simulator.core.orders import SimOrder, SimOrderStatus
from simulator.core.units import parse

MAX_CANCELS = 100
NO_REASON = "UNKNOWN_FAILURE_REASON"


def register(router: Router) -> None:
    router.add("POST", f"{PREFIX}/orders", Right.TRADE, create)
    router.add("POST", f"{PREFIX}/orders/batch_cancel", Right.TRADE, batch_cancel)
    router.add("POST", f"{PREFIX}/orders/edit", Right.TRADE, edit)
    router.add("POST", f"{PREFIX}/orders/close_position", Right.TRADE, close_position)


def accepted(order: SimOrder) -> Response:
    return ok(
        {
            "success": True,
            "failure_reason": NO_REASON,
            "order_id": order.order_id,
            "success_response": {
                "order_id": order.order_id,
                "product_id": order.product.product_id,
                "side": "BUY" if order.buys else "SELL",
                "client_order_id": order.client_order_id,
                "attached_order_id": order.attached_id,
            },
            "order_configuration": order.config,
        }
    )


def refused(reject: Reject, configuration: Any) -> Response:
    return ok(
        {
            "success": False,
            "failure_reason": NO_REASON,
            "order_id": "",
            "error_response": {
                "error": reject.error,
                "message": reject.message,
                "error_details": reject.details,
                "preview_failure_reason": reject.preview,
                "new_order_failure_reason": reject.error if reject.error != "INSUFFICIENT_FUND" else NO_REASON,
            },
            "order_configuration": configuration if isinstance(configuration, dict) else {},
        }
    )


def known(api: Api, portfolio: str, client_order_id: str) -> SimOrder | None:
    """The order that used this client id before, open or done."""
    return api.exchange.store.by_client_id(portfolio, client_order_id)


def create(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    body = request.json()
    client_order_id = validation.need_text(body, "client_order_id")
    mode = api.exchange.venue.rules.idempotency
    before = known(api, key.portfolio, client_order_id) if mode != "not_enforced" else None
    if before is not None:
        if mode == "return_existing":
            return accepted(before)
        reject = Reject("DUPLICATE_CLIENT_ORDER_ID", "An order with this client order id exists")
        return refused(reject, body.get("order_configuration"))
    check_portfolio(body, key)
    try:
        order = validation.parse_order(api.exchange.venue, body, key.portfolio, api.exchange.now_us)
        return accepted(api.exchange.create(order))
    except Reject as reject:
        return refused(reject, body.get("order_configuration"))


def check_portfolio(body: dict[str, Any], key: IssuedKey) -> None:
    """Keys are bound to one portfolio; the field may only repeat it."""
    given = body.get("retail_portfolio_id")
    if given and given != key.portfolio:
        raise bad_request("account is not available")


def batch_cancel(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    ids = request.json().get("order_ids")
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
        raise bad_request("order_ids is required")
    if len(ids) > MAX_CANCELS:
        raise bad_request(f"Too many orderIDs entered, limit is {MAX_CANCELS}")
    seen: set[str] = set()
    results = []
    for order_id in ids:
        reason = "DUPLICATE_CANCEL_REQUEST" if order_id in seen else _cancel(api, key, order_id)
        seen.add(order_id)
        results.append(
            {"success": not reason, "failure_reason": reason or "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": order_id}
        )
    return ok({"results": results})


def _cancel(api: Api, key: IssuedKey, order_id: str) -> str:
    """Cancel one; gives the reason why not."""
    order = api.exchange.venue.open.get(order_id)
    if order is not None and order.portfolio == key.portfolio:
        if order.status is SimOrderStatus.CANCEL_QUEUED:
            return "DUPLICATE_CANCEL_REQUEST"
        if order.status is SimOrderStatus.EDIT_QUEUED:
            return "ORDER_IS_BEING_REPLACED"
        api.exchange.cancel(order, wait_us=api.queue_us("cancel"))
        return ""
    done = api.exchange.store.order(order_id)
    if done is not None and done.portfolio == key.portfolio and done.status is SimOrderStatus.FILLED:
        return "ORDER_IS_FULLY_FILLED"
    return "UNKNOWN_CANCEL_ORDER"


def own_order(api: Api, key: IssuedKey, order_id: str) -> SimOrder:
    """One of the portfolio's orders, or 404."""
    order = api.exchange.find(order_id)
    if order is None or order.portfolio != key.portfolio:
        raise not_found("order with this orderID was not found")
    return order


def parse_edit(order: SimOrder, body: dict[str, Any]) -> tuple[changes.Edit | None, str]:
    """(the wish, "") or (None, the venue's reason)."""
    product = order.product
    price, size = parse(body.get("price") or "0"), parse(body.get("size") or "0")
    stop = parse(body["stop_price"]) if body.get("stop_price") else None
    if price is None or size is None or (body.get("stop_price") and stop is None):
        raise bad_request("price and size must be numbers")
    if price % product.tick or price <= 0 or (stop is not None and (stop % product.tick or stop <= 0)):
        return None, "INVALID_EDITED_PRICE"
    if size % product.step or size < 0:
        return None, "INVALID_EDITED_SIZE"
    if size and size > (parse(product.base_max_size) or 0):
        return None, "INVALID_EDITED_SIZE"
    return changes.Edit(price // product.tick, size // product.step, stop // product.tick if stop else None), ""


def edit_refused(reason: str, preview: str = "UNKNOWN_PREVIEW_FAILURE_REASON") -> Response:
    return ok({"success": False, "errors": [{"edit_failure_reason": reason, "preview_failure_reason": preview}]})


def edit(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    body = request.json()
    order_id = validation.need_text(body, "order_id")
    try:
        order = own_order(api, key, order_id)
    except ApiError:
        return edit_refused("ORDER_NOT_FOUND")
    reason: str | None
    wish, reason = parse_edit(order, body)
    if wish is not None:
        reason = changes.check_edit(order, wish)
    if wish is None or reason:
        return edit_refused(reason or "INVALID_EDITED_SIZE")
    try:
        api.exchange.edit(order, wish, api.queue_us("edit"))
    except Reject as reject:
        return edit_refused("COMMANDER_REJECTED_EDIT_ORDER", reject.preview)
    return ok({"success": True, "errors": []})


def close_position(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    body = request.json()
    validation.need_text(body, "client_order_id")
    product_id = validation.need_text(body, "product_id")
    if product_id not in api.exchange.venue.listed:
        raise not_found(f"Product {product_id[:40]} not supported")
    reject = Reject("INVALID_REQUEST", "Positions exist on derivatives only", "PREVIEW_INVALID_ORDER_CONFIG")
    return refused(reject, {})
