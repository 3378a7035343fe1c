"""./coin settings: every setting with value, default, origin and one sentence; secrets never."""

import json
import re
from pathlib import Path

import pytest

from cli import settings_view
from shared import setting_table
from shared.settings import Loaded, keys, load
from tests.cli.conftest import Coin
from tests.shared.test_settings import env_file


def test_every_setting_is_listed_with_its_origin_and_sentence(coin: Coin) -> None:
    said = coin("settings", SIM_SEED="7").stdout
    told = {name: text for name, text, _ in keys()}
    shown = dict(re.findall(r"^  ([A-Z][A-Z0-9_]+)=.*\n      (.+)$", said, re.MULTILINE))
    assert shown == told and len(told) > 100
    assert "SIM_SEED=7  (environment; default 1)" in said
    assert "DASHBOARD_PORT=8080  (default)" in said
    assert "STRATEGY=sma_cross  (profile; default logistic)" in said
    assert coin("settings", "--all", SIM_SEED="7").stdout == said


def test_a_word_chooses_and_changed_leaves_defaults_out(coin: Coin) -> None:
    said = coin("settings", "trail").stdout
    assert "TRAIL_DISTANCE_PCT=0.3  (profile; default 0.4)" in said and "SIM_SEED" not in said
    said = coin("settings", "--changed", SIM_SEED="7").stdout
    assert "SIM_SEED=7" in said and "SIM_PORT" not in said and "STRATEGY=sma_cross" in said
    nothing = coin("settings", "zzz")
    assert nothing.returncode == 2 and "./coin settings" in nothing.stderr


def test_for_scripts(coin: Coin) -> None:
    rows = json.loads(coin("settings", "--json", SIM_SEED="7").stdout)
    row = next(row for row in rows if row["key"] == "SIM_SEED")
    assert (row["value"], row["default"], row["source"], row["group"]) == ("7", "1", "environment", "COIN-SIM")
    limit = next(row for row in rows if row["key"] == "USE_LIVE_EQUITY")
    assert limit["value"] == "true", "as one types it into .env"


def test_numbers_are_written_as_one_types_them(coin: Coin) -> None:
    assert "MAX_TOTAL_USD=100000000 " in coin("settings", "MAX_TOTAL_USD", MAX_TOTAL_USD="1e8").stdout


def test_secrets_and_older_names_are_masked_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "LEDGER_URL=postgresql://u:hush-hush@h/d\nSLACK_WEBHOOK=https://hush-hush\nBRIDGE_URL=http://x\nSTRATEGY_DIP_N=3"
    found = load(env_file(tmp_path, text), {})
    rows = {row["key"]: row for row in settings_view.every(found)}
    assert rows["LEDGER_URL"]["value"] == "(set, hidden)" and rows["SLACK_WEBHOOK"]["value"] == "(set, hidden)"
    assert rows["BRIDGE_URL"]["group"] == "From older setups" and "bridge" in rows["BRIDGE_URL"]["help"]
    assert rows["STRATEGY_DIP_N"]["value"] == "3"
    assert rows["DASHBOARD_PASSWORD_HASH"]["value"] == ""
    for row in rows.values():
        settings_view.print_row(row)
    assert "hush-hush" not in capsys.readouterr().out


def test_the_headings_are_those_of_the_table() -> None:
    source = Path(setting_table.__file__).read_text()
    found = re.findall(r"^    # ([A-Z][^\n]*)\n    ([a-z_0-9]+): ", source, re.MULTILINE)
    headings = {key.upper(): title.partition(" (")[0] for title, key in found if key != "strategy_options"}
    headings = {key: title for key, title in headings.items() if not title.startswith("Keys that")}
    assert headings == settings_view.GROUPS


def test_loaded_without_older_names_has_no_remarks(tmp_path: Path) -> None:
    found: Loaded = load(env_file(tmp_path), {})
    assert found.remarks == []
