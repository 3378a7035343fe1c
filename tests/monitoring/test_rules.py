"""The rules by the tools of their own makers: promtool fires and silences each, amtool routes each."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring import configuration
from monitoring.configuration import BOT_RECEIVER, HOST_RECEIVER, Addresses, HostSinks
from monitoring.pace import Pace
from monitoring.rules import INHIBITIONS, RULES, PrometheusRule, Scope
from tests.monitoring.rule_cases import CASES

pytestmark = [pytest.mark.services, pytest.mark.needs("prometheus", "alertmanager")]
BY_NAME = {rule.name: rule for rule in RULES}
WHERE = Addresses(
    dashboards={"main": "127.0.0.1:8080"}, token_file="token", prometheus="127.0.0.1:9090",
    alertmanager="127.0.0.1:9093", node_exporters=("127.0.0.1:9100",), password_file="password",
)  # fmt: skip


def tool(*command: str | Path, good: bool = True) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode == 0) == good, done.stdout + done.stderr
    return done.stdout


def expected(rule: PrometheusRule) -> dict[str, Any]:
    case = CASES[rule.name]
    return {
        "exp_labels": {**case.labels, "severity": rule.severity.value, "scope": rule.scope.value},
        "exp_annotations": {"summary": case.summary, "runbook": rule.runbook},
    }


def course(series: dict[str, str], rule: PrometheusRule, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": CASES[rule.name].at, "alertname": rule.name, "exp_alerts": alerts}],
    }


def promtool(folder: Path, rules: str, tests: list[dict[str, Any]], good: bool = True) -> str:
    (folder / "alerts.yml").write_text(rules)
    document = {"rule_files": ["alerts.yml"], "evaluation_interval": "15s", "tests": tests}
    (folder / "tests.yml").write_text(yaml.safe_dump(document))
    return tool("promtool", "test", "rules", folder / "tests.yml", good=good)


def test_every_rule_has_a_case_and_no_case_is_of_none() -> None:
    assert CASES.keys() == BY_NAME.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_fires_with_its_words_and_is_silent_at_a_near_miss(rule: PrometheusRule, tmp_path: Path) -> None:
    case = CASES[rule.name]
    tests = [course(case.fires, rule, [expected(rule)]), course(case.silent, rule, [])]
    promtool(tmp_path, configuration.alert_rules(), tests)


def test_a_case_that_should_fire_is_refused_where_the_rule_is_another(tmp_path: Path) -> None:
    """So that the test above could fail at all."""
    rule = BY_NAME["BotFeedStale"]
    deaf = configuration.alert_rules().replace("bot_ws_age_seconds > 5", "bot_ws_age_seconds > 500")
    promtool(tmp_path, deaf, [course(CASES[rule.name].fires, rule, [expected(rule)])], good=False)


@pytest.mark.parametrize("pace", [Pace(), Pace(30.0)], ids=["real", "shortened"])
def test_the_files_are_whole(pace: Pace, tmp_path: Path) -> None:
    for name in ("token", "password"):
        (tmp_path / name).write_text("x")
    (tmp_path / "alerts.yml").write_text(configuration.alert_rules(pace))
    (tmp_path / "prometheus.yml").write_text(configuration.prometheus(WHERE, pace))
    said = tool("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert f"{len(RULES)} rules found" in said
    for number, sinks in enumerate(
        (
            HostSinks(),
            HostSinks(
                slack_url_file="slack", webhook_url="http://127.0.0.1:1/", telegram_token="1:a", telegram_chat_id=-5
            ),
        )
    ):
        path = tmp_path / f"alertmanager{number}.yml"
        path.write_text(configuration.alertmanager(sinks, pace))
        tool("amtool", "check-config", path)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_routed_to_whom_it_concerns(rule: PrometheusRule, tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(configuration.alertmanager(HostSinks()))
    labels = {"alertname": rule.name, "severity": rule.severity.value, "scope": rule.scope.value}
    words = [f"{name}={value}" for name, value in labels.items()]
    found = tool("amtool", "config", "routes", "test", f"--config.file={path}", *words).strip()
    assert found == (BOT_RECEIVER if rule.scope is Scope.BOT else HOST_RECEIVER)


@pytest.mark.parametrize(
    ("process", "receiver"),
    [("COIN-BOT", BOT_RECEIVER), ("COIN-BOT-second", BOT_RECEIVER), ("COIN", BOT_RECEIVER), ("COIN-SIM", BOT_RECEIVER),
     ("COIN-WATCH", HOST_RECEIVER), ("COIN-PROMETHEUS", HOST_RECEIVER)],
)  # fmt: skip
def test_the_end_of_a_process_is_told_by_one(process: str, receiver: str, tmp_path: Path) -> None:
    """By COIN-WATCH, but for its own end and that of monitoring's programs."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(configuration.alertmanager(HostSinks()))
    words = ("alertname=ProcessDown", "scope=host", f"process={process}")
    assert tool("amtool", "config", "routes", "test", f"--config.file={path}", *words).strip() == receiver


def test_an_inhibition_names_rules_and_labels_that_there_are() -> None:
    for one in INHIBITIONS:
        assert {one.source, *one.targets} <= BY_NAME.keys()
        assert one.source not in one.targets
        for name in (one.source, *one.targets):
            assert set(one.equal) <= CASES[name].labels.keys(), f"{name} has no {one.equal}"
