"""What goes wrong at the exchange: refused and unanswered orders, failed requests, refusals in a row."""

from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market

OUTCOMES_MIN = 6  # fewer say nothing about a rate
CALLS_MIN = 6
REFUSALS_MAX = 5  # a bot that spams refused orders gets its owner a letter from the exchange


def order_error_pct(state: EngineState, _market: Market) -> float | None:
    """Share of the recent orders that were refused or got no answer."""
    outcomes = state.risk.recent_outcomes(state.clock.now_ms)
    if len(outcomes) < OUTCOMES_MIN:
        return None
    return 100 * outcomes.count(False) / len(outcomes)


def api_error_pct(state: EngineState, _market: Market) -> float | None:
    """Share of the last minute's requests that failed."""
    calls, errors = state.risk.recent_api(state.clock.now_ms)
    return 100 * errors / calls if calls >= CALLS_MIN else None


def refusals(state: EngineState, market: Market) -> float:
    """Entries refused in a row while their pause lasts; after it one more may try."""
    product_id = market.instrument.product_id
    count = state.risk.refused_in_a_row.get(product_id, 0)
    pause = state.risk.pauses.get(product_id)
    over = pause is not None and pause.until_ms <= state.clock.now_ms
    return float(min(count, REFUSALS_MAX - 1) if over else count)


def entry_refused(state: EngineState, product_id: str) -> None:
    """Count one more refusal in a row; from the fifth on the product pauses, each time twice as long."""
    count = state.risk.refused_in_a_row.get(product_id, 0) + 1
    state.risk.refused_in_a_row[product_id] = count
    if count >= REFUSALS_MAX:
        seconds = state.risk.pause(product_id, state.clock.now_ms) // 1000
        text = f"{product_id}: {count} entries refused in a row; none for {seconds} s"
        state.note("risk", text, "bad", product_id)


def entry_accepted(state: EngineState, product_id: str) -> None:
    state.risk.refused_in_a_row.pop(product_id, None)
    state.risk.pauses.pop(product_id, None)
