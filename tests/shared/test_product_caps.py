"""MAX_PRODUCT_USD as one figure, as caps by coin, as both, and by name; PRODUCTS by name."""

from pathlib import Path

import pytest

from shared.live_permission import bound_values
from shared.settings import Settings, SettingsError, load, public_values

NONE = Path("/nonexistent/.env")


def loaded(**values: str) -> Settings:
    return load(NONE, values).settings


@pytest.mark.parametrize(
    ("text", "btc", "eth", "sol"),
    [
        ("2000", 2000, 2000, 2000), ("BTC:5000,ETH:2000", 5000, 2000, 0), ("1000, BTC:5000", 5000, 1000, 1000),
        ("BTC:5000,1000", 5000, 1000, 1000), ("0", 0, 0, 0), ("largest-10", 5000, 5000, 2500),
    ],
)  # fmt: skip
def test_each_form(text: str, btc: float, eth: float, sol: float) -> None:
    s = loaded(MAX_PRODUCT_USD=text)
    assert [s.product_cap_usd(name) for name in ("BTC-USD", "ETH-USD", "SOL-USD")] == [btc, eth, sol]
    again = loaded(MAX_PRODUCT_USD=public_values(s)["MAX_PRODUCT_USD"])
    assert (again.max_product_usd, again.product_caps) == (s.max_product_usd, s.product_caps)


@pytest.mark.parametrize(
    "text", ["BTC", "BTC:", "btc:5", "BTC:0", "BTC:-5", "1,2,BTC:5", "BTC:1e12", "BTC:5;ETH:2", "x,BTC:5"]
)
def test_another_form_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="MAX_PRODUCT_USD"):
        loaded(MAX_PRODUCT_USD=text)


def test_caps_below_an_order_or_above_all_contradict() -> None:
    with pytest.raises(SettingsError, match="MAX_ORDER_USD=500 is above MAX_PRODUCT_USD=200"):
        loaded(MAX_ORDER_USD="500", MAX_PRODUCT_USD="1000,ETH:200")
    loaded(MAX_ORDER_USD="500", MAX_PRODUCT_USD="1000,LTC:200")  # LTC is not traded
    with pytest.raises(SettingsError, match=r"CORRELATION_LIMIT=0\.8 has no effect by itself"):
        loaded(CORRELATION_LIMIT="0.8")
    loaded(CORRELATION_LIMIT="0.8", MAX_PRODUCT_USD="BTC:100")


def test_a_cap_binds_the_live_permission() -> None:
    one, other = loaded(MAX_PRODUCT_USD="BTC:5000,ETH:2000"), loaded(MAX_PRODUCT_USD="BTC:5000,ETH:2001")
    assert bound_values(one) != bound_values(other)
    for key, value in (("VOLATILITY_MULT", "3"), ("CORRELATION_LIMIT", "0.5"), ("VOLATILITY_WINDOW", "30")):
        assert bound_values(loaded(MAX_PRODUCT_USD="9")) != bound_values(loaded(MAX_PRODUCT_USD="9", **{key: value})), (
            key
        )


def test_large_caps_are_kept_to_the_dollar() -> None:
    one, other = loaded(MAX_PRODUCT_USD="2000000,BTC:1234567"), loaded(MAX_PRODUCT_USD="2000000,BTC:1234568")
    assert public_values(one)["MAX_PRODUCT_USD"] == "2000000,BTC:1234567"
    assert bound_values(one) != bound_values(other)


def test_windows_must_fit_into_the_bars_that_are_kept() -> None:
    loaded(VOLATILITY_MULT="3", VOLATILITY_WINDOW="99", MAX_HISTORY_CANDLES="100")
    loaded(VOLATILITY_WINDOW="5000")  # nobody asks for it
    for terms in (
        {"VOLATILITY_MULT": "3", "VOLATILITY_WINDOW": "100"},
        {"VOLATILITY_MULT": "3", "VOLATILITY_METHOD": "atr", "ATR_WINDOW": "100"},
        {"CORRELATION_LIMIT": "0.8", "CORRELATION_WINDOW": "100", "MAX_PRODUCT_USD": "50"},
    ):
        with pytest.raises(SettingsError, match="WINDOW=100 needs more bars than MAX_HISTORY_CANDLES=100"):
            loaded(MAX_HISTORY_CANDLES="100", **terms)


def test_the_ten_largest_by_name() -> None:
    s = loaded(PRODUCTS="largest-10", MAX_PRODUCT_USD="largest-10")
    assert len(s.products) == 10 and s.products[:2] == ("BTC-USD", "ETH-USD") and "LINK-USD" in s.products
    assert all(s.product_cap_usd(product) > 0 for product in s.products)
    assert s.max_product_usd == 0
