"""What a lot's fills come to. The engine and the ledger's replay compute it here, so they cannot differ."""

from decimal import Decimal

from shared.money import EXACT


def average_price(cost: Decimal, base_bought: Decimal) -> Decimal:
    """Average price of the entry's fills, in quote per base."""
    return EXACT.divide(cost, base_bought)


def realized_pnl(
    cost: Decimal,
    entry_fee: Decimal,
    base_bought: Decimal,
    base_left: Decimal,
    proceeds: Decimal,
    exit_fee: Decimal,
    sign: int = 1,
) -> Decimal:
    """What the closed part earned after both fees, in quote; what is left keeps its own part of the cost.

    `sign`: 1 for a long lot, -1 for a short one, whose entry brought `cost` and whose exit took `proceeds`.
    """
    fee = entry_fee if sign > 0 else -entry_fee
    entered = EXACT.divide((cost + fee) * (base_bought - base_left), base_bought)
    # In this order: a sum is rounded at each step, and kept ledgers hold what came of it.
    return proceeds - exit_fee - entered if sign > 0 else entered - proceeds - exit_fee
