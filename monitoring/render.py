"""`python -m monitoring.render`: the files below deploy/monitoring, as containers use them; --check only compares."""

import sys
from collections.abc import Mapping
from pathlib import Path

from monitoring import configuration, log_files
from monitoring.configuration import Addresses, HostSinks
from monitoring.grafana.files import all_files
from shared.bots import DEFAULT_BOT
from shared.paths import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
# Names of services in one network of containers; no port of theirs is published.
IN_CONTAINERS = Addresses(
    dashboards={DEFAULT_BOT.name: "dashboard:8080"},
    token_file="/run/secrets/dashboard_token",  # noqa: S106 (a path)
    prometheus="prometheus:9090",
    alertmanager="alertmanager:9093",
    node_exporters=("node-exporter:9100",),
)
SLACK_URL = "/run/secrets/slack_webhook"


def rendered() -> Mapping[str, str]:
    """Every file by its path below deploy/monitoring."""
    grafana = all_files("http://prometheus:9090", "/etc/grafana/cointrader")
    return {
        "prometheus.yml": configuration.prometheus(IN_CONTAINERS),
        "alerts.yml": configuration.alert_rules(),
        "alertmanager.yml": configuration.alertmanager(HostSinks(slack_url_file=SLACK_URL)),
        "loki.yml": log_files.loki("/loki"),
        "logs.alloy": log_files.alloy("/var/log/cointrader/*.out.log", "http://loki:3100/loki/api/v1/push"),
        **{f"grafana/{name}": text for name, text in grafana.items()},
    }


def differing(folder: Path = FOLDER) -> list[str]:
    """Paths of the files that are not what the code makes, or are there and should not be."""
    wanted = rendered()
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"README.md"}
    return sorted(
        {name for name, text in wanted.items() if name not in there or (folder / name).read_text() != text}
        | (there - wanted.keys())
    )


def main(*words: str) -> int:
    """Write them, or with --check say which differ. 1 = one does."""
    if words == ("--check",):
        for name in differing():
            sys.stdout.write(f"{name} is not what python -m monitoring.render makes\n")
        return 1 if differing() else 0
    for name, text in rendered().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
