"""The files that Grafana reads at its start: its data source, where its dashboards lie, and each dashboard's JSON."""

import json
from collections.abc import Iterator
from typing import Any

from monitoring.configuration import USER
from monitoring.grafana.dashboards import DASHBOARDS
from monitoring.grafana.panel import COLUMNS, GrafanaDashboard, GrafanaPanel, PanelKind
from monitoring.yaml_text import yaml_text

SOURCE_UID = "coin-prometheus"
SCHEMA = 38  # of Grafana 10 and later; newer ones migrate it by themselves
FOLDER = "CoinTrader"
_SOURCE = {"type": "prometheus", "uid": SOURCE_UID}


def dashboard_json(board: GrafanaDashboard) -> dict[str, Any]:
    """A dashboard as Grafana's JSON model."""
    label, metric = board.chosen_by
    choice = {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values({metric}, {label})", "refId": "choice"},
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
    }
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.about,
        "tags": list(board.tags),
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "timezone": "utc",
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "graphTooltip": 1,
        "templating": {"list": [choice]},
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "CoinTrader", "tags": list(board.tags), "asDropdown": True,
             "includeVars": False, "keepTime": True}
        ],
        "panels": [_panel(panel, number, x, y) for number, panel, x, y in placed(board)],
    }  # fmt: skip


def placed(board: GrafanaDashboard) -> Iterator[tuple[int, GrafanaPanel, int, int]]:
    """(number, panel, column, row), from left to right and from top to bottom."""
    x = y = high = 0
    for number, panel in enumerate(board.panels, 1):
        if x + panel.width > COLUMNS:
            x, y, high = 0, y + high, 0
        yield number, panel, x, y
        x, high = x + panel.width, max(high, panel.height)


def _panel(panel: GrafanaPanel, number: int, x: int, y: int) -> dict[str, Any]:
    steps = [{"color": color, "value": value} for value, color in panel.thresholds]
    if steps:
        steps[0]["value"] = None  # Grafana's word for "from the lowest on"
    instant = panel.kind in (PanelKind.NUMBER, PanelKind.TABLE)
    return {
        "id": number,
        "type": panel.kind.value,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit.value,
                **({"thresholds": {"mode": "absolute", "steps": steps}} if steps else {}),
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}},
        "targets": [
            {
                "refId": chr(ord("A") + i),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": instant,
                "range": not instant,
            }
            for i, query in enumerate(panel.queries)
        ],
    }


def data_source(url: str, password_file: str = "") -> str:
    """provisioning/datasources/prometheus.yml. Grafana reads the password from its file by itself."""
    source: dict[str, Any] = {
        "name": "Prometheus", "type": "prometheus", "uid": SOURCE_UID, "access": "proxy", "url": url, "isDefault": True,
        "editable": False, "jsonData": {"timeInterval": "15s"},
    }  # fmt: skip
    if password_file:
        source |= {
            "basicAuth": True,
            "basicAuthUser": USER,
            "secureJsonData": {"basicAuthPassword": f"$__file{{{password_file}}}"},
        }
    return yaml_text({"apiVersion": 1, "datasources": [source]})


def provider(folder: str) -> str:
    """provisioning/dashboards/cointrader.yml: the folder with the dashboards' JSON."""
    one = {
        "name": "cointrader", "folder": FOLDER, "type": "file", "allowUiUpdates": False,
        "options": {"path": folder},
    }  # fmt: skip
    return yaml_text({"apiVersion": 1, "providers": [one]})


def all_files(url: str, folder: str, password_file: str = "") -> dict[str, str]:
    """Every file by its path below the folder of Grafana's files. `folder`: as Grafana sees that folder."""
    found = {
        "provisioning/datasources/prometheus.yml": data_source(url, password_file),
        "provisioning/dashboards/cointrader.yml": provider(f"{folder}/dashboards"),
    }
    for board in DASHBOARDS:
        text = json.dumps(dashboard_json(board), indent=2, ensure_ascii=False) + "\n"
        found[f"dashboards/{board.uid.removeprefix('coin-')}.json"] = text
    return found
