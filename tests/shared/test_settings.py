"""Settings: whatever is wrong is refused with the key, the value and what is allowed; secrets stay out of sight."""

from pathlib import Path

import pytest

from shared.setting_table import RULES
from shared.settings import Mode, Settings, SettingsError, keys, load, public_values


def env_file(tmp_path: Path, text: str = "", mode: int = 0o600) -> Path:
    path = tmp_path / ".env"
    path.write_text(text)
    path.chmod(mode)
    return path


def problems(tmp_path: Path, environ: dict[str, str], text: str = "") -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(env_file(tmp_path, text), environ)
    return error.value.problems


def _out_of_range() -> list[tuple[str, str]]:
    """Below, above, and not a number, for every number of the table."""
    found = []
    for key, _, default in keys():
        rule = RULES[key]
        if rule.low is None or rule.high is None:
            continue
        step = 1 if isinstance(default, int) else 0.0001 * max(1.0, abs(rule.high))
        found += [(key, f"{rule.low - max(step, 1e-9)!r}"), (key, f"{rule.high + step!r}")]
        found += [(key, bad) for bad in ("nan", "inf", "abc", "1,5")]
    return found


def _wrong_words() -> list[tuple[str, str]]:
    found = []
    for key, _, default in keys():
        if isinstance(default, bool):
            found += [(key, "perhaps"), (key, "2")]
        elif RULES[key].choices:
            found += [(key, "something else"), (key, RULES[key].choices[0].swapcase())]
    return found


CASES = _out_of_range() + _wrong_words()


def test_there_are_enough_bad_cases() -> None:
    assert len(CASES) >= 150


@pytest.mark.parametrize(("key", "value"), CASES, ids=[f"{k}={v}"[:60] for k, v in CASES])
def test_a_bad_value_is_refused_with_its_key_and_what_is_allowed(tmp_path: Path, key: str, value: str) -> None:
    found = problems(tmp_path, {key: value})
    mine = [line for line in found if line.startswith(f"{key}=")]
    assert mine, found
    assert any(word in mine[0] for word in ("from", "one of", "true or false", "a number", "a whole number"))
    assert "e+" not in mine[0].partition(": ")[2], "a range is written as one types it"


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("TAKE_PROFIT_PC=2", "TAKE_PROFIT_PCT"),
        ("MAX_DAILY_LOS_PCT=2", "MAX_DAILY_LOSS_PCT"),
        ("COINMODE=sim", "COIN_MODE"),
        ("DRYRUN=false", "DRY_RUN"),
        ("PRODUCT=BTC-USD", "PRODUCT"),
        ("take_profit_pct=2", "TAKE_PROFIT_PCT"),
    ],
)
def test_an_unknown_key_is_an_error_with_the_nearest_name(tmp_path: Path, wrong: str, near: str) -> None:
    line = problems(tmp_path, {}, wrong)[0]
    assert "is not a setting" in line and f"did you mean {near}" in line


def test_a_key_like_nothing_is_an_error_too(tmp_path: Path) -> None:
    assert "ZZZ_QQQ" in problems(tmp_path, {}, "ZZZ_QQQ=1")[0]


CONTRADICTIONS = [
    ({"MA_FAST": "30", "MA_SLOW": "30"}, "MA_FAST"),
    ({"MA_SLOW": "6000"}, "MA_SLOW"),
    ({"PRODUCTS": " , "}, "PRODUCTS"),
    ({"PRODUCTS": "BTC-USD,BTC-USD"}, "twice"),
    ({"PRODUCTS": "btc-usd"}, "BTC-USD"),
    ({"PRODUCTS": "BTC-USD,ETH-EUR"}, "one currency"),
    ({"PRODUCTS": "BTCUSD"}, "BTC-USD"),
    ({"PRODUCTS": "BTC-USD;ETH-USD"}, "PRODUCTS"),
    ({"BOT_NAME": "a-b"}, "BOT_NAME"),
    ({"BOT_NAME": "x" * 21}, "BOT_NAME"),
    ({"BOT_NAME": "bot\u00e9"}, "BOT_NAME"),
    ({"MAX_ORDER_USD": "2", "ORDER_MIN_USD": "5"}, "MAX_ORDER_USD"),
    ({"COIN_MODE": "replay"}, "SIM_REPLAY"),
    ({"COIN_MODE": "live"}, "COINBASE_KEY_FILE"),
    ({"SIM_PORT": "8080"}, "differ"),
    ({"SIM_ADMIN_PORT": "8790"}, "differ"),
    ({"SIM_PLAIN_PORT": "8791"}, "SIM_PLAIN_PORT must differ"),
    ({"TRADING_WINDOW_UTC": "14:00"}, "HH:MM"),
    ({"TRADING_WINDOW_UTC": "25:00-26:00"}, "HH:MM"),
    ({"TRADING_WINDOW_UTC": "14-15"}, "HH:MM"),
    ({"DASHBOARD_HOST": "0.0.0.0"}, "reachable by others"),
]


@pytest.mark.parametrize(("environ", "word"), CONTRADICTIONS)
def test_settings_that_contradict_each_other(tmp_path: Path, environ: dict[str, str], word: str) -> None:
    assert any(word in line for line in problems(tmp_path, environ))


SECRETS = {
    "COINBASE_API_PRIVATE_KEY": "canary-1234",
    "COINBASE_API_KEY_NAME": "canary-1234",
    "DASHBOARD_PASSWORD_HASH": "canary-1234",
    "LEDGER_URL": "postgresql://coin:canary-1234@127.0.0.1/coin",
}


@pytest.mark.parametrize("key", SECRETS)
def test_secrets_come_from_the_file_alone_and_are_never_told(tmp_path: Path, key: str) -> None:
    line = f"{key}={SECRETS[key]}"
    found = "; ".join(problems(tmp_path, {key: SECRETS[key]}))
    assert key in found and "canary" not in found
    assert "chmod 600" in "; ".join(_problems_of_mode(tmp_path, line, 0o644))
    loaded = load(env_file(tmp_path, line), {})
    if key != "COINBASE_API_KEY_NAME":
        assert "canary" not in repr(loaded.settings)
    assert public_values(loaded.settings)[key] == "set"


def test_a_ledger_url_that_is_none_is_refused_without_being_shown(tmp_path: Path) -> None:
    found = "; ".join(_problems_of_mode(tmp_path, "LEDGER_URL=mysql://coin:canary@host/coin", 0o600))
    assert "LEDGER_URL" in found and "canary" not in found


def _problems_of_mode(tmp_path: Path, text: str, mode: int) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(env_file(tmp_path, text, mode), {})
    return error.value.problems


def test_every_problem_is_told_not_just_the_first(tmp_path: Path) -> None:
    found = problems(tmp_path, {"TAKE_PROFIT_PCT": "0", "STOP_LOSS_PCT": "x"}, "NONSENSE_KEY=1")
    assert len(found) == 3


def test_the_environment_outranks_the_file_and_empty_means_not_set(tmp_path: Path) -> None:
    path = env_file(tmp_path, "MA_FAST=5\nMA_SLOW=20")
    loaded = load(path, {"MA_FAST": "7", "MA_SLOW": "", "path": "x", "UNRELATED": "y", "COIN": "z"})
    assert (loaded.settings.ma_fast, loaded.settings.ma_slow) == (7, 20)
    assert (loaded.sources["MA_FAST"], loaded.sources["MA_SLOW"]) == ("environment", ".env")
    assert (loaded.sources["TAKE_PROFIT_PCT"], loaded.sources["RISK_PER_TRADE_PCT"]) == ("default", "profile")


def test_who_sets_the_least_entry_gets_the_retry_at_it(tmp_path: Path) -> None:
    def low_funds(text: str = "", **environ: str) -> tuple[str, str]:
        loaded = load(env_file(tmp_path, text), environ)
        return loaded.settings.low_funds, loaded.sources["LOW_FUNDS"]

    assert low_funds() == ("part", "default")
    assert low_funds("ORDER_MIN_USD=5") == ("retry", ".env")
    assert low_funds(ORDER_MIN_USD="5.00") == ("retry", "environment")
    assert low_funds("ORDER_MIN_USD=5", LOW_FUNDS="part") == ("part", "environment")


def test_one_product_is_a_list_of_one(tmp_path: Path) -> None:
    assert load(env_file(tmp_path), {"PRODUCT_ID": "ETH-USD"}).settings.products == ("ETH-USD",)


def test_the_defaults_hold_by_themselves_and_lock_live_orders() -> None:
    s = Settings()
    assert (s.coin_mode, s.dry_run, s.take_profit_pct, s.stop_loss_pct) == (Mode.SIM, True, 1.9, 1000.0)
    assert (s.risk_per_trade_pct, s.max_concurrent_lots, s.max_total_lots, s.order_min_usd) == (20.0, 20, 60, 5.0)
    assert (s.trail_activate_pct, s.trail_distance_pct, s.runner_tp_mult) == (1.9, 0.4, 2.0)
    assert (s.pyramid_min_adverse_pct, s.pyramid_decay_lambda, s.pyramid_decay_min_pct) == (1.5, 0.02, 0.4)
