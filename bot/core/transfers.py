"""Money that moved is no result: a transfer is booked to the day, and the time-weighted curve stands still over it."""

from dataclasses import replace
from decimal import Decimal

from bot.core.world import World
from shared.money import ZERO, plain

FACT = "transfers"
_CENTS = Decimal("1e-12")


def total(world: World) -> Decimal:
    """Everything that was booked so far, in less out."""
    return Decimal(world.facts.get(FACT) or "0")


def book(world: World, value: Decimal) -> None:
    """`value` came in (negative: went out); settled equity holds it by now."""
    after = world.settled_equity
    before = after - value
    world.save_curve(world.curve.moved(before, after))
    world.save_fact(FACT, plain(total(world) + value))
    day = world.day
    if day is not None:
        peak = max(after, ZERO)
        if before > 0 and after > 0:
            peak = (day.peak_equity * after / before).quantize(_CENTS)
        world.save_day(replace(day, transfers=day.transfers + value, peak_equity=peak))
