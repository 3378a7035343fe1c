"""/metrics for Prometheus: the bot's figures from its state file, and the dashboard's own."""

import contextlib
import time
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from dashboard import door, metric_families
from dashboard.hub import Hub
from dashboard.metric_families import gauge
from dashboard.routes.api import rss_mb
from dashboard.routes.tools import hub_of
from dashboard.stream import Broadcaster
from dashboard.views import results
from dashboard.views.snapshot import Snapshot
from shared.documents.feeds import MetricsDoc
from shared.presence import Presence
from shared.verdict import Verdict


def router(broadcaster: Broadcaster) -> APIRouter:
    routes = APIRouter(tags=["metrics"])

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics(request: Request) -> Response:
        """Figures of the bot and of the dashboard, as OpenMetrics where it is asked for. A viewer's bearer token is
        enough."""
        hub = hub_of(request)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Once(hub, broadcaster))
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return routes


class _Once:
    """Collects from one snapshot."""

    def __init__(self, hub: Hub, broadcaster: Broadcaster) -> None:
        self.hub = hub
        self.broadcaster = broadcaster

    def collect(self) -> Iterator[Metric]:
        s = self.hub.reader.snapshot()
        yield from _presence(s)
        if s.state is not None and s.fresh:
            yield from _bot(s)
            yield from _account(s)
            yield from _feeds(s)
            yield from metric_families.of_the_strategy(s)
            yield from metric_families.of_the_markets(s)
        yield from metric_families.of_the_processes(s)
        yield from metric_families.of_the_alerts(s)
        yield from _dashboard(self.hub, self.broadcaster)


def _presence(s: Snapshot) -> Iterator[Metric]:
    presence = GaugeMetricFamily("bot_presence", "1 for the presence that the state file shows", labels=["presence"])
    for one in Presence:
        presence.add_metric([one.value], float(one is s.presence))
    yield presence
    verdict = GaugeMetricFamily("bot_verdict", "1 for the current verdict", labels=["verdict"])
    judged = s.verdict
    for word in Verdict:
        if word is not Verdict.NO_ANSWER:
            verdict.add_metric([word.value], float(word is judged.word))
    yield verdict
    blind_s = (judged.seconds or 0.0) if judged.word is Verdict.BLIND else 0.0
    yield from gauge("bot_blind_seconds", "Seconds without data from the exchange; 0 while data arrives", blind_s)
    yield from gauge(
        "bot_figures_age_seconds", "Age of the prices that equity and marks are based on", judged.figures_age_s
    )
    yield from gauge("bot_up", "1 while the bot's file is fresh and it may send orders", float(s.fit))
    yield from gauge("bot_state_age_seconds", "Since the state file last moved", s.age_s)


def _bot(s: Snapshot) -> Iterator[Metric]:
    state = s.state
    assert state is not None
    status = GaugeMetricFamily("bot_status", "1 for the bot's own status", labels=["status", "phase", "mode"])
    status.add_metric([state.status, state.phase, state.mode], 1)
    yield status
    yield from gauge("bot_killed", "1 while the kill latch holds", float(state.kill is not None))
    yield from gauge("bot_state_write_errors", "Failed writes of documents", state.io.write_errors)
    yield from gauge("bot_ledger_writable", "1 while the bot can write its ledger", float(state.io.ledger_ok))
    free_mb = state.io.disk_free_mb
    yield from gauge("bot_disk_free_bytes", "Left for the bot's files", None if free_mb is None else free_mb * 2**20)
    alert = GaugeMetricFamily("bot_alert", "1 for what the bot says a person must be told of", labels=["code"])
    for one in state.alerts:
        alert.add_metric([one.code], 1)
    yield alert
    m = state.metrics
    decisions = CounterMetricFamily("bot_decisions", "Decisions by signal", labels=["signal"])
    orders = CounterMetricFamily("bot_orders", "Orders sent", labels=["mode", "side"])
    trades = CounterMetricFamily("bot_trades", "Lots opened, and closed with a gain or a loss", labels=["result"])
    for word in ("buy", "sell", "flat"):
        decisions.add_metric([word], (m.decisions.get(word, 0) if m else 0))
    for word in ("buy", "sell"):
        orders.add_metric([state.mode, word], (m.orders.get(word, 0) if m else 0))
    for word in ("open", "win", "loss"):
        trades.add_metric([word], (m.trades.get(word, 0) if m else 0))
    mode = GaugeMetricFamily("bot_model_mode", "1 for the model's mode", labels=["mode"])
    mode.add_metric([(m.model_mode if m else None) or "none"], 1)
    fits = CounterMetricFamily("bot_walk_forward_fits", "Fits of the model", value=m.walk_forward_fits if m else 0)
    yield from (decisions, orders, trades, mode, fits)
    factor = m.vol_risk_factor if m and m.vol_risk_factor is not None else 1.0
    yield from gauge("bot_vol_risk_factor", "Factor on the entry size for volatility", factor)
    if m is None:
        return
    if m.decisions_missed is not None:
        text = "Bars that a newer one overtook before the strategy had answered"
        yield CounterMetricFamily("bot_decisions_missed", text, value=m.decisions_missed)
    yield from gauge("bot_rss_megabytes", "Resident memory of the bot", m.rss_mb)
    yield CounterMetricFamily("bot_cpu_seconds", "Processor time of the bot", value=m.cpu_s)
    yield from gauge("bot_loop_lag_p99_milliseconds", "Lag of the bot's event loop", m.loop_lag_ms_p99)
    yield from gauge("bot_state_write_interval_p99_milliseconds", "Between state writes", m.write_interval_ms_p99)
    yield from gauge("bot_tick_to_order_p50_milliseconds", "Frame in to order bytes out", m.tick_to_order_ms_p50)
    yield from gauge("bot_tick_to_order_p99_milliseconds", "Frame in to order bytes out", m.tick_to_order_ms_p99)
    yield from gauge("bot_ledger_commit_p99_milliseconds", "A ledger commit", m.ledger_commit_ms_p99)
    yield from _guard_failures(m)
    yield from metric_families.latencies(m)


def _guard_failures(m: MetricsDoc) -> Iterator[Metric]:
    """Both severities always have their sum, so that an alert has a series to look at before anything failed."""
    total = CounterMetricFamily("bot_guard_failures", "Risk policies that raised", labels=["severity"])
    by_policy = CounterMetricFamily(
        "bot_guard_failures_by_policy", "Risk policies that raised, each that did", labels=["policy", "severity"]
    )
    for severity, counts in sorted(m.guard_failures.items()):
        total.add_metric([severity], sum(counts.values()))
        for policy, number in sorted(counts.items()):
            by_policy.add_metric([policy, severity], number)
    yield total
    yield by_policy


def _account(s: Snapshot) -> Iterator[Metric]:
    state = s.state
    assert state is not None
    yield from gauge("bot_equity_usd", "Equity", state.portfolio_value)
    yield from gauge("bot_lots", "Open lots", s.lot_count)
    a = state.account
    if a is not None:
        yield from gauge("bot_cash_usd", "Cash, free and held", a.cash)
        yield from gauge("bot_day_pnl_usd", "Today's PnL after fees", a.day_pnl)
        yield from gauge("bot_day_realized_usd", "Lots closed today, after fees", a.day_realized)
        yield from gauge("bot_day_fees_usd", "Fees of today's fills", a.day_fees)
        yield from gauge("bot_open_pnl_usd", "Open lots at their marks, after fees", results.open_lots(s).pnl)
        yield from gauge("bot_drawdown_percent", "Drawdown of the time-weighted curve from its peak", a.drawdown_pct)
        yield from gauge("bot_time_weighted_index", "Growth of 1 unit of money, transfers excluded", a.curve)
        yield from gauge("bot_orders_unknown", "Orders without an answer", a.orders_unknown)
    if state.orders is not None:
        working = GaugeMetricFamily("bot_orders_working", "Orders by state", labels=["state"])
        states = sorted({o.state for o in state.orders})
        for word in states:
            working.add_metric([word], sum(o.state == word for o in state.orders))
        yield working
    if state.risk is not None:
        blocked = float(state.risk.entries_blocked is not None)
        yield from gauge("bot_entries_blocked", "1 while risk allows no entry", blocked)
    limits = state.risk.limits if state.risk else []
    tripped = GaugeMetricFamily("bot_risk_limit_tripped", "1 where a limit has tripped", labels=["limit"])
    for limit in limits:
        tripped.add_metric([limit.name], float(limit.state == "tripped"))
    yield tripped


def _feeds(s: Snapshot) -> Iterator[Metric]:
    feeds = s.state.feeds if s.state else None
    if feeds is None:
        return
    yield from gauge("bot_ws_connected", "1 while the stream is connected", float(feeds.ws_connected))
    yield from gauge("bot_ws_age_seconds", "Since the last message", s.ws_age_s)
    yield CounterMetricFamily("bot_ws_reconnects", "Reconnections of the stream", value=feeds.ws_reconnects)
    yield CounterMetricFamily("bot_ws_gaps", "Gaps in the stream's sequence", value=feeds.ws_gaps)
    yield CounterMetricFamily("bot_ws_messages", "Messages of the stream", value=feeds.ws_messages)
    yield CounterMetricFamily("bot_rest_calls", "Requests to the exchange", value=feeds.rest_calls)
    yield CounterMetricFamily("bot_rest_errors", "Failed requests", value=feeds.rest_errors)
    if feeds.rest_rate_limited is not None:
        yield CounterMetricFamily("bot_rest_rate_limited", "Answers 429", value=feeds.rest_rate_limited)
    yield from metric_families.channel_ages(s, feeds)
    yield from gauge("bot_rest_budget_percent", "Request budget that is left", feeds.budget_pct)
    yield from gauge("bot_clock_offset_milliseconds", "Exchange's clock minus ours", feeds.clock_offset_ms)


def _dashboard(hub: Hub, broadcaster: Broadcaster) -> Iterator[Metric]:
    c = hub.counters
    yield from gauge("coin_uptime_seconds", "Since the dashboard started", time.monotonic() - hub.began)
    rss = rss_mb()
    yield from gauge("coin_rss_megabytes", "Resident memory of the dashboard", rss)
    yield from gauge("coin_streams", "Open streams", broadcaster.clients)
    yield from gauge("coin_connections", "Open connections", door.connections())
    sent = CounterMetricFamily("coin_commands", "Commands sent", labels=["cmd"])
    for cmd, n in sorted(c.commands.items()):
        sent.add_metric([cmd], n)
    yield sent
    slowed = hub.passwords.refused + hub.links.refused + hub.bearers.refused
    for name, text, value in (
        ("coin_commands_refused", "Commands refused", c.commands_refused),
        ("coin_logins", "Sign-ins", c.logins),
        ("coin_logins_failed", "Failed sign-ins", c.logins_failed),
        ("coin_logins_slowed", "Failed sign-ins beyond a peer's limit", slowed),
        ("coin_connections_refused", "Connections beyond a peer's limit", hub.door.refused),
        ("coin_connections_dropped", "Waiting connections dropped: too late, or too many of a peer", hub.door.dropped),
        ("coin_sessions_foreign", "Requests with the cookie of another user's session", hub.foreign.count),
        ("coin_streams_refused", "Streams refused by a limit", c.streams_refused),
        ("coin_streams_cut", "Slow streams cut", c.streams_cut),
        ("coin_renders", "Pages drawn for streams", c.renders),
        ("coin_render_seconds", "Time spent drawing them", c.render_s),
    ):
        yield CounterMetricFamily(name, text, value=value)
    sizes = GaugeMetricFamily("coin_file_bytes", "Size of a file between the processes", labels=["file"])
    for file, path in (
        ("bot_state", hub.paths.state),
        ("ledger", hub.paths.ledger),
        ("market_db", hub.paths.market_db),
    ):
        with contextlib.suppress(OSError):
            sizes.add_metric([file], path.stat().st_size)
    yield sizes
