"""Dashboards as Grafana's files: whole, in place, and the same as what lies in deploy/. What each panel shows is tested
in test_real."""

import json
import re
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring import render
from monitoring.configuration import USER
from monitoring.folder import MonitoringFolder
from monitoring.grafana.dashboards import DASHBOARDS
from monitoring.grafana.files import SOURCE_UID, dashboard_json, placed
from monitoring.grafana.panel import COLUMNS, GrafanaDashboard
from monitoring.rules import RULES
from shared.paths import DataPaths
from tests.cli.conftest import Coin, coin, paths

__all__ = ["coin", "paths"]
NAMES = {"Bot", "Fleet", "Infrastructure", "Exchange"}


def test_there_are_four_with_names_of_their_own() -> None:
    assert {board.title for board in DASHBOARDS} == NAMES
    assert len({board.uid for board in DASHBOARDS}) == len(NAMES)


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.title)
def test_panels_lie_beside_each_other_and_never_on_each_other(board: GrafanaDashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for _, panel, x, y in placed(board):
        cells = {(x + i, y + j) for i in range(panel.width) for j in range(panel.height)}
        assert x + panel.width <= COLUMNS and not cells & taken, panel.title
        taken |= cells
    rows = sorted({y for _, _, _, y in placed(board)})
    for row, below in pairwise(rows):
        width = sum(panel.width for _, panel, _, y in placed(board) if y == row)
        assert width == COLUMNS, f"a gap beside the panels of row {row}, above {below}"


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.title)
def test_every_panel_asks_the_source_that_is_provisioned(board: GrafanaDashboard) -> None:
    document: dict[str, Any] = json.loads(json.dumps(dashboard_json(board)))
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == len(board.panels)
    assert len({panel["title"] + str(panel["gridPos"]) for panel in panels}) == len(panels)
    chosen = {choice["name"] for choice in document["templating"]["list"]}
    for panel in panels:
        assert panel["description"].endswith(".") and panel["datasource"]["uid"] == SOURCE_UID
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == SOURCE_UID
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= chosen | {"__rate_interval"}, target["expr"]


def test_what_lies_in_deploy_is_what_the_code_makes(tmp_path: Path) -> None:
    assert render.differing() == [], "python -m monitoring.render"
    assert render.differing(tmp_path) == sorted(render.rendered())
    source = yaml.safe_load(render.rendered()["grafana/provisioning/datasources/prometheus.yml"])["datasources"][0]
    assert source["uid"] == SOURCE_UID and source["url"] == "http://prometheus:9090"


def test_the_container_files_name_no_address_of_this_machine() -> None:
    own = {"loki.yml"}  # Loki speaks to itself there, inside of its container
    for name, text in render.rendered().items():
        assert name in own or ("127.0.0.1" not in text and "localhost" not in text), name


def test_every_alert_has_a_figure_that_a_dashboard_shows() -> None:
    """Who is told of something finds its course; what has none is a scrape or a delivery, which status shows."""
    shown = {name for board in DASHBOARDS for panel in board.panels for query in panel.queries
             for name in re.findall(r"\b(?:bot|coin|node|scrape)_\w+", query.expr)}  # fmt: skip
    for rule in RULES:
        used = set(re.findall(r"\b(?:bot|coin|node)_\w+", rule.expr))
        assert not used or used & shown or rule.name in ("BotLedgerUnwritable", "WatcherSilent"), rule.name


def test_the_command_writes_them_for_a_grafana_of_this_machine(coin: Coin, paths: DataPaths, tmp_path: Path) -> None:
    refused = coin("monitoring", "grafana", str(tmp_path / "g"))
    assert refused.returncode == 1 and "./coin monitoring start" in refused.stderr
    own = MonitoringFolder(paths)
    own.keep_password()
    done = coin("monitoring", "grafana", "g", PROMETHEUS_PORT="18190")
    assert done.returncode == 0, done.stderr
    target = tmp_path / "g"
    source = yaml.safe_load((target / "provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert source["url"] == "http://127.0.0.1:18190" and source["basicAuthUser"] == USER
    assert source["secureJsonData"]["basicAuthPassword"] == f"$__file{{{target / 'prometheus_password'}}}"
    assert (target / "prometheus_password").read_text() == own.password.read_text()
    assert stat.S_IMODE((target / "prometheus_password").stat().st_mode) == 0o600
    boards = {json.loads(path.read_text())["title"] for path in (target / "dashboards").glob("*.json")}
    assert boards == NAMES
    assert own.password.read_text() not in "".join(p.read_text() for p in target.rglob("*.json"))
