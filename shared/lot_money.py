"""What a lot's fills come to. The engine and the ledger's replay compute it here, so they cannot differ."""

from decimal import Decimal

from shared.money import EXACT


def average_price(cost: Decimal, base_bought: Decimal) -> Decimal:
    """Average price of the entry's fills, in quote per base."""
    return EXACT.divide(cost, base_bought)


def realized_pnl(
    cost: Decimal, entry_fee: Decimal, base_bought: Decimal, base_left: Decimal, proceeds: Decimal, exit_fee: Decimal
) -> Decimal:
    """What the sold part earned after both fees, in quote; what is left keeps its own part of the cost."""
    spent = EXACT.divide((cost + entry_fee) * (base_bought - base_left), base_bought)
    return proceeds - exit_fee - spent
