"""The ledger can be written, the balances are known, and nothing waits for a person."""

from bot.domain.orders import OrderSpec
from bot.engine.risk.policy import FAULT, OPEN, Backtest, Failure, Gate, Refusal, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _ledger(state: EngineState, _market: Market) -> Gate:
    if not state.control.ledger_ok:
        value = state.control.ledger_note or "not writable"
        return Gate("ledger", "Ledger", FAULT, value, "writable", "when it can be written")
    if not state.account.portfolio.known:
        return Gate("ledger", "Balances", FAULT, "not synced", "synced", "when a sync works")
    if state.orders.fence.second_writer is None and state.entries_blocked:
        opens = (
            "find the cause, then Adopt (./coin adopt)"
            if state.account.differences
            else "find the cause, then press Start"
        )
        return Gate("ledger", "Entries latch", FAULT, state.entries_blocked, "none", opens)
    return Gate("ledger", "Ledger and balances", OPEN, "in order", None)


def _ledger_of_order(state: EngineState, _spec: OrderSpec) -> Refusal | None:
    """What shut entries after this one was decided: a retry, or an order that waited for its turn, asks again."""
    if state.entries_blocked:
        return Refusal("entries_latch", state.entries_blocked, "none")
    return None


POLICY = RiskPolicy(
    "ledger",
    "Ledger and balances",
    "Ledger writable, balances synced, nothing latched: no difference of the account, no latch of another policy",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    assumed="the ledger was always written, and balances never differed",
    judge=_ledger,
    standing=True,
    check=_ledger_of_order,
)
