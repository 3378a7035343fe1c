"""What previews tell beside their totals: brackets, TWAPs, ladders, the parts of the commission."""

from typing import Any

from pytest import approx

from tests.simulator.local import Local


def preview(x: Local, side: str, kind: str, attached: dict[str, Any] | None = None, **inner: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"product_id": "ABC-USD", "side": side, "order_configuration": {kind: inner}}
    if attached:
        body["attached_order_configuration"] = {"trigger_bracket_gtc": attached}
    found: dict[str, Any] = x.ok("POST", "/orders/preview", body)
    return found


def test_a_plain_order_has_none_of_them() -> None:
    found = preview(Local(), "BUY", "market_market_ioc", base_size="5")
    assert [found[name] for name in ("pnl_configuration", "twap_bucket_metadata", "scaled_metadata")] == [None] * 3
    assert found["est_average_filled_price"] == "100.1"
    detail = found["commission_detail_total"]
    assert detail["total_commission"] == detail["client_commission"] == found["commission_total"] == "4.5045"


def test_a_bracket_tells_gain_and_loss_from_the_last_price() -> None:
    x = Local()
    x.buy_base("10")
    found = preview(x, "SELL", "trigger_bracket_gtc", base_size="5", limit_price="110.00", stop_trigger_price="95.00")
    last = float(x.ok("GET", "/products/ABC-USD")["price"])
    pnl = found["pnl_configuration"]["trigger_bracket_pnl"]
    assert float(pnl["take_profit_pnl"]) == approx(5 * (110 - last)) and float(pnl["stop_loss_pnl"]) == approx(
        5 * (95 - last)
    )


def test_an_attached_bracket_tells_them_from_the_entrys_price() -> None:
    attached = {"limit_price": "110.00", "stop_trigger_price": "95.00"}
    found = preview(Local(), "BUY", "market_market_ioc", attached, base_size="5")
    pnl = found["pnl_configuration"]["trigger_bracket_pnl"]
    assert (pnl["take_profit_pnl"], pnl["stop_loss_pnl"]) == ("49.5", "-25.5")


def test_a_twap_tells_its_buckets() -> None:
    x = Local()
    end = "2025-11-08T01:00:00Z"
    found = preview(
        x, "BUY", "twap_limit_gtd", base_size="12", limit_price="101.00", end_time=end, bucket_duration="300s"
    )
    assert found["twap_bucket_metadata"] == {
        "bucket_duration": "300s", "bucket_size": "1", "number_buckets": "12",
        "start_time": "2025-11-08T00:00:00Z", "end_time": "2025-11-08T01:00:00Z",
    }  # fmt: skip


def test_a_ladder_tells_its_legs() -> None:
    terms = {"base_size": "4", "num_orders": 4, "min_price": "90.00", "max_price": "93.00"}
    shape = {"price_distribution": "FLAT", "size_distribution": "EVENLY_SPLIT"}
    found = preview(Local(), "BUY", "scaled_limit_gtc", **terms, **shape)
    legs = found["scaled_metadata"]["scaled_order_distribution"]
    assert [(leg["price"], leg["size"], leg["errs"]) for leg in legs] == [
        ("90", "1", []), ("91", "1", []), ("92", "1", []), ("93", "1", []),
    ]  # fmt: skip


def test_what_is_refused_still_has_every_field() -> None:
    x = Local()
    good = preview(x, "BUY", "market_market_ioc", base_size="10")
    refused = preview(x, "BUY", "market_market_ioc", base_size="0.000000001")
    assert refused["errs"] and set(refused) == set(good)
