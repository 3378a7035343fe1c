"""Prices arrive, and the newest one is fresh: at the decision, and once more right before the socket."""

from bot.domain.orders import OrderSpec
from bot.engine.risk.limits import plain_limit
from bot.engine.risk.policy import FAULT, OPEN, UNKNOWN, Backtest, Failure, Gate, Moment, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.documents.risk import LimitDoc
from shared.figures import plainly


def _feed(state: EngineState, market: Market) -> Gate:
    age_ms = market.age_ms(state.clock.now_ms)
    if not state.markets.feed_up:
        down = f"down ({state.markets.feed_note})" if state.markets.feed_note else "down"
        return Gate("feed", "Feed", FAULT, down, "up", "when the streams are back")
    limit = _limit(state)
    if age_ms is None:
        return Gate("feed", "Feed", UNKNOWN, "no price yet", limit, "with the first price")
    verdict = OPEN if age_ms <= _limit_ms(state) else FAULT
    return Gate("feed", "Feed", verdict, f"{age_ms / 1000:.1f} s old", limit, "with the next price")


def _feed_of_order(state: EngineState, spec: OrderSpec) -> Refusal | None:
    market = state.markets.by_product[spec.product_id]
    if not state.markets.feed_up:
        return Refusal("feed", f"no fresh price: {state.markets.feed_note or 'down'}", "up")
    age_ms = market.age_ms(state.clock.now_ms)
    if age_ms is None or age_ms > _limit_ms(state):
        old = f"{age_ms / 1000:.1f} s old" if age_ms is not None else "none yet"
        return Refusal("feed", f"no fresh price: {old}", _limit(state))
    return None


def _limit_ms(state: EngineState) -> int:
    return round(state.settings.stale_data_sec * 1000)


def _limit(state: EngineState) -> str:
    return f"≤ {plainly(state.settings.stale_data_sec)} s"


def _limits(state: EngineState) -> list[LimitDoc]:
    now_ms, markets = state.clock.now_ms, state.markets.by_product.values()
    ages = [age_ms for market in markets if (age_ms := market.age_ms(now_ms)) is not None]
    oldest_s = max(ages) / 1000 if ages else None
    return [plain_limit("stale", "Oldest price", oldest_s, state.settings.stale_data_sec, "s")]


POLICY = RiskPolicy(
    "feed",
    "Feed",
    "Streams up, and the product's newest price fresh",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    ("STALE_DATA_SEC",),
    "prices were never late",
    judge=_feed,
    standing=True,
    check=_feed_of_order,
    checked=(Moment.SOCKET,),
    limits=_limits,
)
