"""Older set-ups start: every name that they bring along is taken, with its meaning here or one sentence."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared import legacy_names, live_permission, settings
from shared.lab_verdicts import LabStanding
from shared.settings import Loaded, SettingsError, load
from tests.shared.test_settings import env_file

VERBATIM = (
    "PRODUCT_ID", "GRANULARITY", "USE_TICK_PRICE", "TICK_INTERVAL_SEC", "CANDLE_RESYNC_SEC", "ORDER_MIN_USD",
    "MAX_DAILY_LOSS_PCT", "RISK_PER_TRADE_PCT", "USD_EQUITY", "MAX_HISTORY_CANDLES", "DRY_RUN",
    "ALLOW_PYRAMIDING", "PYRAMID_MIN_ADVERSE_PCT", "PYRAMID_DECAY_LAMBDA", "PYRAMID_MIN_SECONDS_BETWEEN",
    "MAX_CONCURRENT_LOTS", "PYRAMID_DECAY_MIN_PCT", "SCALP_TP_DECAY_ENABLE", "SCALP_TP_DEC_MODE",
    "SCALP_TP_DEC_PCT", "SCALP_TP_DECAY_FACTOR", "SCALP_TP_MIN_PCT", "TAKE_PROFIT_PCT", "STOP_LOSS_PCT",
    "TRAIL_ACTIVATE_PCT", "TRAIL_DISTANCE_PCT", "FEE_RATE_PCT", "BUY_THRESHOLD", "SELL_THRESHOLD", "USE_MA_FILTER",
    "USE_LIVE_EQUITY", "MODEL_MODE", "WALK_FORWARD_MIN", "VOL_RISK_ADJUST", "DAILY_BREAKER_MARK_TO_MARKET",
)  # fmt: skip
OTHERS = {
    "LONG_ONLY": "true", "STATE_FILE": "/somewhere/bot_state.json", "BACKTEST_SLEEP_MS": "100", "PORT": "18490",
    "BRIDGE_URL": "http://127.0.0.1:8787", "SLACK_WEBHOOK": "https://hooks.slack.test/canary",
    "LIVE_TRADING_DEFAULT": "false", "USE_OFFICIAL_SDK": "true", "USE_SSE": "true",
    "STATE_STORE_URI": "postgresql://coin:canary@127.0.0.1/coin", "COINBASE_ENABLE_DERIVATIVES": "false",
    "COINBASE_API_KEY_NAME": "organizations/o/apiKeys/k", "COINBASE_API_PRIVATE_KEY": "canary",
    "COINBASE_API_BASE": "https://api.coinbase.com", "COINBASE_WS_ENABLE": "true", "COINBASE_WS_PRODUCTS": "BTC-USD",
    "COINBASE_WS_URL": "wss://advanced-trade-ws.coinbase.com", "COINBASE_WS_STALE_SEC": "30",
    "VOLATILITY_WINDOW": "60", "VOLATILITY_MULT": "0", "VOLATILITY_METHOD": "std", "VOLATILITY_ALPHA": "0.2",
    "ATR_WINDOW": "14", "STRATEGIES": "bots.strategies.SmaCross", "SMA_WINDOW": "20", "DQN_EPISODES": "100",
    "RABBITMQ_HOST": "localhost", "REDIS_HOST": "localhost", "REDIS_PORT": "6379", "USE_EVENT_BUS_SSE": "true",
    "EVENT_STORE_PATH": "events.jsonl", "SECRETS_BACKEND": "env", "COINBASE_API_PRIVATE_KEY_FILE": "/run/secrets/key",
    "SLACK_BOT_TOKEN_FILE": "/run/secrets/slack", "AWS_SECRETS_PREFIX": "coin/", "AWS_REGION": "eu-central-1",
    "VAULT_ADDR": "https://vault.test", "VAULT_TOKEN": "canary", "ALERT_ENABLE": "true", "ALERT_PNL_THRESHOLD": "-50",
    "SLACK_BOT_TOKEN": "canary", "SLACK_APP_TOKEN": "canary", "SLACK_SIGNING_SECRET": "canary",
    "SLACK_CHANNEL_ID": "C01", "SLACK_ALERT_CHANNEL": "#alerts", "TEAMS_WEBHOOK_URL": "https://teams.test/canary",
    "SSH_PRIVATE_KEY": "canary", "SSH_HOST": "host", "SSH_USER": "user", "DEPLOY_DIR": "/srv/bot",
}  # fmt: skip


def from_file(tmp_path: Path, text: str, environ: dict[str, str] | None = None, mode: int = 0o600) -> Loaded:
    return load(env_file(tmp_path, text, mode), environ or {})


def refused(tmp_path: Path, text: str, environ: dict[str, str] | None = None, mode: int = 0o600) -> str:
    with pytest.raises(SettingsError) as error:
        from_file(tmp_path, text, environ, mode)
    return "; ".join(error.value.problems)


@pytest.mark.parametrize("name", VERBATIM)
def test_a_setting_of_the_same_name_is_one_here(name: str) -> None:
    known = {key for key, _, _ in settings.keys()}  # noqa: SIM118
    assert legacy_names.SAME_AS.get(name, name) in known


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_name_is_taken_and_has_a_meaning_or_one_sentence(tmp_path: Path, name: str) -> None:
    found = from_file(tmp_path, f"{name}={OTHERS[name]}")
    real = legacy_names.SAME_AS.get(name, name)
    if real in found.sources:
        assert found.sources[real] == ".env" and name not in found.kept
        return
    sentence = found.kept[name]
    assert sentence and ". " not in sentence and "\n" not in sentence
    assert found.remarks == [f"{name}: {sentence}"]


def test_all_of_them_at_once(tmp_path: Path) -> None:
    found = from_file(tmp_path, "\n".join(f"{name}={value}" for name, value in OTHERS.items()))
    assert found.settings.dashboard_port == 18490 and found.settings.strategy == "sma_cross"
    assert found.settings.backtest_sleep_ms == 100
    assert str(found.settings.state_copy) == "/somewhere/bot_state.json"
    assert "canary" not in "".join(found.remarks) + repr(found.settings)
    assert found.settings.ledger_url.reveal().startswith("postgresql://")


def test_the_list_holds_what_this_test_goes_over() -> None:
    assert set(legacy_names.names()) <= {*OTHERS, *VERBATIM}


@pytest.mark.parametrize("name", sorted(legacy_names.SECRETS | {"STATE_STORE_URI"}))
def test_a_secret_of_an_older_set_up_needs_a_private_file(tmp_path: Path, name: str) -> None:
    found = refused(tmp_path, f"{name}={OTHERS[name]}", mode=0o644)
    assert "chmod 600" in found and "canary" not in found
    assert settings.is_secret(name)


def test_a_secret_in_the_environment_is_refused_where_it_would_be_read(tmp_path: Path) -> None:
    assert "STATE_STORE_URI belongs in .env" in refused(tmp_path, "", {"STATE_STORE_URI": "postgresql://u:canary@h/d"})
    # A shell's own, that the bot does not read, stops nothing.
    assert not from_file(tmp_path, "", {"VAULT_TOKEN": "x", "SLACK_WEBHOOK": "y", "PORT": "1"}).kept


def test_the_settings_own_name_wins_over_the_older_one(tmp_path: Path) -> None:
    for text in ("DASHBOARD_PORT=18491\nPORT=18492", "PORT=18492\nDASHBOARD_PORT=18491"):
        assert from_file(tmp_path, text).settings.dashboard_port == 18491
    assert from_file(tmp_path, "PORT=18492", {"PORT": "18493"}).settings.dashboard_port == 18492


def test_an_error_names_the_spelling_of_the_file(tmp_path: Path) -> None:
    assert "DASHBOARD_PORT=x: a whole number" in (found := refused(tmp_path, "PORT=x")) and "written as PORT" in found
    assert "written as STATE_STORE_URI" in refused(tmp_path, "STATE_STORE_URI=mysql://h/d")


@pytest.mark.parametrize("text", ["PORT=", "STATE_STORE_URI=", "REDIS_HOST=", "STRATEGIES="])
def test_an_empty_older_name_says_nothing(tmp_path: Path, text: str) -> None:
    found = from_file(tmp_path, text)
    assert not found.kept and set(found.sources.values()) <= {"default", "profile"}


@pytest.mark.parametrize(
    ("text", "strategy", "several"),
    [
        ("momentum", "momentum", ()),
        ("bot.strategies.sma_cross.SmaCross", "sma_cross", ()),
        ("bot.strategies.steady.VolatilityHold", "steady", ()),
        ("my.path.dip", "dip", ()),
        ("momentum, my.path.SmaCross", "combined", ("momentum", "sma_cross")),
    ],
)
def test_a_list_of_strategies_chooses_them(tmp_path: Path, text: str, strategy: str, several: tuple[str, ...]) -> None:
    found = from_file(tmp_path, f"STRATEGIES={text}")
    assert (found.settings.strategy, found.settings.strategies) == (strategy, several) and not found.kept
    assert found.sources["STRATEGY"] == found.sources["STRATEGIES"] == ".env"


def test_of_one_strategy_and_several_the_stronger_source_counts(tmp_path: Path) -> None:
    assert from_file(tmp_path, "STRATEGIES=a,b", {"STRATEGY": "trend"}).settings.strategy_files == ("trend",)
    assert from_file(tmp_path, "STRATEGY=trend", {"STRATEGIES": "a,b"}).settings.strategies == ("a", "b")
    assert "set one of the two" in refused(tmp_path, "STRATEGY=trend\nSTRATEGIES=a,b")
    # What the bot published, as a recording holds it.
    again = from_file(tmp_path, "STRATEGY=combined\nSTRATEGIES=a,b").settings
    assert again.strategy_files == ("combined", "a", "b")
    assert from_file(tmp_path, "STRATEGY=a\nSTRATEGIES=a").settings.strategy_files == ("a",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("STRATEGIES=a,b,a", "STRATEGIES names a twice"),
        ("STRATEGIES=a,combined", "must not name combined"),
        ("STRATEGY=combined", "STRATEGY=combined needs STRATEGIES"),
        ("STRATEGIES=a,b\nSTRATEGIES_WEIGHTS=a:2", "counts only with STRATEGIES_RULE=weight"),
        ("STRATEGIES=a,b\nSTRATEGIES_RULE=weight\nSTRATEGIES_WEIGHTS=c:2", "names c, STRATEGIES does not"),
        ("STRATEGIES=a,b\nSTRATEGIES_RULE=weight\nSTRATEGIES_WEIGHTS=a:0", "each above 0"),
        ("STRATEGIES=a,b\nSTRATEGIES_RULE=weight\nSTRATEGIES_WEIGHTS=a:1,a:2", "each above 0"),
        ("STRATEGIES_MAJORITY=1", "STRATEGIES_MAJORITY=1"),
    ],
)
def test_what_cannot_be_combined_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in refused(tmp_path, text)


def test_one_window_is_the_close_against_its_average(tmp_path: Path) -> None:
    for text, windows in (
        ("SMA_WINDOW=20", (1, 20)), ("SMA_WINDOW=20\nMA_FAST=5", (5, 20)), ("SMA_WINDOW=20\nMA_SLOW=50", (10, 50)),
    ):  # fmt: skip
        found = from_file(tmp_path, text).settings
        assert (found.ma_fast, found.ma_slow) == windows
    assert "written as SMA_WINDOW" in refused(tmp_path, "SMA_WINDOW=1")
    assert from_file(tmp_path, "", {"SMA_WINDOW": "20"}).settings.ma_slow == 30, "a shell's may be another program's"


def test_a_name_that_the_table_knows_is_never_merely_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy_names, "KEPT", {"MA_FAST": legacy_names.LegacyName("a name that became real")})
    found = from_file(tmp_path, "MA_FAST=5")
    assert found.settings.ma_fast == 5 and not found.kept


def test_what_only_looks_like_one_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    assert "did you mean SLACK_WEBHOOK" in refused(tmp_path, "SLACK_WEBHOK=x")
    assert "is not a setting" in refused(tmp_path, "TELEGRAM_TOKEN=x")
    assert "is not a setting" in refused(tmp_path, "DQN_=x")
    assert "is not a setting" in refused(tmp_path, "FOO_FILE=x")


def test_short_positions_are_refused_with_the_reason(tmp_path: Path) -> None:
    assert "only with futures, which are not supported yet" in refused(tmp_path, "LONG_ONLY=false")
    assert "only with futures" in refused(tmp_path, "LONG_ONLY=no")
    with pytest.raises(settings.SettingsError, match="only with futures"):
        settings.load(tmp_path / "none.env", {"LONG_ONLY": "false"})
    (note,) = from_file(tmp_path, "LONG_ONLY=true").remarks
    assert note.startswith("LONG_ONLY: not used")


def test_a_permission_outlives_a_setting_that_nothing_reads(tmp_path: Path) -> None:
    now = live_permission.terms(settings.Settings(), "folder")
    before = replace(now, settings={**now.settings, "LONG_ONLY": "True"})
    secret = settings.Secret("key")
    data = live_permission.grant(before, 7.0, "name", secret, 1_000_000, "ann", LabStanding("GO", "a verdict", "0"))
    assert live_permission.problem(data, now, "name", secret, 1_000_001) is None
    other = replace(now, settings={**now.settings, "MAX_ORDER_USD": "7"})
    assert "MAX_ORDER_USD" in (live_permission.problem(data, other, "name", secret, 1_000_001) or "")


@pytest.mark.parametrize(("name", "taken"), [("positions.json", True), ("ledger.db", True), ("ledger.db-wal", True),
                                             ("ledger-replay.db", True), ("copy.json", False)])  # fmt: skip
def test_the_copy_of_the_state_replaces_no_file_of_ours(tmp_path: Path, name: str, taken: bool) -> None:
    text = f"DATA_DIR={tmp_path}\nSTATE_FILE={tmp_path}/{name}"
    if taken:
        assert "another file of the data folder" in refused(tmp_path, text)
    else:
        assert from_file(tmp_path, text).settings.state_copy == tmp_path / name
    assert "is a folder" in refused(tmp_path, f"STATE_FILE={tmp_path}")
    assert from_file(tmp_path, f"DATA_DIR={tmp_path}\nSTATE_FILE={tmp_path}/bot_state.json").settings.state_copy is None
