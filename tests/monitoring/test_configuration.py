"""The room without its programs: texts, paces, secrets, command lines."""

import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli import monitoring_page
from cli.monitoring_files import write_all
from dashboard.auth import tokens
from dashboard.auth.roles import Role
from monitoring import configuration
from monitoring.configuration import Addresses, HostSinks
from monitoring.folder import MonitoringFolder, bcrypt
from monitoring.pace import REAL, Pace
from monitoring.programs import arguments, ecosystem, programs
from monitoring.rules import RULES
from monitoring.yaml_text import yaml_text
from shared.bots import ALERTMANAGER
from shared.paths import DataPaths
from shared.settings import Secret, Settings, load

WHERE = Addresses(
    dashboards={"main": "127.0.0.1:8080", "second": "127.0.0.1:8081"}, token_file="/x/token",
    prometheus="127.0.0.1:9090", alertmanager="127.0.0.1:9093", node_exporters=("127.0.0.1:9100",),
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp"), include_characters="\n\t"))
SCALARS = TEXTS | st.integers() | st.booleans()
PLAIN_DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(TEXTS, PLAIN_DATA, max_size=4))
def test_whatever_is_written_is_read_back_the_same(data: dict[str, object]) -> None:
    assert yaml.safe_load(yaml_text(data)) == data


def test_a_rule_is_whole() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule.summary and rule.means.endswith(".") and rule.look.endswith("."), rule.name
        assert rule.for_s >= 0 and not rule.summary.endswith(".")


def test_a_short_pace_divides_every_duration_and_no_threshold() -> None:
    fast = Pace(30.0)
    assert (REAL.scrape, fast.scrape, Pace(1000.0).scrape) == ("15s", "500ms", "500ms")
    assert (REAL.duration(300), fast.duration(60), fast.duration(15)) == ("5m", "2s", "500ms")
    assert fast.expression("increase(x[15m]) > 3 or y > 5") == "increase(x[30s]) > 3 or y > 5"
    assert fast.expression("a > 2 * bot_bar_seconds") == "a > 2 * (bot_bar_seconds / 30)"
    assert all(REAL.expression(rule.expr) == rule.expr for rule in RULES)


def test_each_bot_is_scraped_under_its_name_with_the_token_from_its_file() -> None:
    found = yaml.safe_load(configuration.prometheus(WHERE))
    job = next(one for one in found["scrape_configs"] if one["job_name"] == "cointrader")
    assert {one["labels"]["bot"]: one["targets"] for one in job["static_configs"]} == {
        "main": ["127.0.0.1:8080"], "second": ["127.0.0.1:8081"],
    }  # fmt: skip
    assert job["authorization"] == {"type": "Bearer", "credentials_file": "/x/token"}
    assert "scheme" not in job and "basic_auth" not in str(found)


def test_host_alerts_go_to_the_sinks_that_are_set_and_bot_alerts_to_none() -> None:
    found = yaml.safe_load(configuration.alertmanager(HostSinks(slack_url_file="/x/slack", webhook_url="http://h/")))
    host, bot = found["receivers"]
    assert host["slack_configs"][0]["api_url_file"] == "/x/slack" and host["webhook_configs"][0]["url"] == "http://h/"
    assert bot.keys() == {"name"}
    assert yaml.safe_load(configuration.alertmanager(HostSinks()))["receivers"][0].keys() == {"name"}


def settings_with(folder: Path, **fields: object) -> Settings:
    return replace(load(folder / "env", {"DATA_DIR": str(folder / "data")}).settings, **fields)  # type: ignore[arg-type]


def test_sinks_are_those_of_the_watcher_that_alertmanager_knows(tmp_path: Path) -> None:
    slack, token = Secret("https://hooks.example/T0/x"), Secret("1:abc")
    settings = settings_with(tmp_path, slack_webhook=slack, telegram_bot_token=token, telegram_chat_id="-100")
    settings.paths.prepare()
    folder = MonitoringFolder(settings.paths)
    write_all(settings, folder)
    assert settings.paths.host_is_told.exists() and folder.slack_url.read_text() == slack.reveal()
    written = {path.name: path for path in folder.root.iterdir()}
    receiver = yaml.safe_load(written["alertmanager.yml"].read_text())["receivers"][0]
    assert receiver["slack_configs"][0]["api_url_file"] == str(folder.slack_url)
    assert (receiver["telegram_configs"][0]["bot_token"], receiver["telegram_configs"][0]["chat_id"]) == ("1:abc", -100)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written.values())
    named = replace(settings, slack_webhook=Secret(""), telegram_chat_id="@channel")
    for other in (named, replace(settings, alert_enable=False)):
        write_all(other, folder)
        assert not other.paths.host_is_told.exists() and not folder.slack_url.exists()
        assert "1:abc" not in written["alertmanager.yml"].read_text()


def test_a_token_that_was_revoked_is_made_anew(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    settings.paths.prepare()
    folder = MonitoringFolder(settings.paths)
    write_all(settings, folder)
    first = folder.token.read_text()
    write_all(settings, folder)
    assert folder.token.read_text() == first
    tokens.revoke(settings.paths.dashboard, "monitoring")
    write_all(settings, folder)
    assert folder.token.read_text() != first
    assert [one.role for one in tokens.listing(settings.paths.dashboard)] == [Role.VIEWER]


def test_every_program_listens_on_loopback_alone_and_shows_no_secret(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.prepare()
    folder = MonitoringFolder(paths)
    folder.keep_password()
    settings = load(environ={"PROMETHEUS_PORT": "18190"}).settings
    wanted = programs(settings)
    text = ecosystem(wanted, folder.root, {"PATH": "/bin", "SLACK_WEBHOOK": "hush"})
    assert folder.password.read_text() not in text and "hush" not in text
    for one in wanted:
        words = arguments(one, folder.root)
        listens = [word.partition("=")[2] for word in words if "listen-address" in word]
        assert listens == ([one.address, ""] if one.name == ALERTMANAGER else [one.address])
        assert one.address.startswith("127.0.0.1:")


def test_the_password_is_kept_and_no_other_user_reads_it(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.prepare()
    folder = MonitoringFolder(paths)
    folder.keep_password()
    first = folder.password.read_text()
    folder.keep_password()
    assert folder.password.read_text() == first and len(first) >= 32
    for path in (folder.password, folder.web):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.root.stat().st_mode) == 0o700
    assert first not in folder.web.read_text()
    assert re.search(r"\$2b\$\d\d\$[./A-Za-z0-9]{53}", folder.web.read_text())
    folder.web.unlink()
    folder.keep_password()
    assert folder.password.read_text() != first, "a password without its hash is of no use"


def test_equal_passwords_have_unequal_hashes() -> None:
    assert bcrypt("x") != bcrypt("x")


def test_only_a_change_is_written(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.prepare()
    folder = MonitoringFolder(paths)
    assert folder.write("a.yml", "one") and not folder.write("a.yml", "one") and folder.write("a.yml", "two")


def test_the_page_says_what_the_rules_say() -> None:
    text = monitoring_page.PAGE.read_text(encoding="utf-8")
    assert monitoring_page.written(text) == text, "python -m cli.monitoring_page"
    assert all(f"\n### {rule.name}\n" in text for rule in RULES), "the heading that a runbook link leads to"
    with pytest.raises(ValueError, match=r"monitoring\.md"):
        monitoring_page.written(text.replace(monitoring_page.END, ""))
