"""Cash for the entry with its fee, after everything in flight."""

from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, Refusal, RiskPolicy
from bot.engine.risk.sizing import affordable, entry_size_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.rules.sizing import useful_quote


def _funds(state: EngineState, market: Market) -> Gate:
    s, quote, available = state.settings, entry_size_quote(state, market), f"{state.account.cash_available:,.2f}"
    if quote == 0:  # only a target weight wants nothing
        return Gate("funds", "Funds", OPEN, available, None)
    if affordable(state, market, quote) > 0:
        return Gate("funds", "Funds", OPEN, available, f"≥ {quote:,.2f}")
    if s.low_funds == "retry":  # one try at ORDER_MIN_USD (docs/trading-rules.md §4)
        return Gate("funds", "Funds", SHUT, available, f"≥ {s.order_min_usd:,.2f}", "when cash is free")
    useful = useful_quote(float(quote), s.order_min_usd)
    why = f"when more cash is free: less than a quarter of an entry of {quote:,.2f} is not bought"
    return Gate("funds", "Funds", SHUT, available, f"≥ {useful:,.2f}", why)


def _funds_of_order(state: EngineState, spec: OrderSpec) -> Refusal | None:
    available = state.account.cash_free(without=spec.client_order_id)
    cost = state.account.cost_quote(spec)
    return Refusal("funds", f"{cost:.2f}", f"{available:.2f} available") if cost > available else None


POLICY = RiskPolicy(
    "funds",
    "Funds",
    "Free cash for the entry and its fee; with less, a part of it (`part`) or the smallest entry (`retry`)",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("LOW_FUNDS", "ORDER_MIN_USD"),
    judge=_funds,
    check=_funds_of_order,
)
