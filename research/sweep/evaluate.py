"""One point's figures, from what all points of a sweep share."""

import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.strategies.base import StrategyError
from bot.strategies.registry import BUILT_IN
from research import decisions, engine, signals
from research.backtest import BacktestRequest, settings_for
from research.data.candles import CandleSet
from research.engine import Prepared, RawResult
from research.errors import ResearchError
from research.loops import types as t
from research.metrics.summary import by_key, measured
from research.sweep.points import Point
from shared.settings import Settings, SettingsError
from shared.strategy_names import COMBINED

Row = dict[str, Any]
# Read by the rulebook's loop, never by a built-in strategy: signals need not be made anew for them.
_RULE_KEYS = frozenset(
    {
        "take_profit_pct",
        "runner_tp_mult",
        "scalp_tp_dec_mode",
        "scalp_tp_decay_factor",
        "scalp_tp_dec_pct",
        "scalp_tp_min_pct",
        "scalp_tp_decay_enable",
        "pyramid_min_adverse_pct",
        "pyramid_decay_lambda",
        "pyramid_decay_min_pct",
        "pyramid_min_seconds_between",
        "allow_pyramiding",
        "stop_loss_pct",
        "trail_activate_pct",
        "trail_distance_pct",
        "max_concurrent_lots",
        "max_total_lots",
        "risk_per_trade_pct",
        "order_min_usd",
        "low_funds",
        "max_order_usd",
        "use_live_equity",
        "usd_equity",
        "vol_risk_adjust",
        "max_daily_loss_pct",
        "max_daily_loss_usd",
        "daily_breaker_mark_to_market",
        "take_profit_order",
        "signal_exits",
        "edge_gate",
        "min_edge_pct",
        "sizing",
        "fixed_order_usd",
        "target_day_vol_pct",
        "kelly_cap_pct",
        "kelly_confidence",
        "max_base",
        "vol_band_method",
        "vol_band_low_pct",
        "vol_band_high_pct",
        "max_product_usd",
        "max_total_usd",
        "max_drawdown_pct",
        "max_consecutive_losses",
        "max_vol_spike",
        "reduce_only",
        "trading_window_utc",
        "exposure_max_pct",
        "exposure_band_pct",
        "exposure_maker_sec",
    }
)
_OWN = (*BUILT_IN, COMBINED)
KEPT_SIGNALS = 4


@dataclass(slots=True)
class SweepContext:
    """What all points of a sweep share: prepared data, running sums, a few arrays of signals, room for results."""

    request: BacktestRequest
    prepared: Prepared
    sums: tuple[Any, Any]
    kept: dict[Any, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    rooms: threading.local = field(default_factory=threading.local)

    @staticmethod
    def of(candles: Sequence[CandleSet], request: BacktestRequest) -> "SweepContext":
        prepared = engine.prepare(candles)
        return SweepContext(request, prepared, engine.return_sums(prepared))

    def room(self) -> t.Out:
        """This thread's arrays, written anew at every point."""
        room: t.Out | None = getattr(self.rooms, "out", None)
        if room is None:
            room = engine.new_out(2 * engine.CAPACITY, len(self.prepared.times))
            self.rooms.out = room
        return room

    def signals(self, settings: Settings) -> Any:
        """BUY and SELL, or target weights, of every bar; kept where only the rulebook's settings differ."""
        if signals.has_fast_form(settings) and settings.kind != "exposure":
            return signals.fast(settings, self.prepared)
        fields = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings) if f.name != "by_hand"}
        if {*settings.strategy_files} <= {*_OWN}:
            fields = {name: value for name, value in fields.items() if name not in _RULE_KEYS}
        key = repr(sorted(fields.items()))
        with self.lock:
            found = self.kept.get(key)
        if found is None:
            found = decisions.decide(settings, self.prepared, self.request.style)
            with self.lock:
                while len(self.kept) >= KEPT_SIGNALS:
                    self.kept.pop(next(iter(self.kept)))
                self.kept[key] = found
        return found


def evaluate(bench: SweepContext, point: Point) -> Row:
    """The point's figures and, for the registry of trials, its days beyond holding; {"error": …} where its settings
    contradict each other or its strategy fails."""
    try:
        result = result_of(bench, point)
    except (ResearchError, SettingsError, StrategyError) as error:
        return {"point": dict(point), "error": str(error)}
    found = measured(result, chances=False)
    row = {"point": dict(point), "figures": dict(by_key(found.figures))}
    return row | {"first_day": found.first_day, "edge": found.edge}


def result_of(bench: SweepContext, point: Point) -> RawResult:
    """The point's run. Raises ResearchError, SettingsError, StrategyError. Gone when this thread runs the next."""
    settings = settings_for({**bench.request.overrides, **point}, bench.prepared.candles)
    said = bench.signals(settings)
    request = bench.request
    return decisions.carry_out(
        bench.prepared, said, settings, request.model, request.style, sums=bench.sums, room=bench.room()
    )
