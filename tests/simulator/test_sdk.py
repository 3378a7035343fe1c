"""The official SDK, unmodified: every spot method of its REST client, its sockets, both kinds of key."""

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from coinbase.rest import RESTClient
from coinbase.websocket import WSClient, WSUserClient

from simulator import admin
from tests.simulator.conftest import Sim

CHANNELS = ["heartbeats", "ticker", "ticker_batch", "level2", "market_trades", "candles", "status", "user",
            "futures_balance_summary"]  # fmt: skip


@pytest.fixture(scope="module", params=["key.json", "key_ed25519.json"])
def client(request: pytest.FixtureRequest, shared_sim: Sim) -> RESTClient:
    return shared_sim.sdk(request.param)


@pytest.fixture(scope="module")
def transferring(shared_sim: Sim) -> Generator[RESTClient, None, None]:
    """A client whose key may move money."""
    path = admin.make_key(shared_sim.paths, ("view", "trade", "transfer"))
    time.sleep(1.2)  # a running server takes new keys up within a second
    yield shared_sim.sdk(path.name)


def price_of(client: RESTClient) -> float:
    return float(client.get_product("BTC-USD").price)


def test_market_data_private_and_public(client: RESTClient) -> None:
    now = int(time.time())
    assert abs(int(client.get_unix_time().epoch_seconds) - now) < 5
    assert {p.product_id for p in client.get_products().products} >= {"BTC-USD", "ETH-USD", "BTC-USDC"}
    assert client.get_public_products(product_ids=["ETH-USD"]).num_products == 1
    assert client.get_product("BTC-USD", get_tradability_status=True).status == "online"
    assert client.get_public_product("BTC-USD").price_increment == "0.01"
    for read in (client.get_candles, client.get_public_candles):
        candles = read("BTC-USD", str(now - 3600), str(now), "ONE_MINUTE").candles
        assert len(candles) >= 59 and int(candles[0].start) > int(candles[-1].start)
    for trades in (client.get_market_trades("BTC-USD", 10), client.get_public_market_trades("BTC-USD", 10)):
        assert len(trades.trades) == 10 and float(trades.best_bid) < float(trades.best_ask)
    for book in (client.get_product_book("BTC-USD", 5), client.get_public_product_book("BTC-USD", 5)):
        assert len(book.pricebook.bids) == len(book.pricebook.asks) == 5
    assert len(client.get_best_bid_ask(["BTC-USD", "ETH-USD"]).pricebooks) == 2


def test_account_reads(client: RESTClient) -> None:
    page = client.get_accounts(limit=1)
    assert page.accounts[0].retail_portfolio_id and page.size == 1
    usd = next(a for a in client.get_accounts().accounts if a.currency == "USD")
    assert client.get_account(usd.uuid).account.currency == "USD"
    assert client.get_transaction_summary().fee_tier["taker_fee_rate"] == "0.009"
    permissions = client.get_api_key_permissions()
    assert permissions.can_view and permissions.can_trade and not permissions.can_transfer
    (method,) = client.list_payment_methods().payment_methods
    assert client.get_payment_method(method.id).payment_method.currency == "USD"
    portfolios = client.get_portfolios().portfolios
    assert client.get_portfolio_breakdown(portfolios[0].uuid).breakdown.portfolio.uuid == portfolios[0].uuid


def _orders(client: RESTClient) -> list[tuple[str, Callable[[], Any]]]:
    """Every order method of the SDK with arguments that make sense now; all of them rest or fill."""
    price = price_of(client)
    low, high, stop_low, stop_high = (f"{price * f:.2f}" for f in (0.6, 1.5, 0.61, 1.49))
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    up, down = "STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"
    size, over, under = "0.0001", f"{price * 1.04:.2f}", f"{price * 0.96:.2f}"
    new = lambda: uuid.uuid4().hex  # noqa: E731
    c, p = client, "BTC-USD"
    return [
        ("market_order", lambda: c.market_order(new(), p, "BUY", quote_size="50")),
        ("market_order_buy", lambda: c.market_order_buy(new(), p, base_size="0.002")),
        ("market_order_sell", lambda: c.market_order_sell(new(), p, base_size=size)),
        ("limit_order_ioc", lambda: c.limit_order_ioc(new(), p, "BUY", size, over)),
        ("limit_order_ioc_buy", lambda: c.limit_order_ioc_buy(new(), p, size, over)),
        ("limit_order_ioc_sell", lambda: c.limit_order_ioc_sell(new(), p, size, under)),
        ("limit_order_gtc", lambda: c.limit_order_gtc(new(), p, "BUY", size, low, post_only=True)),
        ("limit_order_gtc_buy", lambda: c.limit_order_gtc_buy(new(), p, size, low)),
        ("limit_order_gtc_sell", lambda: c.limit_order_gtc_sell(new(), p, size, high)),
        ("limit_order_gtd", lambda: c.limit_order_gtd(new(), p, "BUY", size, low, end)),
        ("limit_order_gtd_buy", lambda: c.limit_order_gtd_buy(new(), p, size, low, end)),
        ("limit_order_gtd_sell", lambda: c.limit_order_gtd_sell(new(), p, size, high, end)),
        ("limit_order_fok", lambda: c.limit_order_fok(new(), p, "BUY", size, over)),
        ("limit_order_fok_buy", lambda: c.limit_order_fok_buy(new(), p, size, over)),
        ("limit_order_fok_sell", lambda: c.limit_order_fok_sell(new(), p, size, under)),
        ("stop_limit_order_gtc", lambda: c.stop_limit_order_gtc(new(), p, "SELL", size, low, stop_low, down)),
        ("stop_limit_order_gtc_buy", lambda: c.stop_limit_order_gtc_buy(new(), p, size, high, stop_high, up)),
        ("stop_limit_order_gtc_sell", lambda: c.stop_limit_order_gtc_sell(new(), p, size, low, stop_low, down)),
        ("stop_limit_order_gtd", lambda: c.stop_limit_order_gtd(new(), p, "SELL", size, low, stop_low, end, down)),
        ("stop_limit_order_gtd_buy", lambda: c.stop_limit_order_gtd_buy(new(), p, size, high, stop_high, end, up)),
        ("stop_limit_order_gtd_sell", lambda: c.stop_limit_order_gtd_sell(new(), p, size, low, stop_low, end, down)),
        ("trigger_bracket_order_gtc", lambda: c.trigger_bracket_order_gtc(new(), p, "SELL", size, high, low)),
        ("trigger_bracket_order_gtc_buy", lambda: c.trigger_bracket_order_gtc_buy(new(), p, size, low, high)),
        ("trigger_bracket_order_gtc_sell", lambda: c.trigger_bracket_order_gtc_sell(new(), p, size, high, low)),
        ("trigger_bracket_order_gtd", lambda: c.trigger_bracket_order_gtd(new(), p, "SELL", size, high, low, end)),
        ("trigger_bracket_order_gtd_buy", lambda: c.trigger_bracket_order_gtd_buy(new(), p, size, low, high, end)),
        ("trigger_bracket_order_gtd_sell", lambda: c.trigger_bracket_order_gtd_sell(new(), p, size, high, low, end)),
    ]  # fmt: skip


def test_every_order_method_is_accepted_and_can_be_read_back(client: RESTClient) -> None:
    made = []
    for name, place in _orders(client):
        answer = place()
        assert answer.success, (name, answer.to_dict())
        order = client.get_order(answer.success_response["order_id"]).order
        assert order.status in ("OPEN", "FILLED"), (name, order.to_dict())
        made.append(order.order_id)
    listed = client.list_orders(order_ids=made, limit=100).orders
    assert {order.order_id for order in listed} == set(made)
    filled = [order for order in listed if order.status == "FILLED"]
    fills = client.get_fills(order_ids=[order.order_id for order in filled]).fills
    for order in filled:
        own = [fill for fill in fills if fill.order_id == order.order_id]
        assert abs(sum(float(f.size) for f in own) - float(order.filled_size)) < 1e-12
        assert abs(sum(float(f.commission) for f in own) - float(order.total_fees)) < 1e-12
    waiting = [order.order_id for order in listed if order.status == "OPEN"]
    assert all(result.success for result in client.cancel_orders(waiting).results)


def test_every_preview(client: RESTClient) -> None:
    price = price_of(client)
    low, high, end = f"{price * 0.6:.2f}", f"{price * 1.5:.2f}", "2030-01-01T00:00:00Z"
    size, up, down = "0.001", "STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"
    near = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    del end
    c, p = client, "BTC-USD"
    c.market_order_buy(uuid.uuid4().hex, p, base_size="0.01")
    for preview in (
        c.preview_market_order(p, "BUY", quote_size="50"), c.preview_market_order_buy(p, base_size=size),
        c.preview_market_order_sell(p, base_size=size), c.preview_limit_order_ioc(p, "BUY", size, high),
        c.preview_limit_order_ioc_buy(p, size, high), c.preview_limit_order_ioc_sell(p, size, low),
        c.preview_limit_order_gtc(p, "BUY", size, low), c.preview_limit_order_gtc_buy(p, size, low),
        c.preview_limit_order_gtc_sell(p, size, high), c.preview_limit_order_gtd(p, "BUY", size, low, near),
        c.preview_limit_order_gtd_buy(p, size, low, near), c.preview_limit_order_gtd_sell(p, size, high, near),
        c.preview_limit_order_fok(p, "BUY", size, high), c.preview_limit_order_fok_buy(p, size, high),
        c.preview_limit_order_fok_sell(p, size, low), c.preview_stop_limit_order_gtc(p, "SELL", size, low, low, down),
        c.preview_stop_limit_order_gtc_buy(p, size, high, high, up),
        c.preview_stop_limit_order_gtc_sell(p, size, low, low, down),
        c.preview_stop_limit_order_gtd(p, "SELL", size, low, low, near, down),
        c.preview_stop_limit_order_gtd_buy(p, size, high, high, near, up),
        c.preview_stop_limit_order_gtd_sell(p, size, low, low, near, down),
        c.preview_trigger_bracket_order_gtc(p, "SELL", size, high, low),
        c.preview_trigger_bracket_order_gtc_buy(p, size, low, high),
        c.preview_trigger_bracket_order_gtc_sell(p, size, high, low),
        c.preview_trigger_bracket_order_gtd(p, "SELL", size, high, low, near),
        c.preview_trigger_bracket_order_gtd_buy(p, size, low, high, near),
        c.preview_trigger_bracket_order_gtd_sell(p, size, high, low, near),
    ):  # fmt: skip
        found = preview.to_dict()
        assert found["errs"] == [] and float(found["order_total"]) > 0 and found["preview_id"], found


def settled(client: RESTClient, order_id: str) -> Any:
    """The order, when the engine has done what was asked of it."""
    for _ in range(50):
        order = client.get_order(order_id).order
        if order.status not in ("CANCEL_QUEUED", "EDIT_QUEUED"):
            break
        time.sleep(0.02)
    return order


def test_edit_and_its_preview(client: RESTClient) -> None:
    price = price_of(client)
    order_id = client.limit_order_gtc_buy(uuid.uuid4().hex, "BTC-USD", "0.001", f"{price * 0.6:.2f}").success_response[
        "order_id"
    ]
    assert client.preview_edit_order(order_id, size="0.002", price=f"{price * 0.61:.2f}").to_dict()["errors"] == []
    assert client.edit_order(order_id, size="0.002", price=f"{price * 0.61:.2f}").success
    assert settled(client, order_id).edit_history[0]["size"] == "0.002"
    client.cancel_orders([order_id])
    assert settled(client, order_id).status == "CANCELLED"
    refused = client.edit_order(order_id, size="0.003", price=f"{price * 0.61:.2f}").to_dict()
    assert refused["errors"][0]["edit_failure_reason"] == "ONLY_OPEN_ORDERS_CAN_BE_EDITED"


def test_portfolios_and_moving_money(client: RESTClient, transferring: RESTClient) -> None:
    name = uuid.uuid4().hex[:12]
    made = client.create_portfolio(name).portfolio
    assert client.edit_portfolio(made["uuid"], name + "x").portfolio["name"] == name + "x"
    home = next(p.uuid for p in client.get_portfolios().portfolios if p.type == "DEFAULT")
    with pytest.raises(requests.HTTPError) as refused:  # the first key may not transfer
        client.move_portfolio_funds("10", "USD", home, made["uuid"])
    assert refused.value.response.status_code == 403 and "missing required scopes" in str(refused.value).lower()
    transferring.move_portfolio_funds("10", "USD", home, made["uuid"])
    breakdown = client.get_portfolio_breakdown(made["uuid"]).breakdown
    assert breakdown.portfolio_balances["total_balance"]["value"] == "10"
    with pytest.raises(requests.HTTPError):
        client.delete_portfolio(made["uuid"])  # not empty
    transferring.move_portfolio_funds("10", "USD", made["uuid"], home)
    client.delete_portfolio(made["uuid"])
    assert made["uuid"] not in [p.uuid for p in client.get_portfolios().portfolios]


def test_convert(transferring: RESTClient) -> None:
    def usdc() -> float:
        found = [a for a in transferring.get_accounts(limit=250).accounts if a.currency == "USDC"]
        return float(found[0].available_balance["value"]) if found else 0.0

    before = usdc()
    quote = transferring.create_convert_quote("USD", "USDC", "25.5").trade
    assert quote.status == "TRADE_STATUS_CREATED"
    done = transferring.commit_convert_trade(quote.id, "USD", "USDC").trade
    assert done.status == "TRADE_STATUS_COMPLETED"
    assert transferring.get_convert_trade(quote.id, "USD", "USDC").trade.status == "TRADE_STATUS_COMPLETED"
    assert usdc() == before + 25.5


def test_an_account_without_futures_has_a_balance_and_no_positions(client: RESTClient) -> None:
    summary = client.get_futures_balance_summary().balance_summary
    (usd,) = [a for a in client.get_accounts(limit=250).accounts if a.currency == "USD"]
    cash = Decimal(usd.available_balance["value"]) + Decimal(usd.hold["value"])
    assert Decimal(summary.total_usd_balance["value"]) == Decimal(summary.cbi_usd_balance["value"]) == cash
    assert summary.cfm_usd_balance == {"value": "0", "currency": "USD"}
    assert client.list_futures_positions().positions == [] and client.list_futures_sweeps().sweeps == []


def test_what_is_not_spot_is_refused_in_the_venues_way(transferring: RESTClient) -> None:
    client = transferring  # sweeps and allocations move money
    for call in (
        client.get_intraday_margin_setting, client.cancel_pending_futures_sweep,
        lambda: client.get_futures_position("X"), lambda: client.schedule_futures_sweep("5"),
        lambda: client.get_current_margin_window("X"), lambda: client.set_intraday_margin_setting("X"),
        lambda: client.get_perps_portfolio_summary("x"), lambda: client.list_perps_positions("x"),
        lambda: client.get_perps_position("x", "y"), lambda: client.get_perps_portfolio_balances("x"),
        lambda: client.allocate_portfolio("x", "y", "1", "USD"),
        lambda: client.opt_in_or_out_multi_asset_collateral("x", True),
    ):  # fmt: skip
        with pytest.raises(requests.HTTPError) as refused:
            call()
        assert refused.value.response.status_code == 404 and refused.value.response.json()["error"] == "NOT_FOUND"
    assert client.get_products(product_type="FUTURE").products == []
    assert not client.close_position(uuid.uuid4().hex, "BTC-USD", "1").success


def test_a_refused_order_does_not_raise(client: RESTClient) -> None:
    answer = client.limit_order_gtc_buy(uuid.uuid4().hex, "BTC-USD", "30", f"{price_of(client) * 0.9:.2f}")
    assert not answer.success and answer.error_response["error"] == "INSUFFICIENT_FUND"


def test_errors_raise_with_the_venues_body(client: RESTClient) -> None:
    for call, status, text in (
        (lambda: client.get_product("NOPE-USD"), 404, "not supported"),
        (lambda: client.get_order("nope"), 404, "was not found"),
        (lambda: client.get_candles("BTC-USD", "1", "900000", "ONE_MINUTE"), 400, "less than 350"),
        (lambda: client.get_candles("BTC-USD", "1", "2", "TWO_MINUTE"), 400, "INVALID_ARGUMENT"),
        (lambda: client.get("/api/v3/brokerage/nope"), 404, "Not Found"),
    ):
        with pytest.raises(requests.HTTPError) as failed:
            call()
        assert failed.value.response.status_code == status and text in str(failed.value)


def test_eight_posts_at_once_make_one_order(shared_sim: Sim) -> None:
    mark, ids = uuid.uuid4().hex, []

    def post() -> None:
        ids.append(shared_sim.sdk().market_order_buy(mark, "BTC-USD", quote_size="10").success_response["order_id"])

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8 and len(set(ids)) == 1


class Box:
    """Frames that a socket's callback saw."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []

    def take(self, text: str) -> None:
        self.frames.append(json.loads(text))

    def wait(self, channel: str, kind: str | None = None, timeout: float = 40.0) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for frame in self.frames:
                if frame["channel"] == channel and kind in (None, frame["events"][0].get("type")):
                    return frame
            time.sleep(0.02)
        raise AssertionError(f"no {kind} on {channel}")


@pytest.mark.parametrize("name", ["key.json", "key_ed25519.json"])
def test_the_sdks_sockets_on_every_channel(shared_sim: Sim, name: str) -> None:
    key, box = shared_sim.key(name), Box()
    socket = WSClient(
        api_key=key["name"], api_secret=key["privateKey"], base_url=f"wss://{shared_sim.host}", on_message=box.take
    )
    socket.open()
    socket.subscribe(["BTC-USD"], CHANNELS)
    for channel in ("ticker", "l2_data", "market_trades", "candles"):
        box.wait(channel, "snapshot")
        if channel != "candles":  # those come every ten seconds
            box.wait(channel, "update")
    for channel in ("ticker_batch", "status", "user", "futures_balance_summary"):
        box.wait(channel, "snapshot")
    box.wait("heartbeats")
    shared_sim.sdk(name).market_order_buy(uuid.uuid4().hex, "BTC-USD", quote_size="10")
    assert box.wait("user", "update")["events"][0]["orders"][0]["product_id"] == "BTC-USD"
    box.wait("futures_balance_summary", "update")  # the cash has changed
    assert [f["sequence_num"] for f in box.frames] == list(range(len(box.frames)))
    socket.unsubscribe(["BTC-USD"], [c for c in CHANNELS if c != "heartbeats"])
    socket.close()


async def test_the_sdks_async_user_socket(shared_sim: Sim) -> None:
    key, box = shared_sim.key(), Box()
    socket = WSUserClient(
        api_key=key["name"], api_secret=key["privateKey"], base_url=f"wss://{shared_sim.host}", on_message=box.take
    )
    await socket.open_async()
    await socket.subscribe_async(["BTC-USD"], ["user", "heartbeats"])
    for _ in range(100):
        if any(frame["channel"] == "heartbeats" for frame in box.frames):
            break
        await asyncio.sleep(0.05)
    assert [frame["channel"] for frame in box.frames][:2] == ["user", "subscriptions"]
    await socket.unsubscribe_all_async()
    await socket.close_async()
