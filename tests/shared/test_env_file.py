"""Changes of `.env`: one at a time, whole or not at all, and nothing else of the file moves."""

import io
import os
import stat
import threading
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from shared import env_file
from shared.alert_settings import ALERT_SECRETS, BROWSER_SETTINGS, SET_IN_BROWSER
from shared.env_file import EnvFileRefused
from shared.setting_table import RULES
from shared.settings import load

ALLOWED = frozenset({"SLACK_WEBHOOK", "TELEGRAM_CHAT_ID", "ALERT_QUIET_HOURS", "PROFILE", "PRODUCTS"})
HAND = """# my bot
PRODUCTS=BTC-USD,ETH-USD

  # the key lies elsewhere
export SLACK_WEBHOOK='https://hooks.slack.com/old'   # for #alerts
MAX_DAILY_LOSS_PCT = 3
STRATEGY_NOTE="two
lines"
TELEGRAM_CHAT_ID=1
TELEGRAM_CHAT_ID=2 # the group
# end"""


def change(path: Path, **values: str) -> None:
    env_file.change(path, values, ALLOWED, {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / ".env"
    made.write_text(HAND)
    made.chmod(0o600)
    return made


def test_only_the_value_moves(path: Path) -> None:
    change(path, SLACK_WEBHOOK="https://hooks.slack.com/services/T/B/x", TELEGRAM_CHAT_ID="-100")
    assert path.read_text() == HAND.replace(
        "'https://hooks.slack.com/old'", "https://hooks.slack.com/services/T/B/x"
    ).replace("TELEGRAM_CHAT_ID=1\n", "").replace("TELEGRAM_CHAT_ID=2 #", "TELEGRAM_CHAT_ID=-100 #")


def test_a_key_is_taken_out_and_its_neighbours_stay(path: Path) -> None:
    change(path, SLACK_WEBHOOK="", TELEGRAM_CHAT_ID="")
    text = path.read_text()
    assert "SLACK" not in text and "TELEGRAM" not in text
    assert text.startswith("# my bot\nPRODUCTS=BTC-USD,ETH-USD\n\n  # the key lies elsewhere\n") and text.endswith(
        "# end"
    )
    assert load(path, {}).settings.max_daily_loss_pct == 3


def test_a_new_key_stands_at_the_end_of_a_file_that_may_be_new(path: Path, tmp_path: Path) -> None:
    change(path, ALERT_QUIET_HOURS="22:00-07:00 Europe/Berlin")
    assert path.read_text() == HAND + "\nALERT_QUIET_HOURS=22:00-07:00 Europe/Berlin\n"
    assert load(path, {}).settings.alert_quiet_hours == "22:00-07:00 Europe/Berlin"
    new = tmp_path / "new.env"
    change(new, TELEGRAM_CHAT_ID="#chat")
    assert new.read_text() == "TELEGRAM_CHAT_ID='#chat'\n"
    assert stat.S_IMODE(new.stat().st_mode) == 0o600


def test_a_file_that_others_could_read_is_closed_by_the_first_secret(path: Path) -> None:
    path.write_text("PRODUCTS=BTC-USD\n")
    path.chmod(0o644)
    change(path, SLACK_WEBHOOK="https://hooks.slack.com/x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("value", ["a\nDRY_RUN=false", "a\rb", "it's", "back\\slash", " led", "nul\0", "a\u2028b"])
def test_a_value_that_could_become_another_line_is_refused(path: Path, value: str) -> None:
    with pytest.raises(EnvFileRefused) as refused:
        change(path, SLACK_WEBHOOK=value)
    assert path.read_text() == HAND and value not in str(refused.value)


def test_what_the_next_start_would_refuse_is_never_written(path: Path) -> None:
    with pytest.raises(EnvFileRefused, match=r"nothing would start: PROFILE=nonsense"):
        change(path, PROFILE="nonsense")
    assert path.read_text() == HAND
    assert [one.name for one in path.parent.iterdir()] == [".env"], "no temporary file is left"


def test_a_link_or_a_file_with_a_second_name_is_not_written(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.env"
    link.symlink_to(path)
    with pytest.raises(EnvFileRefused, match="is a link"):
        change(link, TELEGRAM_CHAT_ID="3")
    os.link(path, tmp_path / "second")
    with pytest.raises(EnvFileRefused, match="this user alone"):
        change(path, TELEGRAM_CHAT_ID="3")
    assert path.read_text() == HAND


def test_a_disk_that_takes_nothing_leaves_the_file_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        change(path, TELEGRAM_CHAT_ID="3")
    assert path.read_text() == HAND and [one.name for one in path.parent.iterdir()] == [".env"]


def test_writers_at_once_lose_nothing(path: Path) -> None:
    keys = ["TELEGRAM_CHAT_ID", "SLACK_WEBHOOK", "ALERT_QUIET_HOURS"]

    def write(key: str) -> None:
        for number in range(15):
            change(path, **{key: f"{key.lower()}-{number}"})

    threads = [threading.Thread(target=write, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = dotenv_values(path, interpolate=False)
    assert {key: found[key] for key in keys} == {key: f"{key.lower()}-14" for key in keys}


LINES = st.lists(
    st.sampled_from(
        ["", "# a comment", "PRODUCTS=BTC-USD", "  SLACK_WEBHOOK = x # why", "SLACK_WEBHOOK='y # no comment'",
         'SLACK_WEBHOOK="two\nlines"', "MAX_DAILY_LOSS_PCT=2 ", "export TELEGRAM_CHAT_ID=5", "TELEGRAM_CHAT_ID",
         "STRATEGY_X=a=b#c", "\t", "SLACK_WEBHOOK=", "not a setting at all", "'"]
    ), max_size=12,
)  # fmt: skip


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "v", "with space", "#x", "a$b"]))
def test_whatever_the_file_holds_the_others_mean_the_same(lines: list[str], end: str, value: str) -> None:
    text = end.join(lines)
    made = env_file.changed(text, {"SLACK_WEBHOOK": env_file.written("SLACK_WEBHOOK", value)})
    before, after = (dotenv_values(stream=io.StringIO(one), interpolate=False) for one in (text, made))
    wrong = after != {k: v for k, v in before.items() if k != "SLACK_WEBHOOK"} | (
        {"SLACK_WEBHOOK": value} if value else {}
    )
    # A line that is none (a lone quote) may take in its neighbours: then `change` refuses, as its own reading shows it.
    assert not wrong or "'" in lines, made


def test_the_browser_may_write_settings_of_alerts_and_no_other() -> None:
    forbidden = {
        "DRY_RUN", "COIN_MODE", "PROFILE", "DATA_DIR", "LEDGER_URL", "STATE_FILE", "COINBASE_KEY_FILE",
        "COINBASE_API_KEY_NAME", "COINBASE_API_PRIVATE_KEY", "ALERT_ENABLE", "WATCH", "SENTINEL", "ALERT_PUSH_HOSTS",
    }  # fmt: skip
    assert {*ALERT_SECRETS, "HEARTBEAT_URL"} | {
        "SLACK_ALERT_CHANNEL", "TELEGRAM_CHAT_ID", "ALERT_MAIL_FROM", "ALERT_MAIL_TO", "ALERT_MIN_SEVERITY",
        "ALERT_QUIET_HOURS", SET_IN_BROWSER,
    } == BROWSER_SETTINGS  # fmt: skip
    for key, rule in RULES.items():
        if key in BROWSER_SETTINGS:
            assert rule.harmless and key not in forbidden, f"{key} decides about trading"
        else:
            with pytest.raises(AssertionError, match="not for this caller"):
                env_file.change(Path("/nowhere/.env"), {key: "1"}, BROWSER_SETTINGS, {})
    assert not any(key.startswith(("DASHBOARD_", "SIM_", "COINBASE_", "MAX_", "DRY_")) for key in BROWSER_SETTINGS)
