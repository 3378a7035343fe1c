"""The API: every answer holds against its model, and no request makes it break."""

import asyncio
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from prometheus_client.parser import text_string_to_metric_families

from dashboard.routes import models as m
from tests.dashboard.conftest import Dash
from tests.dashboard.past_files import fill_ledger, fill_logs, fill_market

TYPED = [
    ("/api/health", m.HealthReply),
    ("/api/bot/health", m.BotHealthReply),
    ("/api/state", m.StateReply),
    ("/api/positions", m.PositionsReply),
    ("/api/orders", m.OrdersReply),
    ("/api/orders?working=false", m.OrdersReply),
    ("/api/fills", m.FillsReply),
    ("/api/trades", m.TradesReply),
    ("/api/equity?range=1w", m.EquityReply),
    ("/api/performance?range=1w&by=week", m.PerformanceReply),
    ("/api/candles?product_id=BTC-USD", m.CandlesReply),
    ("/api/risk", m.RiskReply),
    ("/api/logs", m.LogsReply),
    ("/api/pm2", m.Pm2Reply),
    ("/api/commands", m.CommandsReply),
]


def fill(dash: Dash) -> None:
    fill_market(dash.paths, days_back=1)
    fill_ledger(dash.paths, round_trips=12)
    fill_logs(dash.paths)


@pytest.mark.parametrize("full", [True, False])
async def test_every_answer_holds_against_its_model(dash: Dash, full: bool) -> None:
    if full:
        fill(dash)
    async with dash.machine("viewer") as client:
        for path, model in TYPED:
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)
            made = model.model_validate_json(answer.content, strict=True)
            if hasattr(made, "known"):
                of_ledger = path.split("?")[0].rpartition("/")[2] in (
                    "orders", "fills", "trades", "equity", "performance", "candles"
                )  # fmt: skip
                assert made.known == (full or not of_ledger), path  # "nothing" and "not known" are different


async def test_exact_amounts_leave_as_text_and_rows_as_lists(dash: Dash) -> None:
    fill(dash)
    async with dash.machine() as client:
        fills = (await client.get("/api/fills?limit=1")).json()["fills"]
        assert isinstance(fills[0]["price"], str)
        candles = (await client.get("/api/candles?product_id=ETH-USD&granularity=ONE_HOUR&limit=5")).json()["candles"]
        assert [len(row) for row in candles] == [6] * 5
        assert [row[0] for row in candles] == sorted(row[0] for row in candles)


async def test_the_state_is_the_bots_own_document(dash: Dash) -> None:
    async with dash.machine() as client:
        got = (await client.get("/api/state")).json()
    assert got["state"]["seq"] == dash.writer.seq
    assert got["health"]["ok"] is True


async def test_without_a_bot_its_health_is_503_and_the_dashboards_own_is_200(dash: Dash) -> None:
    dash.paths.state.unlink()
    dash.hub.reader.look()
    async with dash.machine() as client:
        answer = await client.get("/api/bot/health")
        assert answer.status_code == 503
        assert answer.json()["presence"] == "offline"
        assert answer.json()["status"] is None
        assert (await client.get("/api/health")).status_code == 200
        assert (await client.get("/healthz")).json() == {"ok": True}


METRICS = {
    "bot_decisions_total": ("signal", {"buy", "sell", "flat"}),
    "bot_orders_total": ("side", {"buy", "sell"}),
    "bot_trades_total": ("result", {"open", "win", "loss"}),
    "bot_equity_usd": None,
    "bot_model_mode": ("mode", {"extended"}),
    "bot_vol_risk_factor": None,
    "bot_walk_forward_fits_total": None,
    "bot_decisions_missed_total": None,
}


async def test_prometheus_own_client_reads_every_name(dash: Dash) -> None:
    async with dash.machine("viewer") as client:
        answer = await client.get("/metrics")
    samples = [s for family in text_string_to_metric_families(answer.text) for s in family.samples]
    by_name: dict[str, list[Any]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
        assert math.isfinite(sample.value), sample
    for name, labels in METRICS.items():
        assert name in by_name, name
        if labels:
            assert {s.labels[labels[0]] for s in by_name[name]} == labels[1], name
    assert by_name["bot_orders_total"][0].labels["mode"] == "sim"
    assert by_name["bot_equity_usd"][0].value > 0
    assert sum(s.value for s in by_name["bot_presence"]) == 1
    failed = {s.labels["severity"]: s.value for s in by_name["bot_guard_failures_total"]}
    assert failed == {"recoverable": 3, "critical": 0}, "a severity without a failure is a zero, not absent"
    each = {(s.labels["policy"], s.labels["severity"]): s.value for s in by_name["bot_guard_failures_by_policy_total"]}
    assert each == {("spread", "recoverable"): 2, ("signal", "recoverable"): 1}


async def test_metrics_of_a_dead_bot_say_so_and_nothing_else_of_it(dash: Dash) -> None:
    dash.paths.state.unlink()
    dash.hub.reader.look()
    async with dash.machine() as client:
        text = (await client.get("/metrics")).text
    names = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
    assert names["bot_up"] == 0
    assert "bot_equity_usd" not in names  # an old figure would look alive


async def test_every_route_of_the_api_is_in_its_document(dash: Dash) -> None:
    async with dash.machine() as client:
        paths = (await client.get("/api/openapi.json")).json()["paths"]
    for path in ("/api/health", "/api/bot/health", "/api/state", "/api/positions", "/api/orders", "/api/fills",
                 "/api/trades", "/api/equity", "/api/performance", "/api/candles", "/api/risk", "/api/logs", "/api/pm2",
                 "/api/commands", "/api/commands/{command_id}", "/api/stream", "/metrics"):  # fmt: skip
        assert path in paths, path


def test_no_request_that_fits_the_document_breaks_the_api(dash: Dash) -> None:
    """Property based, from the OpenAPI document: every answer has a status that the document names for it."""
    fill(dash)
    schema = schemathesis.openapi.from_dict(dash.app.openapi())
    tried: dict[str, int] = {}
    with asyncio.Runner() as runner:
        client = dash.machine()
        for result in schema.get_all_operations():
            operation = result.ok()
            if operation.path != "/api/stream":  # it does not end by itself
                tried[operation.path] = _try(operation, client, runner)
        runner.run(client.aclose())
    assert len(tried) >= 15
    assert sum(tried.values()) > 150


def _try(operation: Any, client: httpx.AsyncClient, runner: asyncio.Runner) -> int:
    count = 0
    named = {int(code) for code in operation.definition.raw["responses"]} | {404}

    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        nonlocal count
        count += 1
        request = case.as_transport_kwargs(base_url="http://127.0.0.1:8080")
        path, params, body = case.formatted_path, request.get("params"), request.get("json")
        answer = runner.run(client.request(case.method, path, params=params, json=body))
        assert answer.status_code in named, (case.formatted_path, request.get("params"), answer.text[:200])

    check()
    return count


async def test_a_blind_bot_is_blind_in_the_api_the_metrics_and_the_page(dash: Dash) -> None:
    dash.writer.blind_since = datetime.now(UTC) - timedelta(seconds=51)
    dash.beat()
    async with dash.machine() as client:
        health = (await client.get("/api/bot/health")).json()
        assert (health["ok"], health["status"], health["word"]) == (True, "running", "blind")
        assert health["seconds"] > 50 and health["figures_age_s"] > 50
        assert {p["name"] for p in health["parts"] if p["state"] == "gone"} == {"stream", "orders"}
        assert (await client.get("/api/positions")).json()["figures_age_s"] > 50
        metrics = (await client.get("/metrics")).text
        assert 'bot_verdict{verdict="blind"} 1.0' in metrics and 'bot_verdict{verdict="running"} 0.0' in metrics
        assert re.search(r"^bot_blind_seconds 5\d\.", metrics, re.M)
        page = (await client.get("/")).text
    assert "<title>BLIND 5" in page and 'data-presence="blind" data-blind' in page
    chips = re.findall(r'<span class="age" data-s="(\w+)" data-age="fed">5\d\.\d', page)
    assert len(chips) >= 5 and set(chips) == {"stale"}, "equity, today, exits and positions are as old as their prices"
    dash.writer.blind_since = None
    dash.beat()
    async with dash.machine() as client:
        assert (await client.get("/api/bot/health")).json()["word"] == "running"
