"""What is not spot: futures and perpetuals exist as paths, but this venue has no such accounts."""

# ruff: noqa: ARG001  every route takes the same arguments

from simulator.api.auth import ApiKey, Right
from simulator.api.http import Request, Response, not_found
from simulator.api.service import PREFIX, Api, Router

FUTURES = (
    ("GET", "balance_summary"), ("GET", "positions"), ("GET", "positions/{name}"), ("GET", "sweeps"),
    ("DELETE", "sweeps"), ("POST", "sweeps/schedule"), ("GET", "intraday/margin_setting"),
    ("POST", "intraday/margin_setting"), ("GET", "intraday/current_margin_window"),
)  # fmt: skip
PERPETUALS = (
    ("POST", "allocate"), ("GET", "portfolio/{name}"), ("GET", "positions/{name}"),
    ("GET", "positions/{name}/{symbol}"), ("GET", "balances/{name}"), ("POST", "multi_asset_collateral"),
)  # fmt: skip


def register(router: Router) -> None:
    for method, path in FUTURES:
        router.add(method, f"{PREFIX}/cfm/{path}", Right.TRADE if method != "GET" else Right.VIEW, no_futures)
    for method, path in PERPETUALS:
        router.add(method, f"{PREFIX}/intx/{path}", Right.TRADE if method != "GET" else Right.VIEW, no_perpetuals)


def no_futures(api: Api, request: Request, key: ApiKey, name: str = "") -> Response:
    raise not_found("futures account was not found")


def no_perpetuals(api: Api, request: Request, key: ApiKey, name: str = "", symbol: str = "") -> Response:
    raise not_found("perpetuals portfolio was not found")
