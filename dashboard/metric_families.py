"""Families of /metrics that are built from more than one figure: latencies, feeds, strategy, markets, processes."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from dashboard.views.snapshot import Snapshot
from shared.documents.alerts import RuleState
from shared.documents.feeds import FeedsDoc, LatencyDoc, MetricsDoc
from shared.documents.status import Phase
from shared.paths import ROOT
from shared.pm2 import Effective
from shared.setting_table import GRANULARITY_S, Mode
from shared.times import epoch_ms, parse_time

# Key in the bot's document -> (name, help).
_LATENCIES = {
    "order_ack": ("bot_order_ack_seconds", "From an order's decision to the exchange's yes"),
    "ledger_commit": ("bot_ledger_commit_seconds", "A commit of the ledger"),
    "loop_lag": ("bot_loop_lag_seconds", "Lag of the bot's event loop"),
    "rest_request": ("bot_rest_request_seconds", "A request to the exchange, whatever came back"),
    "tick_to_order": ("bot_tick_to_order_seconds", "Frame in to order bytes out"),
}


def of_the_alerts(s: Snapshot) -> Iterator[Metric]:
    """What COIN-WATCH says, with its own age; of what an old document says nothing is known."""
    look = s.watcher
    yield from gauge("coin_watcher_age_seconds", "Since COIN-WATCH last wrote alerts.json", look.age_s)
    if not look.wanted:
        return
    yield from gauge("coin_watcher_up", "1 while COIN-WATCH looks", float(look.doc is not None and not look.gone))
    if look.doc is None or look.gone:
        return
    firing = GaugeMetricFamily(
        "coin_alerts", "1 for each alert that fires", labels=["name", "severity", "phase", "rule"]
    )
    for alert in look.doc.firing:
        firing.add_metric(
            [alert.name, alert.severity.value, alert.phase.value, alert.rules[0] if alert.rules else ""], 1
        )
    yield firing
    share = GaugeMetricFamily("coin_alert_rule_share", "Of the way to a rule's threshold, 0 to 1", labels=["rule"])
    state = GaugeMetricFamily("coin_alert_rule_firing", "1 for a rule that fires", labels=["rule", "severity"])
    for rule in look.doc.rules:
        if rule.share is not None:
            share.add_metric([rule.name], rule.share)
        state.add_metric([rule.name, rule.severity.value], float(rule.state is RuleState.FIRING))
    yield share
    yield state
    waiting = GaugeMetricFamily("coin_alert_messages_waiting", "Messages that a sink did not take yet", labels=["sink"])
    failures = GaugeMetricFamily("coin_alert_sink_failures", "Failed tries of a sink in a row", labels=["sink"])
    for sink in look.doc.sinks:
        waiting.add_metric([sink.name], sink.waiting)
        failures.add_metric([sink.name], sink.failures)
    yield waiting
    yield failures


def gauge(name: str, text: str, value: float | None) -> Iterator[Metric]:
    """One gauge without labels; none where the value is not known."""
    if value is not None:
        yield GaugeMetricFamily(name, text, value=value)


def latencies(m: MetricsDoc) -> Iterator[Metric]:
    """A histogram for each figure that the bot counts; counts start anew with the bot."""
    for key, (name, text) in _LATENCIES.items():
        found = m.latencies.get(key)
        if found is not None and _whole(found):
            sums = list(accumulate(found.counts))
            buckets = [(repr(ms / 1000), n) for ms, n in zip(found.le_ms, sums, strict=False)]
            yield HistogramMetricFamily(name, text, [*buckets, ("+Inf", sums[-1])], found.sum_ms / 1000)


def _whole(doc: LatencyDoc) -> bool:
    """The file is another process' word: a histogram that contradicts itself would void the whole page."""
    rising = all(low < high for low, high in zip(doc.le_ms, doc.le_ms[1:], strict=False))
    return rising and len(doc.counts) == len(doc.le_ms) + 1 and min(doc.counts) >= 0 and doc.sum_ms >= 0


def channel_ages(s: Snapshot, feeds: FeedsDoc) -> Iterator[Metric]:
    """Since the last message of each channel, the file's own age on top."""
    ages = GaugeMetricFamily(
        "bot_channel_age_seconds", "Since the last message of a channel", labels=["channel", "product_id"]
    )
    for one in feeds.channels:
        if one.age_ms is not None:
            ages.add_metric([one.channel, one.product_id or ""], one.age_ms / 1000 + (s.age_s or 0.0))
    yield ages


def of_the_strategy(s: Snapshot) -> Iterator[Metric]:
    """Bar length, age of the newest decision, and what the strategy sees of each product."""
    assert s.state is not None
    doc = s.state.strategy
    if doc is None:
        return
    bar_s = GRANULARITY_S.get(doc.granularity)
    yield from gauge("bot_bar_seconds", "Length of the bar on which decisions are made", bar_s)
    if bar_s is not None and s.state.mode != Mode.REPLAY and s.state.phase is Phase.TRADING:
        text = "Since the end of the newest bar that was decided on, of any product"
        yield from gauge("bot_decision_age_seconds", text, _decision_age_s(s, bar_s))
    values = GaugeMetricFamily(
        "bot_signal_value", "What the strategy computes: moving averages and the like", labels=["product_id", "name"]
    )
    chances = GaugeMetricFamily("bot_signal_probability", "Probability of a rise", labels=["product_id"])
    for signal in doc.signals:
        for name, value in sorted(signal.values.items()):
            values.add_metric([signal.product_id, name], value)
        if signal.probability is not None:
            chances.add_metric([signal.product_id], signal.probability)
    yield from (values, chances)


def _decision_age_s(s: Snapshot, bar_s: int) -> float | None:
    """Of the newest of all: a product without a trade has no bar, which is no fault. None = there was none yet."""
    gates = s.state.gates.products if s.state is not None and s.state.gates is not None else []
    starts = [parse_time(one.decided_at) for one in gates if one.decided_at is not None]
    if not starts:
        return None
    return max((s.now - max(starts)).total_seconds() - bar_s, 0.0)


def of_the_markets(s: Snapshot) -> Iterator[Metric]:
    """Last price with its age, and the money in each product."""
    prices = GaugeMetricFamily("bot_price_usd", "Last price", labels=["product_id"])
    ages = GaugeMetricFamily("bot_price_age_seconds", "Since the price came", labels=["product_id"])
    for product_id, quote in sorted(s.quotes.items()):
        if quote.last is not None:
            prices.add_metric([product_id], quote.last)
        if quote.at_ms:
            ages.add_metric([product_id], max((epoch_ms(s.now) - quote.at_ms) / 1000, 0.0))
    yield from (prices, ages)
    positions = s.state.positions if s.state is not None else None
    if positions is None:
        return
    exposure = GaugeMetricFamily("bot_position_usd", "Value of the open lots at their mark", labels=["product_id"])
    for position in positions:
        if position.size_usd is not None:
            exposure.add_metric([position.product_id], position.size_usd)
    yield exposure


def of_the_processes(s: Snapshot) -> Iterator[Metric]:
    """Every process of this checkout, as PM2 has it; nothing where PM2 can't be read."""
    if s.pm2.trouble is not None:
        return
    label = ["process"]
    up = GaugeMetricFamily("coin_process_up", "1 while PM2's process runs", labels=label)
    restarts = CounterMetricFamily("coin_process_restarts", "Restarts since it was started by hand", labels=label)
    memory = GaugeMetricFamily("coin_process_resident_bytes", "Resident memory", labels=label)
    started = GaugeMetricFamily("coin_process_start_time_seconds", "When it started, seconds since 1970", labels=label)
    for one in s.pm2.processes:
        if one.cwd and Path(one.cwd) != ROOT:
            continue  # PM2 may run others' programs
        up.add_metric([one.name], float(one.effective is Effective.ONLINE))
        restarts.add_metric([one.name], one.restarts)
        if one.effective is Effective.ONLINE:
            memory.add_metric([one.name], one.memory_bytes)
            if one.started_ms is not None:
                started.add_metric([one.name], one.started_ms / 1000)
    yield from (up, restarts, memory, started)
