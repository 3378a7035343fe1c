"""Each limit with its current value and its last trip, and what risk remembers."""

from dataclasses import replace

from bot.engine.execution import edge
from bot.engine.risk import failures, guards, last_trips, sizing
from bot.engine.risk.kelly import kelly_size
from bot.engine.state.engine_state import EngineState
from bot.engine.views.times import iso
from shared.documents.risk import AdjustedDoc, KellyDoc, LimitDoc, RiskDoc


class RiskView:
    """What the limits say; asking changes nothing."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    @property
    def loss_streak(self) -> int:
        """Lots closed at a loss in a row."""
        return self._state.risk.loss_streak

    @property
    def last_vol_factor(self) -> float | None:
        """What the last entry's size was multiplied by for its volatility; None = nothing was sized yet."""
        return self._state.risk.last_vol_factor

    @property
    def failures(self) -> dict[str, dict[str, int]]:
        """How often a policy raised, by its severity."""
        return failures.by_severity(self._state)

    def document(self) -> RiskDoc:
        return risk(self._state)


def risk(state: EngineState) -> RiskDoc:
    """Each limit with its current value and its last trip."""
    day = state.account.day
    tripped = day is not None and day.breaker_ms is not None
    limits = [_with_trip(state, limit) for limit in guards.limits(state)]
    blocked = state.entries_blocked or ("day loss limit reached" if tripped else None)
    since_ms = last_trips.since_ms(state)
    return RiskDoc(
        entries_blocked=blocked,
        limits=limits,
        adjusted=_adjusted(state),
        trips_since=iso(since_ms) if since_ms is not None else None,
        kelly=_kelly(state),
    )


def _kelly(state: EngineState) -> KellyDoc | None:
    """Before the product's own regime; None with another SIZING, or before a product is known."""
    market = next(iter(state.markets.by_product.values()), None)
    if state.settings.sizing != "kelly" or market is None:
        return None
    asked = replace(sizing.kelly_request(state, market), regime=None, regime_scale=1.0)
    found = kelly_size(asked)
    return KellyDoc(
        trades=round(asked.trades, 2),
        trades_needed=found.trades_needed,
        win_rate=asked.win_rate if asked.trades > 0.0 else None,
        average_win_pct=asked.average_win,
        average_loss_pct=asked.average_loss,
        full=found.full,
        fraction=found.fraction,
        bound=found.bound.value,
        sentence=found.sentence,
    )


def _with_trip(state: EngineState, limit: LimitDoc) -> LimitDoc:
    at_ms = last_trips.at_ms(state, limit.name)
    return limit if at_ms is None or limit.tripped_at is not None else replace(limit, tripped_at=iso(at_ms))


def _adjusted(state: EngineState) -> list[AdjustedDoc]:
    """What is not in force as its default says."""
    fees = edge.fees(state)
    why = edge.adjusted(state.settings, fees)
    if why is None:
        return []
    return [AdjustedDoc(key=edge.TRAIL_KEY, value=f"{edge.trail_activate_pct(state.settings, fees):g}", why=why)]
