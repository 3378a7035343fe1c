"""Money that moved is no result: a transfer is booked to the day, and the time-weighted curve stands still over it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bot.core.portfolio import signed_text
from bot.core.world import World
from shared.money import ZERO, plain

FACT, UNPRICED = "transfers", "unpriced"
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


def wait_for_price(world: World, amounts: Mapping[str, Decimal]) -> None:
    """Of what is adopted, what has no price yet: its coming must not look like a gain when a price comes."""
    found = dict(world.unpriced)
    for currency, amount in amounts.items():
        if currency != world.portfolio.quote and world.mark_of_currency(currency) is None:
            found[currency] = found.get(currency, ZERO) + amount
    _keep(world, found)


def price_came(world: World) -> None:
    """Book what was adopted without a price and has one now."""
    now = {currency: a for currency, a in world.unpriced.items() if world.mark_of_currency(currency) is not None}
    if not now:
        return
    value = world.value_of(now)
    _keep(world, {currency: a for currency, a in world.unpriced.items() if currency not in now})
    book(world, value)
    text = (
        f"{signed_text(now)}, adopted before it had a price, is worth {value:+.2f} {world.portfolio.quote}: "
        "booked as a transfer"
    )
    world.note("account", text, "warn")


def _keep(world: World, unpriced: dict[str, Decimal]) -> None:
    unpriced = {currency: amount for currency, amount in unpriced.items() if amount}
    if unpriced != world.unpriced:
        world.unpriced = unpriced
        world.save_fact(UNPRICED, signed_text(unpriced))
