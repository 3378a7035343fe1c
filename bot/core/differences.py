"""What the account holds and our fills do not explain: seen, named, kept, and booked only at a person's word.

Equity is always the account as the exchange shows it. A difference that nobody has explained is no result of ours:
it is left out of the day's figure, and while it stands, no entry is made; `adopt` books it as a transfer. The
differences are kept as a fact, so a restart forgets none, and the balances as we last knew them are kept too, so one
that came while the bot was down is seen at its start.
"""

from collections.abc import Mapping
from decimal import Decimal

from bot.core import transfers
from bot.core.intents import SaveReceipt
from bot.core.model import Fill
from bot.core.portfolio import moved_by, signed_text
from bot.core.world import World
from shared.control import Command
from shared.documents import ReceiptState
from shared.money import ZERO
from shared.times import from_epoch_ms, iso_seconds

FACT = "differences"
SINCE = "differences_since_ms"
BALANCES = "balances"
FOREIGN_KEPT = 500
RECENT_MS = 120_000  # an account that differs is taken over within this time
FEE_SHARE = Decimal("0.02")  # a loss of so much of what was bought may be a fee taken in kind


def keep_balances(world: World) -> None:
    """Persist the balances as we know them, where they moved."""
    kept = world.portfolio.to_text()
    if kept != world.facts.get(BALANCES):
        world.save_fact(BALANCES, kept)


def found(world: World, amounts: Mapping[str, Decimal]) -> None:
    """The exchange shows so much more (or less) than we know of: entries wait until a person has adopted it."""
    before = world.differences
    after = dict(before)
    for currency, amount in amounts.items():
        after[currency] = after.get(currency, ZERO) + amount
    world.differences = {currency: amount for currency, amount in after.items() if amount}
    world.save_fact(FACT, signed_text(world.differences))
    if world.differences and not before:
        world.save_fact(SINCE, str(world.now_ms))
    if world.differences:
        text = f"{kind_of(world, world.differences)}: {signed_text(world.differences)}; no entry until it is adopted"
        world.note("account", text, "bad")
    elif before:
        world.note("account", "the account is as our fills explain it again", "good")


def since_ms(world: World) -> int | None:
    """Since when something differs; None = nothing does, or an older ledger did not keep when."""
    kept = world.facts.get(SINCE)
    return int(kept) if kept and world.differences else None


def kind_of(world: World, amounts: Mapping[str, Decimal]) -> str:
    """What it looks like, for a person."""
    foreign: dict[str, Decimal] = {}
    for moved in world.foreign_fills.values():
        for currency, amount in (moved or {}).items():
            foreign[currency] = foreign.get(currency, ZERO) + amount
    if {c: a for c, a in foreign.items() if a} == dict(amounts):
        return "a trade that is not ours"
    quote = world.portfolio.quote
    if set(amounts) == {quote}:
        return "a deposit" if amounts[quote] > 0 else "a withdrawal"
    if len(amounts) == 1:
        ((currency, amount),) = amounts.items()
        held = sum((lot.base_bought for lot in world.book if lot.product_id == f"{currency}-{quote}"), ZERO)
        if amount < 0 and -amount <= held * FEE_SHARE:
            return "a fee in kind, it seems"
        return "a deposit" if amount > 0 else "a withdrawal"
    return "a trade that is not ours, in part" if foreign else "not explained"


def foreign_fill(world: World, fill: Fill) -> None:
    """A fill of an order that is not ours: it moves the account, and it explains by how much."""
    key = (fill.order_id, fill.trade_id)
    if key in world.foreign_fills:
        return
    base, _, quote = fill.product_id.partition("-")
    # What the balances held already when we last took them over needs no explanation any more.
    news = fill.exchange_ms - (world.clock_offset_ms or 0) >= world.portfolio.asked_ms - RECENT_MS
    world.foreign_fills[key] = moved_by(fill, base, quote) if news else None
    while len(world.foreign_fills) > FOREIGN_KEPT:
        del world.foreign_fills[next(iter(world.foreign_fills))]


def late_fill(world: World, moved: Mapping[str, Decimal]) -> None:
    """News of an own fill that the balances held already: where it is the difference, the difference is explained."""
    if not world.differences or not moved.keys() <= world.differences.keys():
        return
    if all(abs(world.differences[c] - a) < abs(world.differences[c]) for c, a in moved.items() if a):
        found(world, {currency: -amount for currency, amount in moved.items()})


def pending_value(world: World) -> Decimal:
    """What is not explained, or not sure yet, at its mark in quote units; what has no mark counts as nothing."""
    return world.equity - world.settled_equity


def adopt(world: World, command: Command) -> frozenset[str]:
    """A person says: this is so. Only what they saw is booked; where more came since, they look again.

    The answer: currencies of which the account was found to hold less.
    """
    shown, named = signed_text(world.differences), command.args["differences"]
    if not shown:
        world.emit(SaveReceipt(command.id, ReceiptState.DONE, "nothing differs (any more)"))
        return frozenset()
    if named != shown:
        world.emit(SaveReceipt(command.id, ReceiptState.REJECTED, f"what differs is {shown}, not {named}"))
        return frozenset()
    # Only what was named: what may have come while the bot was down is not sure yet, and waits on.
    value, since = world.value_of(world.differences), since_ms(world)
    less = frozenset(currency for currency, amount in world.differences.items() if amount < 0)
    transfers.wait_for_price(world, world.differences)
    world.differences = {}
    world.foreign_fills = dict.fromkeys(world.foreign_fills)
    world.save_fact(FACT, "")
    transfers.book(world, value)
    text = f"adopted by {command.by}: {shown}, worth {value:+.2f} {world.portfolio.quote}; it is no result of the day"
    world.note("account", text, "warn", ref=command.id)
    result = {"adopted": shown, "value": f"{value:.2f}"}
    if since is not None:
        result["since"] = iso_seconds(from_epoch_ms(since))  # when it moved the account
    world.emit(SaveReceipt(command.id, ReceiptState.DONE, None, result))
    return less
