"""Products that move together share one MAX_PRODUCT_USD (`bot.engine.risk.correlation`)."""

from bot.engine.risk import correlation
from bot.engine.risk.guard import Guard, Planned, at_decision
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _in_cluster(state: EngineState, market: Market, entry: Planned) -> float:
    return float(correlation.exposure_of_cluster(state, market, entry.own) + entry.quote)


POLICY = guard_policy(
    Guard(
        "cluster",
        "Exposure to correlated products, with this entry",
        "USD",
        lambda s: s.max_product_usd if s.correlation_limit else 0.0,
        at_decision(_in_cluster),
        "when a lot of one of them is closed, or when they no longer correlate",
        reaching_is_fine=True,
        per_product=True,
        limit_here=correlation.cap,
        note=correlation.sentence,
        of_entry=_in_cluster,
    ),
    "Money in products that correlate at least this much, within one `MAX_PRODUCT_USD`; until a lot of one of them is "
    "closed, or they no longer correlate",
    Failure.CRITICAL,
    Backtest.REFUSED,
    ("CORRELATION_LIMIT", "CORRELATION_WINDOW"),
    standing=False,
)
