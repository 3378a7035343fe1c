"""What is not spot: futures and perpetuals exist as paths, but nobody here trades them."""

# ruff: noqa: ARG001  every route takes the same arguments

from simulator.api.auth import IssuedKey, Right
from simulator.api.futures import rest_summary
from simulator.api.http import HttpRequest, Response, not_found, ok
from simulator.api.service import PREFIX, Api, Router

# With the rights that the venue's documents ask for.
FUTURES = (
    ("GET", "positions/{name}", Right.VIEW), ("DELETE", "sweeps", Right.TRANSFER),
    ("POST", "sweeps/schedule", Right.TRANSFER), ("GET", "intraday/margin_setting", Right.VIEW),
    ("POST", "intraday/margin_setting", Right.TRADE), ("GET", "intraday/current_margin_window", Right.VIEW),
)  # fmt: skip
PERPETUALS = (
    ("POST", "allocate", Right.TRANSFER), ("GET", "portfolio/{name}", Right.VIEW),
    ("GET", "positions/{name}", Right.VIEW), ("GET", "positions/{name}/{symbol}", Right.VIEW),
    ("GET", "balances/{name}", Right.VIEW), ("POST", "multi_asset_collateral", Right.TRADE),
)  # fmt: skip


def register(router: Router) -> None:
    router.add("GET", f"{PREFIX}/cfm/balance_summary", Right.VIEW, futures_balance)
    router.add("GET", f"{PREFIX}/cfm/positions", Right.VIEW, futures_positions)
    router.add("GET", f"{PREFIX}/cfm/sweeps", Right.VIEW, futures_sweeps)
    for method, path, right in FUTURES:
        router.add(method, f"{PREFIX}/cfm/{path}", right, no_futures)
    for method, path, right in PERPETUALS:
        router.add(method, f"{PREFIX}/intx/{path}", right, no_perpetuals)


def futures_balance(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    return ok({"balance_summary": rest_summary(api.exchange.venue.accounts, key.portfolio)})


def futures_positions(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    return ok({"positions": []})


def futures_sweeps(api: Api, request: HttpRequest, key: IssuedKey) -> Response:
    return ok({"sweeps": []})


def no_futures(api: Api, request: HttpRequest, key: IssuedKey, name: str = "") -> Response:
    raise not_found("futures account was not found")


def no_perpetuals(api: Api, request: HttpRequest, key: IssuedKey, name: str = "", symbol: str = "") -> Response:
    raise not_found("perpetuals portfolio was not found")
