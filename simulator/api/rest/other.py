"""What is not spot: futures and perpetuals exist as paths, but nobody here trades them."""

# ruff: noqa: ARG001  every route takes the same arguments

from simulator.api.auth import ApiKey, Right
from simulator.api.futures import rest_summary
from simulator.api.http import Request, Response, not_found, ok
from simulator.api.service import PREFIX, Api, Router

FUTURES = (
    ("GET", "positions/{name}"), ("DELETE", "sweeps"), ("POST", "sweeps/schedule"), ("GET", "intraday/margin_setting"),
    ("POST", "intraday/margin_setting"), ("GET", "intraday/current_margin_window"),
)  # fmt: skip
PERPETUALS = (
    ("POST", "allocate"), ("GET", "portfolio/{name}"), ("GET", "positions/{name}"),
    ("GET", "positions/{name}/{symbol}"), ("GET", "balances/{name}"), ("POST", "multi_asset_collateral"),
)  # fmt: skip


def register(router: Router) -> None:
    router.add("GET", f"{PREFIX}/cfm/balance_summary", Right.VIEW, futures_balance)
    router.add("GET", f"{PREFIX}/cfm/positions", Right.VIEW, futures_positions)
    router.add("GET", f"{PREFIX}/cfm/sweeps", Right.VIEW, futures_sweeps)
    for method, path in FUTURES:
        router.add(method, f"{PREFIX}/cfm/{path}", Right.TRADE if method != "GET" else Right.VIEW, no_futures)
    for method, path in PERPETUALS:
        router.add(method, f"{PREFIX}/intx/{path}", Right.TRADE if method != "GET" else Right.VIEW, no_perpetuals)


def futures_balance(api: Api, request: Request, key: ApiKey) -> Response:
    return ok({"balance_summary": rest_summary(api.exchange.venue.accounts, key.portfolio)})


def futures_positions(api: Api, request: Request, key: ApiKey) -> Response:
    return ok({"positions": []})


def futures_sweeps(api: Api, request: Request, key: ApiKey) -> Response:
    return ok({"sweeps": []})


def no_futures(api: Api, request: Request, key: ApiKey, name: str = "") -> Response:
    raise not_found("futures account was not found")


def no_perpetuals(api: Api, request: Request, key: ApiKey, name: str = "", symbol: str = "") -> Response:
    raise not_found("perpetuals portfolio was not found")
