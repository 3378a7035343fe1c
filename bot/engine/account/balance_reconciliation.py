"""What the account holds and our fills do not explain: seen, named, kept, and booked only at a person's word.

Equity is always the account as the exchange shows it. A difference that nobody has explained is no result of ours:
it is left out of the day's figure, and while it stands, no entry is made; `adopt` books it as a transfer. The
differences are kept as a fact, so a restart forgets none, and the balances as we last knew them are kept too, so one
that came while the bot was down is seen at its start.
"""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.fills import Fill
from bot.domain.intents import SaveReceipt
from bot.engine.account import transfers
from bot.engine.state.engine_state import EngineState
from bot.engine.state.portfolio import moved_by, signed_text
from shared.control import Command
from shared.documents.control import ReceiptState
from shared.money import ZERO
from shared.times import from_epoch_ms, iso_seconds

FACT = "differences"
SINCE = "differences_since_ms"
BALANCES = "balances"
FOREIGN_KEPT = 500
RECENT_MS = 120_000  # an account that differs is taken over within this time
FEE_SHARE = Decimal("0.02")  # a loss of so much of what was bought may be a fee taken in kind


def keep_balances(state: EngineState) -> None:
    """Persist the balances as we know them, where they moved."""
    kept = state.account.portfolio.to_text()
    if kept != state.records.key_values.get(BALANCES):
        state.save_value(BALANCES, kept)


def found(state: EngineState, amounts: Mapping[str, Decimal]) -> None:
    """The exchange shows so much more (or less) than we know of: entries wait until a person has adopted it."""
    before = state.account.differences
    after = dict(before)
    for currency, amount in amounts.items():
        after[currency] = after.get(currency, ZERO) + amount
    state.account.differences = {currency: amount for currency, amount in after.items() if amount}
    state.save_value(FACT, signed_text(state.account.differences))
    if state.account.differences and not before:
        state.save_value(SINCE, str(state.clock.now_ms))
    if state.account.differences:
        waiting = state.account.differences
        text = f"{kind_of(state, waiting)}: {signed_text(waiting)}; no entry until it is adopted"
        state.note("account", text, "bad")
    elif before:
        state.note("account", "balances match our fills again", "good")


def since_ms(state: EngineState) -> int | None:
    """Since when something differs; None = nothing does, or an older ledger did not keep when."""
    kept = state.records.key_values.get(SINCE)
    return int(kept) if kept and state.account.differences else None


def kind_of(state: EngineState, amounts: Mapping[str, Decimal]) -> str:
    """What it looks like, for a person."""
    foreign: dict[str, Decimal] = {}
    for moved in state.account.foreign_fills.values():
        for currency, amount in (moved or {}).items():
            foreign[currency] = foreign.get(currency, ZERO) + amount
    if {c: a for c, a in foreign.items() if a} == dict(amounts):
        return "a trade that is not ours"
    quote = state.account.portfolio.quote
    if set(amounts) == {quote}:
        return "a deposit" if amounts[quote] > 0 else "a withdrawal"
    if len(amounts) == 1:
        ((currency, amount),) = amounts.items()
        held = sum(
            (
                lot.base_bought
                for lot in state.positions.lots
                if state.markets.currencies(lot.product_id)[0] == currency
            ),
            ZERO,
        )
        if amount < 0 and -amount <= held * FEE_SHARE:
            return "probably a fee in kind"
        return "a deposit" if amount > 0 else "a withdrawal"
    return "a trade that is not ours, in part" if foreign else "not explained"


def foreign_fill(state: EngineState, fill: Fill) -> None:
    """A fill of an order that is not ours: it moves the account, and it explains by how much."""
    key = (fill.order_id, fill.trade_id)
    if key in state.account.foreign_fills:
        return
    base, quote = state.markets.currencies(fill.product_id)
    # What the balances held already when we last took them over needs no explanation any more.
    news = fill.exchange_ms - (state.clock.offset_ms or 0) >= state.account.portfolio.asked_ms - RECENT_MS
    state.account.foreign_fills[key] = moved_by(fill, base, quote) if news else None
    while len(state.account.foreign_fills) > FOREIGN_KEPT:
        del state.account.foreign_fills[next(iter(state.account.foreign_fills))]


def late_fill(state: EngineState, moved: Mapping[str, Decimal]) -> None:
    """News of an own fill that the balances held already: where it is the difference, the difference is explained."""
    if not state.account.differences or not moved.keys() <= state.account.differences.keys():
        return
    if all(abs(state.account.differences[c] - a) < abs(state.account.differences[c]) for c, a in moved.items() if a):
        found(state, {currency: -amount for currency, amount in moved.items()})


def pending_value(state: EngineState) -> Decimal:
    """What is not explained, or not sure yet, at its mark in quote units; what has no mark counts as nothing."""
    return state.account.equity - state.account.settled_equity


def adopt(state: EngineState, command: Command) -> frozenset[str]:
    """A person says: this is so. Only what they saw is booked; where more came since, they look again.

    The answer: currencies of which the account was found to hold less.
    """
    shown, named = signed_text(state.account.differences), command.args["differences"]
    if not shown:
        state.emit(SaveReceipt(command.id, ReceiptState.DONE, "there is no difference any more"))
        return frozenset()
    if named != shown:
        state.emit(SaveReceipt(command.id, ReceiptState.REJECTED, f"what differs is {shown}, not {named}"))
        return frozenset()
    # Only what was named: what may have come while the bot was down is not sure yet, and waits on.
    value, since = state.account.value_of(state.account.differences), since_ms(state)
    less = frozenset(currency for currency, amount in state.account.differences.items() if amount < 0)
    transfers.wait_for_price(state, state.account.differences)
    state.account.differences = {}
    state.account.foreign_fills = dict.fromkeys(state.account.foreign_fills)
    state.save_value(FACT, "")
    transfers.book(state, value)
    worth = f"{value:+.2f} {state.account.portfolio.quote}"
    text = f"adopted by {command.by}: {shown}, worth {worth}; not counted in the day's result"
    state.note("account", text, "warn", ref=command.id)
    result = {"adopted": shown, "value": f"{value:.2f}"}
    if since is not None:
        result["since"] = iso_seconds(from_epoch_ms(since))  # when it moved the account
    state.emit(SaveReceipt(command.id, ReceiptState.DONE, None, result))
    return less
