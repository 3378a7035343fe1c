"""What an entry must earn: each way out of a lot against the fees of its order kinds (docs/trading-rules.md §5a).

A lot is sold by its take profit or by the trailing stop. A stop loss sells at a loss by intention and is not judged.
Where TRAIL_ACTIVATE_PCT was left at its default, it is lifted to the least value that pays at the account's tier.
"""

from typing import NamedTuple

from bot.domain.balances import FeeRates
from bot.domain.kinds import LotKind
from bot.engine.risk import target_weight
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules import codes
from bot.rules.entries import (
    edge_open,
    round_trip_cost_pct,
    runner_tp_pct,
    scalp_tp_pct,
    trail_pays_from_pct,
    trail_worst_pct,
)
from shared.settings import Settings

TRAIL_KEY = "TRAIL_ACTIVATE_PCT"


class Fees(NamedTuple):
    """Percent of the notional: of the entry, of the take profit, and of a sale at market (trailing stop, stop)."""

    entry: float
    take: float
    market: float


class WayOut(NamedTuple):
    """One way out of a lot: what it earns at least, and what both fees take; percent of the entry."""

    word: str  # take, trail
    gross: float
    cost: float
    pays: bool

    @property
    def text(self) -> str:
        return f"{self.word}: {self.gross:.2f} % gross, costs {self.cost:.2f} %"


def fees_of(s: Settings, rates: FeeRates | None) -> Fees:
    """With the configured order kinds and the account's tier, else FEE_RATE_PCT."""
    if rates is None:
        return Fees(s.fee_rate_pct, s.fee_rate_pct, s.fee_rate_pct)
    maker, taker = float(rates.maker * 100), float(rates.taker * 100)
    return Fees(maker if s.entry_order == "maker" else taker, maker if s.take_profit_order == "limit" else taker, taker)


def trail_activate_pct(s: Settings, fees: Fees) -> float:
    """TRAIL_ACTIVATE_PCT in force: as it was set by hand or with EDGE_GATE off, else at least what pays."""
    if not s.edge_gate or TRAIL_KEY in s.by_hand:
        return s.trail_activate_pct
    return max(s.trail_activate_pct, trail_pays_from_pct(s.trail_distance_pct, fees.entry, fees.market, s.min_edge_pct))


def adjusted(s: Settings, fees: Fees) -> str | None:
    """Why TRAIL_ACTIVATE_PCT is another than its default, one sentence for a person; None = it is as it stands."""
    active = trail_activate_pct(s, fees)
    if active == s.trail_activate_pct:
        return None
    gross = trail_worst_pct(s.trail_activate_pct, s.trail_distance_pct)
    cost = round_trip_cost_pct(gross, fees.entry, fees.market)
    return (
        f"{TRAIL_KEY} is {active:g} instead of its default {s.trail_activate_pct:g}: the trailing stop would sell from "
        f"{gross:.2f} % gross on, while a round trip costs {cost:.2f} % at this fee tier "
        "(EDGE_GATE=false keeps the default)"
    )


def ways_out(s: Settings, fees: Fees, tp_pct: float) -> tuple[WayOut, ...]:
    """How a lot with this take profit may be sold. The trail is none where the take profit comes first."""
    found = [_way("take", tp_pct, fees.entry, fees.take, s.min_edge_pct)]
    activate = trail_activate_pct(s, fees)
    if activate < tp_pct:
        worst = trail_worst_pct(activate, s.trail_distance_pct)
        found.append(_way("trail", worst, fees.entry, fees.market, s.min_edge_pct))
    return tuple(found)


def _way(word: str, gross: float, entry: float, exit_: float, min_edge: float) -> WayOut:
    return WayOut(word, gross, round_trip_cost_pct(gross, entry, exit_), edge_open(gross, entry, exit_, min_edge))


def fees(state: EngineState) -> Fees:
    return fees_of(state.settings, state.account.portfolio.rates)


def entry_plan(state: EngineState, market: Market) -> tuple[LotKind, float]:
    """Kind and take profit (percent) of the lot that an entry now would open (docs/trading-rules.md §4, §10)."""
    return (LotKind.HOLDING, 0.0) if target_weight.is_asked_for(state) else scalp_or_runner(state, market)


def scalp_or_runner(state: EngineState, market: Market) -> tuple[LotKind, float]:
    """The same, where a strategy signals entries."""
    s = state.settings
    held = state.positions.lots.of(market.instrument.product_id)
    lots = [lot for lot in held if lot.kind is not LotKind.HOLDING]
    if not lots:
        return LotKind.RUNNER, runner_tp_pct(s.take_profit_pct, s.runner_tp_mult)
    scalps = sum(1 for lot in lots if lot.kind is LotKind.SCALP)
    mode = codes.DECAY_LINEAR if s.scalp_tp_dec_mode == "linear" else codes.DECAY_EXP
    tp = scalp_tp_pct(
        scalps,
        s.take_profit_pct,
        mode,
        s.scalp_tp_decay_factor,
        s.scalp_tp_dec_pct,
        s.scalp_tp_min_pct,
        s.scalp_tp_decay_enable,
    )
    return LotKind.SCALP, tp


def say_adjusted(state: EngineState) -> None:
    """Tell people when the trail is lifted, lifted to another value, or no longer is."""
    text = adjusted(state.settings, fees(state)) or ""
    if text == state.risk.edge_told:
        return
    if text or state.risk.edge_told:
        state.note(
            "risk", text or f"{TRAIL_KEY} is {state.settings.trail_activate_pct:g} again: it covers this tier's fees"
        )
    state.risk.edge_told = text
