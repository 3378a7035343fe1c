"""What Prometheus and Alertmanager are told: scrapes, rules, routes. Plain data, and its YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitoring.pace import REAL, Pace
from monitoring.rules import INHIBITIONS, PrometheusRule, Scope, groups
from monitoring.yaml_text import yaml_text
from shared.bots import DASHBOARD, DEFAULT_BOT, SIMULATOR

Document = Mapping[str, Any]
USER = "coin"  # of Prometheus' and Alertmanager's own pages
HOST_RECEIVER, BOT_RECEIVER = "host", "told-by-the-watcher"
TEXT = "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }} ({{ .Annotations.runbook }})\n{{ end }}"
# COIN-WATCH tells of these processes' ends; of its own, and of monitoring's, nobody else would.
WATCHED_PROCESSES = f"{DEFAULT_BOT.process}.*|{DASHBOARD}|{SIMULATOR}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything is reached, as host:port. Paths of secrets are read by Prometheus itself at each scrape.

    `dashboards`: each dashboard with the name of the bot whose figures it serves. `tls`: what its certificate is
    checked with (Prometheus' `tls_config`), None = plain HTTP. `password_file`: of Prometheus and Alertmanager;
    "" = they ask for none.
    """

    dashboards: Mapping[str, str]
    token_file: str
    prometheus: str
    alertmanager: str
    node_exporters: tuple[str, ...]
    tls: Mapping[str, str] | None = None
    password_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSinks:
    """Who is told of the host. Of Slack the file that holds its webhook; this Alertmanager reads no other secret from a
    file, so its configuration is as secret as a Telegram token in it. Empty = none."""

    slack_url_file: str = ""
    webhook_url: str = ""
    telegram_token: str = ""
    telegram_chat_id: int = 0

    @property
    def any(self) -> bool:
        return bool(self.slack_url_file or self.webhook_url or self.telegram_token)


def prometheus(where: Addresses, pace: Pace = REAL) -> str:
    """prometheus.yml."""
    signed_in = _signed_in(where)
    dashboard: dict[str, Any] = {
        "job_name": "cointrader",
        "authorization": {"type": "Bearer", "credentials_file": where.token_file},
        "static_configs": [{"targets": [at], "labels": {"bot": bot}} for bot, at in where.dashboards.items()],
    }
    if where.tls is not None:
        dashboard |= {"scheme": "https", "tls_config": dict(where.tls)}
    own = [
        {"job_name": name, **signed_in, "static_configs": [{"targets": [at]}]}
        for name, at in (("prometheus", where.prometheus), ("alertmanager", where.alertmanager))
    ]
    host = {"job_name": "host", "static_configs": [{"targets": list(where.node_exporters)}]}
    return yaml_text(
        {
            "global": {
                "scrape_interval": pace.scrape,
                "scrape_timeout": "10s" if pace == REAL else pace.scrape,
                "evaluation_interval": pace.scrape,
            },
            "rule_files": ["alerts.yml"],
            "alerting": {"alertmanagers": [{**signed_in, "static_configs": [{"targets": [where.alertmanager]}]}]},
            "scrape_configs": [dashboard, host, *own],
        }
    )


def _signed_in(where: Addresses) -> dict[str, Any]:
    if not where.password_file:
        return {}
    return {"basic_auth": {"username": USER, "password_file": where.password_file}}


def alert_rules(pace: Pace = REAL) -> str:
    """alerts.yml."""
    return yaml_text(
        {"groups": [{"name": name, "rules": [_rule(rule, pace) for rule in rules]} for name, rules in groups()]}
    )


def _rule(rule: PrometheusRule, pace: Pace) -> Document:
    return {
        "alert": rule.name,
        "expr": pace.expression(rule.expr),
        **({"for": pace.duration(rule.for_s)} if rule.for_s else {}),
        "labels": {"severity": rule.severity.value, "scope": rule.scope.value},
        "annotations": {"summary": rule.summary, "runbook": rule.runbook},
    }


def alertmanager(sinks: HostSinks, pace: Pace = REAL) -> str:
    """alertmanager.yml. What concerns a bot is told by COIN-WATCH: here it is only grouped and shown."""
    host: dict[str, Any] = {"name": HOST_RECEIVER}
    if sinks.slack_url_file:
        title = "{{ .Status | toUpper }}: {{ .CommonLabels.alertname }}"
        host["slack_configs"] = [
            {"api_url_file": sinks.slack_url_file, "send_resolved": True, "title": title, "text": TEXT}
        ]
    if sinks.telegram_token:
        host["telegram_configs"] = [
            {"bot_token": sinks.telegram_token, "chat_id": sinks.telegram_chat_id, "parse_mode": "", "message": TEXT}
        ]
    if sinks.webhook_url:
        host["webhook_configs"] = [{"url": sinks.webhook_url, "send_resolved": True}]
    return yaml_text(
        {
            "global": {"resolve_timeout": pace.duration(300)},
            "route": {
                "receiver": HOST_RECEIVER,
                "group_by": ["alertname", "instance"],
                "group_wait": pace.duration(10),
                "group_interval": pace.duration(60),
                "repeat_interval": pace.duration(4 * 3600),
                "routes": [
                    {"receiver": BOT_RECEIVER, "matchers": [f'scope="{Scope.BOT.value}"']},
                    {"receiver": BOT_RECEIVER, "matchers": [f'process=~"{WATCHED_PROCESSES}"']},
                ],
            },
            "inhibit_rules": [
                {
                    "source_matchers": [f'alertname="{one.source}"'],
                    "target_matchers": [f'alertname=~"{"|".join(one.targets)}"'],
                    "equal": list(one.equal),
                }
                for one in INHIBITIONS
            ],
            "receivers": [host, {"name": BOT_RECEIVER}],
        }
    )
