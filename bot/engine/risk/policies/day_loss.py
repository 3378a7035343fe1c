"""The day's loss limit: tripped once (`bot.engine.account.equity`), it holds until the next UTC day."""

from dataclasses import replace

from bot.domain.orders import OrderSpec
from bot.engine.account.equity import judged_pnl
from bot.engine.risk.limits import plain_limit
from bot.engine.risk.policy import FAULT, OPEN, SHUT, UNKNOWN, Backtest, Failure, Gate, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.universe import without_price
from shared.documents.risk import LimitDoc
from shared.figures import plainly
from shared.times import from_epoch_ms, iso_seconds


def _tripped_ms(state: EngineState) -> int | None:
    return state.account.day.breaker_ms if state.account.day is not None else None


def _breaker(state: EngineState, _market: Market) -> Gate:
    limit = f"< {plainly(state.settings.max_daily_loss_pct)} %"
    if state.account.day is None:
        return Gate("breaker", "Day loss", UNKNOWN, "no day yet", limit, "when the day has begun")
    if _tripped_ms(state) is not None:
        return Gate("breaker", "Day loss", SHUT, "tripped", limit, "at 00:00 UTC")
    blind = without_price(state)
    if blind is not None:
        return Gate("breaker", "Day loss", FAULT, f"{blind} has no price", limit, "when equity is known")
    return Gate("breaker", "Day loss", OPEN, "in order", limit)


def _breaker_of_order(state: EngineState, _spec: OrderSpec) -> Refusal | None:
    return Refusal("day_loss", "tripped", "the next UTC day") if _tripped_ms(state) is not None else None


def _limits(state: EngineState) -> list[LimitDoc]:
    s, day = state.settings, state.account.day
    loss = max(-judged_pnl(state, day), 0.0) if day is not None else None
    pct = None
    if loss is not None and day is not None:
        pct = round(loss / float(day.loss_base) * 100, 4) if day.loss_base else 0.0
    found = plain_limit("day_loss", "Day loss", pct, s.max_daily_loss_pct, "%")
    tripped_ms = _tripped_ms(state)
    if tripped_ms is not None:
        found = replace(found, state="tripped", tripped_at=iso_seconds(from_epoch_ms(tripped_ms)))
    if not s.max_daily_loss_usd:
        return [found]
    unit = state.account.portfolio.quote
    return [found, plain_limit("day_loss_usd", "Day loss, amount", loss, s.max_daily_loss_usd, unit)]


POLICY = RiskPolicy(
    "breaker",
    "Day loss",
    "The day's loss, in percent or in money, below its limit; until 00:00 UTC. Every holding has a price",
    Failure.CRITICAL,
    Backtest.MODELLED,
    ("MAX_DAILY_LOSS_PCT", "MAX_DAILY_LOSS_USD", "DAILY_BREAKER_MARK_TO_MARKET"),
    judge=_breaker,
    standing=True,
    check=_breaker_of_order,
    limits=_limits,
)
