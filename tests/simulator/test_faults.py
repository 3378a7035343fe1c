"""Each fault by name, seen from the client's side, and counted."""

import json
import time
import uuid
from itertools import pairwise

import httpx
import pytest
import requests
from websockets.exceptions import ConnectionClosed

from simulator import admin
from simulator.api.build import build
from simulator.api.delivery import Courier
from simulator.api.http import HttpRequest
from simulator.core.faults import BadFault, Fault, Faults, parse_fault
from tests.simulator.conftest import Sim
from tests.simulator.local import Local
from tests.simulator.streams import Stream


def test_latency_holds_an_answer_back(sim: Sim) -> None:
    sim.faults(latency={"hits": [1], "min_ms": 300, "max_ms": 400})
    with sim.http() as http:
        began = time.monotonic()
        assert http.get("/time").status_code == 200
        took = time.monotonic() - began
    assert 0.3 <= took < 0.9
    assert sim.strikes("latency") >= 1


def test_throttling_that_shows_as_401(sim: Sim) -> None:
    sim.faults(rate_limit={"rate": 1, "limit": 1, "body": "unauthorized"})
    with sim.http() as http:
        first, second = http.get("/time"), http.get("/time")
    assert (first.status_code, first.text, second.status_code) == (401, "Unauthorized\n", 200)


@pytest.mark.parametrize(
    ("body", "sign"), [("json", "rate_limit_exceeded"), ("grpc", "RATE_LIMIT"), ("html", "<html>")]
)
def test_429_in_each_spelling(sim: Sim, body: str, sign: str) -> None:
    sim.faults(rate_limit={"rate": 1, "limit": 1, "body": body})
    with sim.http() as http:
        first, second = http.get("/time"), http.get("/time")
    assert (first.status_code, second.status_code) == (429, 200)
    assert sign in first.text


@pytest.mark.parametrize("status", [500, 502, 503])
def test_5xx_comes_before_anything_is_done(sim: Sim, status: int) -> None:
    client, mark = sim.sdk(), uuid.uuid4().hex
    sim.faults(server_error={"rate": 1, "limit": 1, "method": "POST", "status": status})
    with pytest.raises(requests.HTTPError) as failed:
        client.market_order_buy(mark, "BTC-USD", quote_size="10")
    assert failed.value.response.status_code == status
    assert mark not in [order["client_order_id"] for order in client.list_orders(limit=20).to_dict()["orders"]]


def test_a_slow_body_trickles(sim: Sim) -> None:
    sim.faults(slow_body={"hits": [1], "ms": 500})
    with sim.http() as http:
        began = time.monotonic()
        assert http.get("/time").json()["epochSeconds"]
        assert 0.4 <= time.monotonic() - began < 1.5


def test_a_cut_body_is_noticed(sim: Sim) -> None:
    sim.faults(cut_body={"hits": [1]})
    with sim.http() as http, pytest.raises(httpx.RemoteProtocolError):
        http.get("/time")
    assert sim.strikes("cut_body") >= 1


def test_a_refused_connection(sim: Sim) -> None:
    sim.faults(connection_refused={"rate": 1, "limit": 1})
    with sim.http() as http:
        with pytest.raises(httpx.TransportError):
            http.get("/time")
        assert http.get("/time").status_code == 200


def test_an_order_whose_answer_was_lost_exists_once(sim: Sim) -> None:
    client, mark = sim.sdk(), uuid.uuid4().hex
    before = sim.strikes("response_lost")
    sim.faults(response_lost={"rate": 1, "limit": 1, "method": "POST", "match": "/orders"})
    with pytest.raises(requests.ConnectionError):
        client.market_order_buy(mark, "BTC-USD", quote_size="10")
    assert sim.strikes("response_lost") == before + 1
    found = [o for o in client.list_orders(limit=20).to_dict()["orders"] if o["client_order_id"] == mark]
    assert [order["status"] for order in found] == ["FILLED"]
    again = client.market_order_buy(mark, "BTC-USD", quote_size="10")
    assert again.success_response["order_id"] == found[0]["order_id"]


def _order_updates(stream: Stream, mark: str, seconds: float) -> list[str]:
    return [
        order["status"]
        for frame in stream.for_seconds(seconds)
        if frame.get("channel") == "user"
        for order in frame["events"][0]["orders"]
        if order["client_order_id"] == mark
    ]


def test_a_fill_told_twice(sim: Sim) -> None:
    mark = uuid.uuid4().hex
    with Stream(sim) as stream:
        stream.subscribe("user")
        stream.until("subscriptions")
        sim.faults(duplicate_fill={"rate": 1})
        sim.sdk().market_order_buy(mark, "BTC-USD", quote_size="10")
        assert _order_updates(stream, mark, 0.7) == ["OPEN", "FILLED", "FILLED"]
    assert sim.strikes("duplicate_fill") >= 1


def test_a_fill_told_late(sim: Sim) -> None:
    mark = uuid.uuid4().hex
    with Stream(sim) as stream:
        stream.subscribe("user")
        stream.until("subscriptions")
        sim.faults(delayed_fill={"rate": 1, "ms": 700})
        sim.sdk().market_order_buy(mark, "BTC-USD", quote_size="10")
        assert _order_updates(stream, mark, 0.4) == ["OPEN"]
        assert _order_updates(stream, mark, 0.8) == ["FILLED"]


def test_the_stream_is_closed(sim: Sim) -> None:
    with Stream(sim) as stream:
        stream.subscribe("heartbeats")
        stream.until("heartbeats")
        sim.faults(ws_close={"rate": 1, "code": 1012})
        with pytest.raises(ConnectionClosed) as closed:
            stream.for_seconds(3)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012


def test_a_stream_dies_in_silence(sim: Sim) -> None:
    with Stream(sim) as stream:
        stream.subscribe("ticker")
        stream.until("ticker")
        sim.faults(silent_death={"rate": 1, "limit": 1})
        for _ in range(20):
            if sim.strikes("silent_death"):
                break
            stream.for_seconds(0.2)
        sim.clear()
        stream.for_seconds(0.1)
        assert stream.for_seconds(1.2) == []
        stream.socket.ping().wait(2)  # the socket itself is alive
    assert sim.strikes("silent_death") >= 1


def _numbers(sim: Sim, **fault: dict[str, object]) -> list[int]:
    with Stream(sim) as stream:
        stream.subscribe("ticker")  # of all products: several a second
        stream.until("subscriptions")
        sim.faults(**fault)
        numbers: list[int] = []
        for _ in range(6):
            numbers += [frame["sequence_num"] for frame in stream.for_seconds(0.7)]
            if len(numbers) > 3:
                break
        return numbers


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ({"drop_message": {"hits": [2], "match": "ticker"}}, 2),
        ({"double_message": {"hits": [1], "match": "ticker"}}, 0),
        ({"reorder_message": {"hits": [1], "match": "ticker"}}, -1),
        ({"sequence_gap": {"hits": [2], "jump": 7}}, 8),
    ],
    ids=["drop", "double", "reorder", "gap"],
)
def test_numbers_show_what_happened(sim: Sim, fault: dict[str, dict[str, object]], step: int) -> None:
    """Once, whatever came before: frames that were sent before the fault was armed may still wait in the socket."""
    name = next(iter(fault))
    before = sim.strikes(name)
    numbers = _numbers(sim, **fault)
    assert [after - before for before, after in pairwise(numbers)].count(step) == 1, numbers
    assert sim.strikes(name) == before + 1


def test_the_clock_is_off(sim: Sim) -> None:
    until = int((time.time() + 60) * 1e6)
    sim.faults(clock_skew={"until_us": until, "ms": -300_000})
    client = sim.sdk()
    with sim.http() as http:
        off = int(http.get("/time").json()["epochMillis"]) / 1000 - time.time()
    assert -302 < off < -298
    with pytest.raises(requests.HTTPError) as refused:  # the client's tokens are from the future now
        client.get_accounts()
    assert refused.value.response.status_code == 401


def test_maintenance(sim: Sim) -> None:
    with Stream(sim) as stream:
        stream.subscribe("heartbeats")
        stream.until("subscriptions")
        sim.faults(maintenance={"until_us": int((time.time() + 1.0) * 1e6)})
        with pytest.raises(ConnectionClosed):
            stream.for_seconds(2)
    with sim.http() as http:
        assert http.get("/time").status_code == 503
        time.sleep(1.0)
        assert http.get("/time").status_code == 200
    assert sim.strikes("maintenance") >= 1


def test_latency_of_a_long_tail_is_mostly_short() -> None:
    x = Local()
    faults = Faults(1)
    faults.arm(parse_fault("latency", {"rate": 1, "min_ms": 10, "max_ms": 1010, "shape": "long_tail"}))
    courier = Courier(build(x.venue.api), faults, 1)
    delays = sorted(courier.deliver(HttpRequest.of("GET", "/v2/time", {}, b"")).delay_us / 1000 for _ in range(400))
    assert delays[0] >= 10 and delays[-1] <= 1010
    assert delays[200] < 120 and delays[-20] > 500


def test_a_window_of_time_strikes_inside_it_alone() -> None:
    faults = Faults(1)
    faults.arm(parse_fault("drop_message", {"from_us": 100, "until_us": 200}))
    struck = [t for t in range(0, 300, 50) if faults.strike(Fault.DROP_MESSAGE, t, "ticker")]
    assert struck == [100, 150]
    assert faults.counters()["drop_message"] == 2


def test_a_schedule_in_seconds_counts_from_when_it_was_armed_and_may_return() -> None:
    faults = Faults(1)
    faults.arm(parse_fault("latency", {"after_s": 10, "for_s": 2, "every_s": 30}, 5_000_000))
    struck = [s for s in range(100) if faults.strike(Fault.LATENCY, s * 1_000_000, "/orders", "POST")]
    assert struck == [15, 16, 45, 46, 75, 76]
    faults.arm(parse_fault("latency", {"after_s": 1, "for_s": 5, "rate": 0.5, "match": "orders", "method": "POST"}))
    inside = [faults.strike(Fault.LATENCY, 2_000_000, "/orders", "POST") is not None for _ in range(400)]
    assert 150 < sum(inside) < 250
    assert not any(faults.strike(Fault.LATENCY, at, "/orders", "POST") for at in (0, 7_000_000))
    assert not faults.strike(Fault.LATENCY, 2_000_000, "/accounts", "POST")
    assert not faults.strike(Fault.LATENCY, 2_000_000, "/orders", "GET")
    assert faults.counters()["latency"] == 6 + sum(inside)


def test_a_schedule_over_the_admin_port(sim: Sim) -> None:
    before = sim.strikes("rate_limit")
    sim.faults(rate_limit={"after_s": 0.6, "for_s": 0.8})
    with sim.http() as http:
        seen = []
        for _ in range(20):
            seen.append(http.get("/time").status_code)
            time.sleep(0.1)
    assert seen[0] == seen[-1] == 200 and 429 in seen
    assert sim.strikes("rate_limit") == before + seen.count(429)


def test_a_cancel_stays_queued(sim: Sim) -> None:
    client = sim.sdk()
    price = float(client.get_product("BTC-USD").price)
    made = client.limit_order_gtc_buy(uuid.uuid4().hex, "BTC-USD", "0.001", f"{price * 0.5:.2f}")
    order_id = made.success_response["order_id"]
    sim.faults(queue_delay={"hits": [1], "ms": 60_000, "match": "cancel"})
    assert client.cancel_orders([order_id]).results[0].success
    time.sleep(0.2)
    order = client.get_order(order_id).order
    assert (order.status, order.pending_cancel) == ("CANCEL_QUEUED", True)
    assert client.cancel_orders([order_id]).results[0].failure_reason == "DUPLICATE_CANCEL_REQUEST"
    assert sim.strikes("queue_delay") == 1


def test_a_rate_strikes_about_so_often_and_equally_for_a_seed() -> None:
    def strikes(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.arm(parse_fault("latency", {"rate": 0.25}))
        return [faults.strike(Fault.LATENCY, 0) is not None for _ in range(4000)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 850 < sum(strikes(1)) < 1150


def test_every_fault_can_be_armed_and_disarmed(sim: Sim) -> None:
    for fault in Fault:
        sim.faults(**{fault.value: {"hits": [1_000_000]}})
    for fault in Fault:
        sim.faults(**{fault.value: {}})
    with sim.http() as http:
        assert http.get("/time").status_code == 200


@pytest.mark.parametrize(
    "raw",
    [
        ("nonsense", {"rate": 1}), ("latency", {"rate": 2}), ("latency", {"rate": "often"}),
        ("latency", {"min_ms": -1}), ("rate_limit", {"body": "xml"}), ("latency", {"hits": [0]}),
        ("latency", {"until_us": "soon"}), ("latency", {"after_s": -1}), ("latency", {"for_s": "long"}),
        ("latency", {"every_s": 5}), ("latency", {"for_s": 5, "every_s": 5}), ("latency", {"for_s": 5, "from_us": 1}),
        ("ws_close", {"code": 5}), ("latency", {"colour": "red"}),
    ],
)  # fmt: skip
def test_a_fault_that_makes_no_sense_is_refused(raw: tuple[str, dict[str, object]]) -> None:
    with pytest.raises(BadFault):
        parse_fault(*raw)


def test_the_admin_port_wants_its_token(sim: Sim) -> None:
    url = f"http://127.0.0.1:{sim.admin_port}/faults"
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, headers={"Authorization": "Bearer wrong"}, trust_env=False).status_code == 401


def test_faults_come_from_a_file_too(own_sim: Sim) -> None:
    (own_sim.folder / "sim").mkdir()
    armed = {"rate_limit": {"hits": [1]}, "server_error": {"after_s": 3600, "for_s": 1, "every_s": 60}}
    (own_sim.folder / "sim" / "faults.json").write_text(json.dumps(armed))
    own_sim.start()
    with own_sim.http() as http:
        assert [http.get("/time").status_code for _ in range(2)] == [429, 200]
    shown = admin.get_faults(own_sim.paths, own_sim.admin_settings)["armed"]["server_error"]
    assert shown["every_us"] == 60_000_000 and shown["from_us"] > time.time() * 1e6
