"""Results: the peak of the time-weighted curve, losing lots in a row, what Kelly's size learns from."""

from bot.domain.lots import Lot
from bot.engine.state.engine_state import EngineState
from bot.rules import risk as rule


def lot_closed(state: EngineState, lot: Lot) -> None:
    """Book a sold lot's result; dust has none."""
    if not lot.proceeds or lot.realized_pnl is None:
        return
    memory = state.risk
    streak = rule.losses_in_a_row(memory.loss_streak, float(lot.realized_pnl))
    if streak != memory.loss_streak:
        memory.loss_streak = streak
        state.save_value("loss_streak", str(streak))
    memory.results.add(float(lot.realized_pnl / (lot.cost + lot.entry_fee) * 100))
    state.save_value("results", memory.results_text())


def forgive(state: EngineState) -> None:
    """Losses in a row begin anew: a day turned, or a person looked and pressed Start."""
    if state.risk.loss_streak:
        state.risk.loss_streak = 0
        state.save_value("loss_streak", "0")


def rebase_peak(state: EngineState) -> None:
    """The peak is where the curve is now: a person looked at the drawdown and pressed Start."""
    before = state.account.peak_equity
    state.save_curve(state.account.curve.rebased(state.account.settled_equity))
    state.note("risk", f"drawdown counts from {state.account.peak_equity:,.2f} on (the peak was {before:,.2f})", "warn")
