"""Money at stake with this entry, in the product and in all: one measure, two limits."""

from bot.engine.risk.exposure import exposure_quote
from bot.engine.risk.guard import Guard, Planned, at_decision
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _in_product(state: EngineState, market: Market, entry: Planned) -> float:
    return float(exposure_quote(state, market.instrument.product_id, entry.own) + entry.quote)


def _in_all(state: EngineState, _market: Market, entry: Planned) -> float:
    return float(exposure_quote(state, None, entry.own) + entry.quote)


PRODUCT = guard_policy(
    Guard(
        "exposure",
        "Product exposure with this entry",
        "USD",
        lambda s: s.max_product_usd,
        at_decision(_in_product),
        "when a lot is closed",
        reaching_is_fine=True,
        per_product=True,
        limit_here=lambda state, market: state.settings.product_cap_usd(market.instrument.product_id),
        of_entry=_in_product,
    ),
    "Product exposure with this entry; until a lot is closed",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_PRODUCT_USD",),
    standing=False,
)
ALL = guard_policy(
    Guard(
        "exposure_total",
        "Total exposure with this entry",
        "USD",
        lambda s: s.max_total_usd,
        at_decision(_in_all),
        "when a lot is closed",
        reaching_is_fine=True,
        per_product=True,
        of_entry=_in_all,
    ),
    "Total exposure with this entry; until a lot is closed",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_TOTAL_USD",),
    standing=False,
)
