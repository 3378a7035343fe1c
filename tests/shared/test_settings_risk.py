"""Settings of risk, sizing, maker entries, scanner, live lock: ranges, round trip, contradictions, the canary."""

from pathlib import Path

import pytest

from shared.settings import PROFILES, Profile, SettingsError, keys, load, parse_base_caps, public_values

NONE = Path("/nonexistent/.env")
RISK_KEYS = (
    "REDUCE_ONLY", "MAX_PRODUCT_USD", "MAX_TOTAL_USD", "MAX_BASE", "MAX_DRAWDOWN_PCT", "MAX_CONSECUTIVE_LOSSES",
    "MAX_ERROR_RATE_PCT", "MAX_API_ERROR_PCT", "MAX_VOL_SPIKE", "MAX_SPREAD_PCT", "MIN_DEPTH_USD", "MAX_IMPACT_BP",
    "VOL_BAND_METHOD",
    "VOL_BAND_LOW_PCT", "VOL_BAND_HIGH_PCT", "SIZING", "FIXED_ORDER_USD", "TARGET_DAY_VOL_PCT", "KELLY_CAP_PCT",
    "KELLY_CONFIDENCE", "SCANNER_MAX_PRODUCTS", "SCANNER_MIN_VOLUME_USD", "ENTRY_ORDER", "MAKER_TIMEOUT_SEC",
    "MAKER_REPRICE_SEC", "LIVE_PERMISSION_DAYS",
)  # fmt: skip


def problems(**values: str) -> list[str]:
    try:
        load(NONE, values)
    except SettingsError as error:
        return error.problems
    return []


def test_what_is_shown_can_be_set_again_and_gives_the_same() -> None:
    for profile in Profile:
        first = load(NONE, {"PROFILE": profile.value}).settings
        values = public_values(first)
        again = load(NONE, {key: value for key, value in values.items() if value}).settings
        assert public_values(again) == values


@pytest.mark.parametrize("key", RISK_KEYS)
def test_each_has_a_sentence_of_help_and_a_default_that_holds(key: str) -> None:
    found = {name: (text, default) for name, text, default in keys()}
    text, default = found[key]
    assert text.endswith(".") and len(text) > 10
    if str(default):
        assert not problems(**{key: str(default)})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MAX_DRAWDOWN_PCT", "101"), ("MAX_DRAWDOWN_PCT", "-1"), ("MAX_DRAWDOWN_PCT", "nan"), ("SIZING", "martingale"),
        ("ENTRY_ORDER", "limit"), ("MAKER_TIMEOUT_SEC", "0"), ("MAX_VOL_SPIKE", "5"), ("SCANNER_MAX_PRODUCTS", "31"),
        ("KELLY_CONFIDENCE", "0"), ("LIVE_PERMISSION_DAYS", "31"), ("VOL_BAND_METHOD", "garch"), ("MAX_BASE", "BTC"),
        ("MAX_BASE", "BTC:0"), ("MAX_BASE", "btc:1"), ("MAX_BASE", "BTC:1e400x"),
    ],
)  # fmt: skip
def test_a_bad_value_names_key_and_value(key: str, value: str) -> None:
    assert [text for text in problems(**{key: value}) if text.startswith(f"{key}={value}")]


@pytest.mark.parametrize(
    "values",
    [
        {"ORDER_MIN_USD": "50", "MAX_ORDER_USD": "20"},
        {"MAX_ORDER_USD": "50", "MAX_PRODUCT_USD": "20"},
        {"MAX_PRODUCT_USD": "50", "MAX_TOTAL_USD": "20"},
        {"ORDER_MIN_USD": "50", "MAX_TOTAL_USD": "20"},
        {"SIZING": "fixed", "FIXED_ORDER_USD": "4"},
        {"VOL_BAND_LOW_PCT": "2", "VOL_BAND_HIGH_PCT": "1"},
        {"TRADING_WINDOW_UTC": "14:00-14:00"},
    ],
)
def test_limits_that_contradict_each_other_refuse_to_start(values: dict[str, str]) -> None:
    assert len(problems(**values)) == 1


def test_the_canary() -> None:
    canary = load(NONE, {"PROFILE": "canary"}).settings
    assert parse_base_caps(canary.max_base) == {"BTC": parse_base_caps("BTC:0.01")["BTC"]}
    assert (canary.max_daily_loss_usd, canary.trading_window_utc) == (10.0, "14:00-15:00")
    assert canary.products == ("BTC-USD",)


@pytest.mark.parametrize(
    "values",
    [
        {"MAX_DAILY_LOSS_USD": "10.01"},
        {"MAX_DAILY_LOSS_USD": "0"},
        {"MAX_BASE": "BTC:0.011"},
        {"MAX_BASE": "ETH:1"},
        {"PRODUCTS": "BTC-USD,ETH-USD"},
        {"TRADING_WINDOW_UTC": "13:59-15:00"},
        {"TRADING_WINDOW_UTC": "14:00-15:01"},
        {"TRADING_WINDOW_UTC": "14:30-14:10"},
        {"MAX_ORDER_USD": "101"},
        {"MAX_TOTAL_LOTS": "3"},
        {"SCANNER_MAX_PRODUCTS": "3"},
    ],
)
def test_a_canary_may_not_grow(values: dict[str, str]) -> None:
    assert problems(PROFILE="canary", **values)


@pytest.mark.parametrize(
    "values",
    [
        {"MAX_DAILY_LOSS_USD": "5"},
        {"MAX_BASE": "BTC:0.001"},
        {"TRADING_WINDOW_UTC": "14:10-14:50"},
        {"PRODUCTS": "BTC-USD,ETH-USD", "MAX_BASE": "BTC:0.01,ETH:0.1"},
    ],
)
def test_a_canary_may_be_tightened(values: dict[str, str]) -> None:
    assert not problems(PROFILE="canary", **values)


def test_an_unknown_profile_refuses_to_start() -> None:
    assert problems(PROFILE="canari")
    assert set(PROFILES) == set(Profile)
