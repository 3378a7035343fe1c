"""Results: drawdown of the time-weighted curve, losing lots in a row, what Kelly's size learns from."""

from typing import TYPE_CHECKING

from bot.core.lots import Lot
from bot.core.market import Market
from bot.core.rules import risk as rule
from bot.core.universe import without_price

if TYPE_CHECKING:
    from bot.core.world import World


def drawdown_pct(world: "World", _market: Market) -> float | None:
    """Fall of the time-weighted curve from its highest point, in percent; None = equity is not known."""
    if not world.ready or not world.portfolio.known or without_price(world) is not None:
        return None
    return world.drawdown_pct


def loss_streak(world: "World", _market: Market) -> float:
    return float(world.risk.loss_streak)


def lot_closed(world: "World", lot: Lot) -> None:
    """Book a sold lot's result; dust has none."""
    if not lot.proceeds or lot.realized_pnl is None:
        return
    memory = world.risk
    streak = rule.losses_in_a_row(memory.loss_streak, float(lot.realized_pnl))
    if streak != memory.loss_streak:
        memory.loss_streak = streak
        world.save_fact("loss_streak", str(streak))
    memory.results.add(float(lot.realized_pnl / (lot.cost + lot.entry_fee) * 100))
    world.save_fact("results", memory.results_text())


def forgive(world: "World") -> None:
    """Losses in a row begin anew: a day turned, or a person looked and pressed Start."""
    if world.risk.loss_streak:
        world.risk.loss_streak = 0
        world.save_fact("loss_streak", "0")


def rebase_peak(world: "World") -> None:
    """The peak is where the curve is now: a person looked at the drawdown and pressed Start."""
    before = world.peak_equity
    world.save_curve(world.curve.rebased(world.settled_equity))
    world.note("risk", f"drawdown counts from {world.peak_equity:,.2f} on (the peak was {before:,.2f})", "warn")
