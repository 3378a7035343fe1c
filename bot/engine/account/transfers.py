"""Money that moved is no result: a transfer is booked to the day, and the time-weighted curve stands still over it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bot.engine.state.engine_state import EngineState
from bot.engine.state.portfolio import signed_text
from shared.money import ZERO, plain

FACT, UNPRICED = "transfers", "unpriced"
_CENTS = Decimal("1e-12")


def total(state: EngineState) -> Decimal:
    """Everything that was booked so far, in less out."""
    return Decimal(state.records.key_values.get(FACT) or "0")


def book(state: EngineState, value: Decimal) -> None:
    """`value` came in (negative: went out); settled equity holds it by now."""
    after = state.account.settled_equity
    before = after - value
    state.save_curve(state.account.curve.moved(before, after))
    state.save_value(FACT, plain(total(state) + value))
    day = state.account.day
    if day is not None:
        peak = max(after, ZERO)
        if before > 0 and after > 0:
            peak = (day.peak_equity * after / before).quantize(_CENTS)
        state.save_day(replace(day, transfers=day.transfers + value, peak_equity=peak))


def wait_for_price(state: EngineState, amounts: Mapping[str, Decimal]) -> None:
    """Of what is adopted, what has no price yet: its coming must not look like a gain when a price comes."""
    found = dict(state.account.unpriced)
    for currency, amount in amounts.items():
        if currency != state.account.portfolio.quote and state.markets.mark_of_currency(currency) is None:
            found[currency] = found.get(currency, ZERO) + amount
    _keep(state, found)


def price_came(state: EngineState) -> None:
    """Book what was adopted without a price and has one now."""
    now = {
        currency: a
        for currency, a in state.account.unpriced.items()
        if state.markets.mark_of_currency(currency) is not None
    }
    if not now:
        return
    value = state.account.value_of(now)
    _keep(state, {currency: a for currency, a in state.account.unpriced.items() if currency not in now})
    book(state, value)
    text = (
        f"{signed_text(now)}, adopted before it had a price, is worth {value:+.2f} {state.account.portfolio.quote}: "
        "booked as a transfer"
    )
    state.note("account", text, "warn")


def _keep(state: EngineState, unpriced: dict[str, Decimal]) -> None:
    unpriced = {currency: amount for currency, amount in unpriced.items() if amount}
    if unpriced != state.account.unpriced:
        state.account.unpriced = unpriced
        state.save_value(UNPRICED, signed_text(unpriced))
