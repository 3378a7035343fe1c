"""The shapes of stream messages: names, their order, types; snapshots before acks; one number per connection."""

import json
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.api.order_views import order_view
from simulator.api.ws.frames import Envelope
from simulator.exchange import Config
from simulator.inprocess import LocalExchange, LocalStream

ENVELOPE = ["channel", "timestamp", "sequence_num", "events"]
TICKER = [
    "type", "product_id", "price", "volume_24_h", "low_24_h", "high_24_h", "low_52_w", "high_52_w",
    "price_percent_chg_24_h",
]  # fmt: skip
# What one element of an event's list holds, in order; all of it is text.
ROWS: dict[str, tuple[str, list[str]]] = {
    "ticker": ("tickers", [*TICKER, "best_bid", "best_ask", "best_bid_quantity", "best_ask_quantity"]),
    "ticker_batch": ("tickers", TICKER),
    "l2_data": ("updates", ["side", "event_time", "price_level", "new_quantity"]),
    "market_trades": ("trades", ["product_id", "trade_id", "price", "size", "time", "side"]),
    "candles": ("candles", ["start", "high", "low", "open", "close", "volume", "product_id"]),
    "status": (
        "products",
        ["product_type", "id", "base_currency", "quote_currency", "base_increment", "quote_increment", "display_name",
         "status", "status_message", "min_market_funds"],
    ),
    "user": (
        "orders",
        ["avg_price", "cancel_reason", "client_order_id", "completion_percentage", "contract_expiry_type",
         "cumulative_quantity", "filled_value", "leaves_quantity", "limit_price", "number_of_fills", "order_id",
         "order_side", "order_type", "outstanding_hold_amount", "post_only", "product_id", "product_type",
         "reject_reason", "retail_portfolio_id", "risk_managed_by", "status", "stop_price", "time_in_force",
         "total_fees", "total_value_after_fees", "trigger_status", "creation_time", "end_time", "start_time"],
    ),
}  # fmt: skip
EVENT_KEYS = {"l2_data": ["type", "product_id", "updates"], "user": ["type", "orders", "positions"]}
SUBSCRIBE_NAMES = {"l2_data": "level2"}


def venue(*, client_id: bool = False) -> LocalExchange:
    return LocalExchange(market="lively", config=Config(client_id=client_id, levels=400))


def say(
    stream: LocalStream, channel: str, products: list[str] | None = None, kind: str = "subscribe", **more: Any
) -> None:
    stream.send(json.dumps({"type": kind, "channel": channel, "product_ids": products or []} | more))


def take(stream: LocalStream) -> list[dict[str, Any]]:
    return [json.loads(text) for text in stream.take()]


def run(exchange: LocalExchange, stream: LocalStream, seconds: int) -> list[dict[str, Any]]:
    found = []
    for _ in range(seconds):
        exchange.advance(exchange.now_us + 1_000_000)
        found += take(stream)
    return found


@pytest.mark.parametrize("channel", [name for name in ROWS if name != "user"])
def test_every_market_channel_has_the_recorded_shape(channel: str) -> None:
    exchange = venue()
    stream = exchange.connect()
    say(stream, SUBSCRIBE_NAMES.get(channel, channel), ["ETH-USD"])
    frames = take(stream)
    assert [f["channel"] for f in frames] == [channel, "subscriptions"]  # the snapshot comes before the ack
    frames += run(exchange, stream, 20)
    name, fields = ROWS[channel]
    kinds = []
    for frame in (f for f in frames if f["channel"] == channel):
        assert list(frame) == ENVELOPE
        (event,) = frame["events"]
        assert list(event) == EVENT_KEYS.get(channel, ["type", name])
        kinds.append(event["type"])
        for row in event[name]:
            assert list(row) == fields
            assert all(isinstance(value, str) for value in row.values())
    assert kinds[0] == "snapshot" and set(kinds[1:]) == {"update"}


def test_client_id_stands_where_the_sdk_looks_for_it() -> None:
    exchange = venue(client_id=True)
    stream = exchange.connect()
    say(stream, "heartbeats")
    for frame in run(exchange, stream, 2):
        assert list(frame) == ["channel", "client_id", *ENVELOPE[1:]] and frame["client_id"] == ""


def test_heartbeats_count_seconds_as_whole_numbers() -> None:
    exchange = venue()
    stream = exchange.connect()
    say(stream, "heartbeats")
    beats = [f["events"][0] for f in run(exchange, stream, 5) if f["channel"] == "heartbeats"]
    counters = [beat["heartbeat_counter"] for beat in beats]
    assert counters == list(range(counters[0], counters[0] + len(counters))) and len(beats) >= 5
    assert list(beats[0]) == ["current_time", "heartbeat_counter"] and " +0000 UTC m=+" in beats[0]["current_time"]


def test_one_number_for_all_frames_of_a_connection_from_zero_without_a_gap() -> None:
    exchange = venue()
    stream, other = exchange.connect(), exchange.connect()
    for channel in ("heartbeats", "ticker", "level2", "market_trades", "candles", "status"):
        say(stream, channel, [] if channel == "heartbeats" else ["BTC-USD", "ETH-USD"])
    say(other, "heartbeats")
    for frames in (run(exchange, stream, 10), run(exchange, other, 2)):
        assert [f["sequence_num"] for f in frames] == list(range(len(frames)))


def test_acks_show_the_whole_set_and_in_the_end_nothing() -> None:
    exchange = venue()
    stream = exchange.connect()
    say(stream, "ticker", ["ETH-USD", "BTC-USD"])
    say(stream, "heartbeats")
    say(stream, "ticker", ["BTC-USD"], "unsubscribe")
    say(stream, "ticker", None, "unsubscribe")
    say(stream, "heartbeats", None, "unsubscribe")
    acks = [f["events"][0]["subscriptions"] for f in take(stream) if f["channel"] == "subscriptions"]
    assert acks == [
        {"ticker": ["BTC-USD", "ETH-USD"]},
        {"heartbeats": ["heartbeats"], "ticker": ["BTC-USD", "ETH-USD"]},
        {"heartbeats": ["heartbeats"], "ticker": ["ETH-USD"]},
        {"heartbeats": ["heartbeats"]},
        {},
    ]
    assert run(exchange, stream, 3) == []


def test_the_book_is_never_crossed_after_a_frame_and_equals_rest() -> None:
    exchange = venue()
    stream = exchange.connect()
    say(stream, "level2", ["BTC-USD"])
    sides: dict[str, dict[float, float]] = {"bid": {}, "offer": {}}
    for frame in take(stream) + run(exchange, stream, 60):
        if frame["channel"] != "l2_data":
            continue
        for row in frame["events"][0]["updates"]:
            price, size = float(row["price_level"]), float(row["new_quantity"])
            if size:
                sides[row["side"]][price] = size
            else:
                sides[row["side"]].pop(price, None)
        assert max(sides["bid"]) < min(sides["offer"])
    book = json.loads(
        exchange.request("GET", "/api/v3/brokerage/market/product_book?product_id=BTC-USD&limit=50").response.body
    )["pricebook"]
    for name, side in (("bids", sorted(sides["bid"].items(), reverse=True)), ("asks", sorted(sides["offer"].items()))):
        assert [(float(row["price"]), float(row["size"])) for row in book[name]] == side[:50]


def test_the_snapshot_lists_bids_falling_then_offers_rising() -> None:
    exchange = venue()
    stream = exchange.connect()
    say(stream, "level2", ["BTC-USD"])
    rows = take(stream)[0]["events"][0]["updates"]
    bids = [float(r["price_level"]) for r in rows if r["side"] == "bid"]
    offers = [float(r["price_level"]) for r in rows if r["side"] == "offer"]
    assert [r["side"] for r in rows] == ["bid"] * len(bids) + ["offer"] * len(offers)
    assert bids == sorted(bids, reverse=True) and offers == sorted(offers) and len(rows) > 700


def test_a_trades_side_is_its_makers_and_ids_rise_by_one() -> None:
    exchange = venue()
    key = exchange.issue_key()
    stream = exchange.connect()
    say(stream, "market_trades", ["BTC-USD"])
    trades = [t for f in take(stream)[:1] for t in reversed(f["events"][0]["trades"])]
    for frame in run(exchange, stream, 30):
        if frame["channel"] == "market_trades":
            trades += reversed(frame["events"][0]["trades"])
    numbers = [int(t["trade_id"]) for t in trades]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and len(numbers) > 110
    _buy(exchange, key)
    (ours,) = [t for f in run(exchange, stream, 1) if f["channel"] == "market_trades"
               for t in f["events"][0]["trades"] if t["size"] == "0.0001"]  # fmt: skip
    assert ours["side"] == "SELL"  # we bought: the maker sold


def _token(exchange: LocalExchange, key: dict[str, str], uri: str | None = None) -> str:
    now = exchange.now_us // 1_000_000
    claims = {"sub": key["name"], "iss": "cdp", "nbf": now, "exp": now + 120} | ({"uri": uri} if uri else {})
    return jwt.encode(claims, key["privateKey"], "ES256", {"kid": key["name"]})


def _buy(exchange: LocalExchange, key: dict[str, str], kind: str = "market_market_ioc", **inner: Any) -> dict[str, Any]:
    path = "/api/v3/brokerage/orders"
    body = {
        "client_order_id": f"c{exchange.now_us}", "product_id": "BTC-USD", "side": "BUY",
        "order_configuration": {kind: inner or {"base_size": "0.0001"}},
    }  # fmt: skip
    headers = {"authorization": "Bearer " + _token(exchange, key, f"POST 127.0.0.1:8790{path}")}
    found: dict[str, Any] = json.loads(exchange.request("POST", path, headers, json.dumps(body).encode()).response.body)
    return found


def test_the_user_channel_tells_cumulative_orders_and_agrees_with_rest() -> None:
    exchange = venue()
    key = exchange.issue_key()
    stream = exchange.connect()
    say(stream, "user", jwt=_token(exchange, key))
    snapshot, ack = take(stream)
    assert snapshot["events"] == [
        {
            "type": "snapshot", "orders": [],
            "positions": {
                "perpetual_futures_positions": [], "expiring_futures_positions": [], "prediction_market_positions": [],
            },
        }
    ]  # fmt: skip
    assert ack["events"] == [{"subscriptions": {"user": [exchange.exchange.venue.user_id]}}]
    order_id = _buy(exchange, key)["order_id"]
    updates = [f["events"][0] for f in take(stream)]
    assert [e["orders"][0]["status"] for e in updates] == ["OPEN", "FILLED"]
    for event in updates:
        assert list(event) == EVENT_KEYS["user"] and list(event["orders"][0]) == ROWS["user"][1]
        assert all(isinstance(value, str) for value in event["orders"][0].values())
    last = updates[-1]["orders"][0]
    order = exchange.exchange.find(order_id)
    assert order is not None
    rest = order_view(order, "")
    for wire, name in (
        ("cumulative_quantity", "filled_size"), ("avg_price", "average_filled_price"), ("total_fees", "total_fees"),
        ("filled_value", "filled_value"), ("status", "status"), ("number_of_fills", "number_of_fills"),
    ):  # fmt: skip
        assert last[wire] == rest[name]


def test_the_user_snapshot_comes_in_fifties() -> None:
    exchange = venue()
    key = exchange.issue_key()
    exchange.api.enforce_limits = False
    for i in range(60):
        exchange.advance(exchange.now_us + 1)
        assert _buy(exchange, key, "limit_limit_gtc", base_size="0.0001", limit_price=f"{30_000 + i}.00")["success"]
    stream = exchange.connect()
    say(stream, "user", jwt=_token(exchange, key))
    assert [len(f["events"][0]["orders"]) for f in take(stream)[:2]] == [50, 10]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{", "failure to parse message"),
        ("[]", "failure to parse message"),
        ('{"type":"subscribe"}', "failure to subscribe"),
        ('{"type":"subscribe","channel":"nope"}', "failure to subscribe"),
        ('{"type":"subscribe","channel":"ticker","product_ids":["NO-PE"]}', "failure to subscribe"),
        ('{"type":"subscribe","channel":"ticker","product_ids":"BTC-USD"}', "failure to subscribe"),
        ('{"type":"subscribe","channel":"user"}', "authentication failure"),
        ('{"type":"subscribe","channel":"user","jwt":"x.y.z"}', "authentication failure"),
        ('{"type":"subscribe","channel":"ticker","jwt":5}', "authentication failure"),
    ],
)
def test_wrong_messages_get_an_error_frame_and_the_connection_lives(text: str, answer: str) -> None:
    exchange = venue()
    stream = exchange.connect()
    stream.send(text)
    assert take(stream) == [{"type": "error", "message": answer}]
    say(stream, "heartbeats")
    assert take(stream)[0]["channel"] == "subscriptions"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def fuzzed() -> tuple[LocalExchange, LocalStream]:
    exchange = LocalExchange(config=Config(levels=20, enforce_rate_limits=False))
    return exchange, exchange.connect()


@settings(max_examples=600, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["subscribe", "unsubscribe"]) | JUNK,
            "channel": st.sampled_from(["ticker", "level2", "user", "heartbeats", "candles", "status"]) | JUNK,
            "product_ids": st.lists(st.sampled_from(["BTC-USD", "ETH-USD", "BTC-USDC", "NO-PE"]), max_size=3) | JUNK,
            "jwt": JUNK,
        },
    )
    | JUNK
)
def test_no_message_breaks_a_stream(fuzzed: tuple[LocalExchange, LocalStream], message: Any) -> None:
    exchange, stream = fuzzed
    try:
        stream.send(json.dumps(message))
    except UnicodeEncodeError:
        return
    for frame in take(stream):
        assert frame.get("type") == "error" or next(iter(frame)) == "channel"
    assert stream.close_code is None
    exchange.advance(exchange.now_us + 1_000)


def test_who_talks_too_much_is_told_so() -> None:
    exchange = venue()
    stream = exchange.connect()
    for _ in range(12):
        say(stream, "heartbeats")
    assert {"type": "error", "message": "rate limit exceeded"} in take(stream)


def test_unsigned_messages_are_counted_by_address() -> None:
    exchange = venue()
    hub, now_us = exchange.hub, exchange.now_us
    streams = [LocalStream(exchange, hub.connect(now_us, client="10.0.0.1")) for _ in range(3)]
    for stream in streams:
        for _ in range(4):
            say(stream, "heartbeats")
    told = [sum(frame.get("message") == "rate limit exceeded" for frame in take(stream)) for stream in streams]
    assert told == [0, 0, 4]
    other = LocalStream(exchange, hub.connect(now_us, client="10.0.0.2"))
    say(other, "heartbeats")
    assert take(other)[0]["channel"] == "subscriptions"


def test_who_never_subscribes_is_closed_after_five_seconds() -> None:
    exchange = venue()
    stream = exchange.connect()
    exchange.advance(exchange.now_us + 4_000_000)
    assert stream.close_code is None
    exchange.advance(exchange.now_us + 2_000_000)
    assert stream.close_code == 1000


def test_closed_candles_agree_on_the_stream_on_rest_and_with_minutes() -> None:
    exchange = venue()
    stream = exchange.connect()
    say(stream, "candles", ["BTC-USD"])
    seen: dict[str, dict[str, str]] = {}
    for frame in run(exchange, stream, 660):
        if frame["channel"] == "candles":
            for candle in frame["events"][0]["candles"]:
                seen[candle["start"]] = candle
    start = exchange.now_us // 1_000_000 // 300 * 300 - 300

    def candles(granularity: str, first: int, last: int) -> list[dict[str, str]]:
        path = f"/api/v3/brokerage/market/products/BTC-USD/candles?granularity={granularity}&start={first}&end={last}"
        found: list[dict[str, str]] = json.loads(exchange.request("GET", path).response.body)["candles"]
        return found

    (five,) = candles("FIVE_MINUTE", start, start)
    minutes = candles("ONE_MINUTE", start, start + 299)[::-1]
    streamed = {k: v for k, v in seen[str(start)].items() if k != "product_id"}
    assert {k: streamed[k] for k in five} == five
    assert five["open"] == minutes[0]["open"] and five["close"] == minutes[-1]["close"]
    assert float(five["high"]) == max(float(m["high"]) for m in minutes)
    assert float(five["low"]) == min(float(m["low"]) for m in minutes)
    assert round(sum(float(m["volume"]) for m in minutes), 8) == float(five["volume"])


@pytest.mark.parametrize("channel", ["ticker", "level2", "market_trades", "candles", "ticker_batch", "status"])
def test_an_alias_brings_the_messages_of_the_book_that_it_shares(channel: str) -> None:
    exchange = venue()
    alias, itself = exchange.connect(), exchange.connect()
    say(alias, channel, ["BTC-USDC"])
    say(itself, channel, ["BTC-USD"])
    found = []
    for stream in (alias, itself):
        frames = take(stream)
        assert frames[-1]["channel"] == "subscriptions"
        found.append(frames[:-1])
    for _ in range(12):
        exchange.advance(exchange.now_us + 1_000_000)
        for seen, stream in zip(found, (alias, itself), strict=True):
            seen.extend(take(stream))
    shown = [[(f["channel"], f["events"]) for f in frames] for frames in found]
    assert shown[0] == shown[1] and len(shown[0]) > 1
    assert '"BTC-USDC"' not in json.dumps(shown[0])


def test_an_alias_beside_its_product_is_one_stream_until_both_are_gone() -> None:
    exchange = venue()
    stream = exchange.connect()
    say(stream, "level2", ["BTC-USD", "BTC-USDC"])
    frames = take(stream)
    assert [f["channel"] for f in frames] == ["l2_data", "subscriptions"]
    assert frames[-1]["events"][0]["subscriptions"] == {"level2": ["BTC-USD", "BTC-USDC"]}
    say(stream, "level2", ["BTC-USD"], "unsubscribe")
    assert take(stream)[-1]["events"][0]["subscriptions"] == {"level2": ["BTC-USDC"]}
    assert any(f["channel"] == "l2_data" for f in run(exchange, stream, 3))
    say(stream, "level2", ["BTC-USDC"], "unsubscribe")
    assert take(stream)[-1]["events"] == [{"subscriptions": {}}]
    assert run(exchange, stream, 3) == []


def test_the_time_of_messages_never_goes_back() -> None:
    exchange = venue()
    stream = exchange.connect()
    for channel in ("heartbeats", "ticker", "level2", "market_trades", "candles", "status"):
        say(stream, channel, [] if channel == "heartbeats" else ["BTC-USD", "ETH-USD"])
    times = [f["timestamp"] for f in run(exchange, stream, 20)]
    padded = [f"{base}.{fraction:0<9}" for base, _, fraction in (t[:-1].partition(".") for t in times)]
    assert padded == sorted(padded) and len(padded) == len(set(padded)) > 150


def test_a_clock_that_was_set_back_begins_a_new_time() -> None:
    envelope = Envelope(client_id=False)
    stamps = [envelope.head("x", at).split('"')[7] for at in (90_000_000, 89_999_000, 90_000_000, 80_000_000)]
    assert stamps[:3] == sorted(stamps[:3]) and stamps[3] < "1970-01-01T00:01:21"
