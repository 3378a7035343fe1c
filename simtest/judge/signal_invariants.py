"""The invariant of SIGNAL_EXITS: a closed bar that says SELL sells the lots that its product had."""

from collections.abc import Iterator

from simtest.judge.case import Case
from simtest.judge.exit_invariants import SETTLED_US, due
from simtest.judge.reference_model import ReferenceModel, model_of
from simtest.reference.lots import BoughtLot
from simtest.reference.prices import Stand

S = 1_000_000
READY_US = 12 * S  # by then the bar is read and the strategy has answered


def signal_exits(case: Case) -> Iterator[str]:
    """R9: a lot that a product had when a bar closed that says SELL is sold in time (SIGNAL_EXITS)."""
    model = model_of(case)
    if not model.settings["signal_exits"]:
        return
    for lot in model.lots:
        if not lot.dust and not model.tainted(lot):
            yield from _sold_on_sell(case, model, lot)


def _sold_on_sell(case: Case, model: ReferenceModel, lot: BoughtLot) -> Iterator[str]:
    """The first SELL that nothing excuses ends the lot."""
    last_us = min(lot.closed_us, lot.unsure_us, model.end_us)
    excuses = model.excuses.entries | model.excuses.product(lot.product_id)
    for end_us, sell in model.sells[lot.product_id]:
        if not sell or end_us < lot.whole_us + SETTLED_US or end_us >= last_us:
            continue
        if excuses.touch(end_us - SETTLED_US, end_us + READY_US):
            continue
        why = "a bar that says SELL"
        found = due(case, model, lot, Stand(end_us, end_us + READY_US), "R9 SIGNAL/sells", why)
        if found is not None:
            yield from found
            return
