"""Entries that the exchange refuses in a row: from the fifth on the product pauses."""

from bot.engine.state.engine_state import EngineState

REFUSALS_MAX = 5  # a bot that spams refused orders gets its owner a letter from the exchange


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
