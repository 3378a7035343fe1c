"""A setting is one entry of the table: everybody who lists settings follows it, and nothing stands there for nobody."""

import ast
from functools import cache

import pytest

from shared.live_permission import HARMLESS, bound_values
from shared.paths import ROOT
from shared.setting_table import RULES, Settings, handed_over
from shared.settings import is_secret

ALERT_SECRETS = frozenset(
    {"SLACK_WEBHOOK", "SLACK_BOT_TOKEN", "TEAMS_WEBHOOK_URL", "TELEGRAM_BOT_TOKEN", "ALERT_WEBHOOK_URL",
     "ALERT_SMTP_URL", "ALERT_URLS"}
)  # fmt: skip
ROOMS = ("backups", "bot", "chat", "cli", "dashboard", "monitoring", "reports", "research", "shared", "simulator",
         "watch")  # fmt: skip
ONLY_CHECKED = ROOT / "shared" / "setting_checks.py"  # to compare a setting with another one is no use of it


@cache
def attributes_read() -> frozenset[str]:
    """Names that are read from any object, in every room."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if path != ONLY_CHECKED]
    assert len(files) > 300
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return frozenset(n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load))


@pytest.mark.parametrize("key", RULES)
def test_each_setting_is_read_somewhere(key: str) -> None:
    assert key.lower() in attributes_read(), f"nobody reads {key}: take it out of the table (shared/legacy_names.py)"


def test_the_search_finds_what_nobody_reads() -> None:
    assert "long_only" not in attributes_read()


def test_each_setting_is_bound_by_the_permission_or_says_why_not() -> None:
    bound = set(bound_values(Settings()))
    assert bound | HARMLESS.keys() == RULES.keys() and not bound & HARMLESS.keys()
    assert all(len(reason) > 10 and not reason.endswith(".") for reason in HARMLESS.values())
    loosen = (
        "MAX_ORDER_USD",
        "MAX_DAILY_LOSS_PCT",
        "STOP_LOSS_PCT",
        "PRODUCTS",
        "STRATEGY",
        "REDUCE_ONLY",
        "KILL_FLATTEN",
    )
    assert bound >= set(loosen), "what allows more risk needs a person again"


def test_no_secret_is_handed_over_by_the_shell_or_shown() -> None:
    secrets = {key for key, rule in RULES.items() if rule.secret}
    own = {"COINBASE_API_KEY_NAME", "COINBASE_API_PRIVATE_KEY", "DASHBOARD_PASSWORD_HASH", "LEDGER_URL"}
    away = {"BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"}
    assert secrets == own | away | {*ALERT_SECRETS, "HEARTBEAT_URL", "SLACK_APP_TOKEN"}
    assert all(map(is_secret, secrets)) and not secrets & set(handed_over())
    assert "COINBASE_KEY_FILE" not in handed_over()


@pytest.mark.parametrize("key", RULES)
def test_each_has_a_sentence_and_a_range_that_its_default_is_in(key: str) -> None:
    rule, default = RULES[key], getattr(Settings(), key.lower())
    assert rule.help.endswith((".", ")"))
    if isinstance(default, int | float) and not isinstance(default, bool):
        assert rule.low is not None and rule.high is not None and rule.low <= default <= rule.high
    assert not rule.choices or default in rule.choices


def test_what_is_secret_of_alerts_is_revealed_by_the_watcher_and_to_alertmanager() -> None:
    wanted = {key.lower() for key in (*ALERT_SECRETS, "HEARTBEAT_URL", "SLACK_APP_TOKEN")}
    found = set()
    for room in (*ROOMS, "bench", "simtest"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                revealed = isinstance(node, ast.Attribute) and node.attr == "reveal"
                if revealed and isinstance(node.value, ast.Attribute) and node.value.attr in wanted:
                    found.add((room, node.value.attr))
    # `./coin monitoring start` hands two of them to Alertmanager, in files of mode 0600.
    handed_on = {("cli", "slack_webhook"), ("cli", "telegram_bot_token")}
    # The page that adds one URL to several counts those that are set, and writes them back beside the new one.
    handed_on |= {("dashboard", "alert_urls")}
    # COIN-CHAT needs the tokens of the two platforms: its first half hands them to the second one.
    chat = {("chat", name) for name in ("slack_app_token", "slack_bot_token", "telegram_bot_token")}
    assert found == {("watch", name) for name in wanted - {"slack_app_token"}} | handed_on | chat
