"""A lot's side in its sums: a short earns what a long loses at the same prices, and both pay their fees."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.fills import Fill
from bot.domain.kinds import LotKind, LotSide, Side
from bot.domain.lots import Lot, open_lot, sell, sold_result, unrealized
from tests.core.harness import product

D = Decimal
PRICES = st.integers(1, 10**6).map(lambda cents: D(cents) / 100)
FEES = st.integers(0, 500).map(lambda cents: D(cents) / 100)


def fill(side: Side, price: Decimal, size: Decimal, fee: Decimal) -> Fill:
    return Fill("o", "t", "c", "BTC-USD", side, price, size, fee, "taker", 0)


def opened(side: Side, price: Decimal, fee: Decimal) -> Lot:
    return open_lot(fill(side, price, D(2), fee), 1, LotKind.RUNNER, D(2), product(), 1000.0, 0)


def test_the_side_follows_from_the_entry_and_gives_the_exits() -> None:
    assert opened(Side.BUY, D(100), D(0)).side is LotSide.LONG and LotSide.LONG.closed_by is Side.SELL
    assert opened(Side.SELL, D(100), D(0)).side is LotSide.SHORT and LotSide.SHORT.closed_by is Side.BUY


@given(entry=PRICES, exit_=PRICES, entry_fee=FEES, exit_fee=FEES)
def test_what_a_long_gains_before_fees_a_short_loses(
    entry: Decimal, exit_: Decimal, entry_fee: Decimal, exit_fee: Decimal
) -> None:
    long, short = opened(Side.BUY, entry, entry_fee), opened(Side.SELL, entry, entry_fee)
    assert unrealized(long, exit_, D("0.01")) + unrealized(short, exit_, D("0.01")) == -2 * entry_fee - exit_ * D(
        "0.04"
    )
    half = [sell(lot, fill(lot.side.closed_by, exit_, D(1), exit_fee), 1) for lot in (long, short)]
    assert sum(map(sold_result, half)) == -entry_fee - 2 * exit_fee
    gains = [sell(lot, fill(lot.side.closed_by, exit_, D(1), exit_fee), 2).realized_pnl for lot in half]
    assert gains[0] == 2 * (exit_ - entry) - entry_fee - 2 * exit_fee
    assert gains[1] == 2 * (entry - exit_) - entry_fee - 2 * exit_fee
