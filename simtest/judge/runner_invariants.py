"""Invariants of the reference model about runners: which lot is one, how far its stop trails, and that it sells.

The highest price that a runner's stop follows is known within bounds: at least the highest that stood long enough to be
judged for certain, at most the highest that was heard.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from simtest.judge.case import Case, Row, dec
from simtest.judge.exit_invariants import SETTLED_US, due, named
from simtest.judge.published import lot_rows, samples
from simtest.judge.reference_model import ReferenceModel, model_of
from simtest.reference.lots import NEWS_US, Reign
from simtest.reference.prices import Stand

S = 1_000_000
WRITTEN_US = 1 * S  # from a judged price until the ledger holds what it moved
BAR_READ_US = 15 * S  # the same where bars are judged, which are read some seconds after their end


def trails(case: Case) -> Iterator[str]:
    """R4: a runner's stop follows the highest price, and a runner that fell to it is sold."""
    model = model_of(case)
    if model.at_weights:
        return
    yield from _sells(case, promoted=False, rule="R4 TRAIL/sells")
    if model.trail_activate is None:
        return
    for sample, rows in _sampled(case, model):
        for row in rows:
            reign = _reign(model, row, sample["us"])
            if reign is not None and row["exit_reason"] is None:
                yield from _followed(case, model, reign, row, sample["us"])


def promotions(case: Case) -> Iterator[str]:
    """R5: when the runner closes, the newest lot becomes it: the ledger says so, and it trails."""
    model = model_of(case)
    if model.at_weights:
        return
    yield from _sells(case, promoted=True, rule="R5 PROMOTE/sells")
    for sample, rows in _sampled(case, model):
        for product_id in model.lots_of:
            mine = [row for row in rows if row["product_id"] == product_id]
            yield from _one_runner(case, model, product_id, mine, sample["us"])


def _sampled(case: Case, model: ReferenceModel) -> Iterator[tuple[Row, list[Row]]]:
    """Moments at which the ledger's open lots were read: while the bot ran, knew the news and could write."""
    rows = lot_rows(case)
    for sample in samples(case):
        us = int(sample["us"])
        if us < model.end_us and sample["ledger_ok"] and not model.excuses.news.touch(us - NEWS_US, us):
            yield sample, [rows[number] for number in sample["ledger_lots"]]


def _one_runner(case: Case, model: ReferenceModel, product_id: str, rows: list[Row], at_us: int) -> Iterator[str]:
    """The runner in the ledger is the lot that it must be, and the only one."""
    moved = (us for lot in model.lots_of[product_id] for us in (lot.opened_us, lot.closed_us))
    if any(at_us - NEWS_US < us <= at_us for us in moved):
        return
    now = [r for r in model.reigns if r.lot.product_id == product_id and r.from_us <= at_us < r.to_us]
    if (
        len(now) != 1
        or not now[0].sure
        or model.tainted(now[0].lot)
        or any(lot.unsure_us <= at_us for lot in model.lots_of[product_id])
    ):
        return
    case.count("R5 PROMOTE/ledger")
    runners = [row["lot_id"] for row in rows if row["kind"] == "runner"]
    if runners != [now[0].lot.lot_id]:
        shown = ", ".join(lot_id[-8:] for lot_id in runners) or "none"
        yield f"{named(now[0].lot)} must be the runner at {at_us} us; in the ledger it is {shown}"


def _reign(model: ReferenceModel, row: Row, at_us: int) -> Reign | None:
    """The certain reign of the ledger's lot at this moment; None = it is no runner, or that is not certain."""
    for reign in model.reigns:
        if reign.lot.lot_id == row["lot_id"] and reign.from_us + NEWS_US < at_us < reign.to_us:
            return reign if reign.sure and not model.tainted(reign.lot) and not reign.lot.dust else None
    return None


def _followed(case: Case, model: ReferenceModel, reign: Reign, row: Row, at_us: int) -> Iterator[str]:
    """The peak in the ledger lies within its bounds, and the trailing stop is the peak's."""
    lot, tick = reign.lot, model.rules[reign.lot.product_id].tick
    series = model.prices[lot.product_id]
    known_us = at_us - (WRITTEN_US if model.settings["use_tick_price"] else BAR_READ_US)
    peaks = [peak for us, peak in _sure_peaks(model, reign) if us <= known_us]
    least = peaks[-1] if peaks else None
    if row["trail_active"]:
        case.count("R4 TRAIL/peak")
        peak, stop = dec(row["trail_peak"]), dec(row["trail_stop"])
        highest = series.highest(reign.from_us - NEWS_US, at_us)
        heard = not model.heard_otherwise(lot, at_us)
        if least is not None and peak < least:
            yield f"{named(lot)} trails from {peak} at {at_us} us, and {least} was there"
        if heard and highest is not None and peak > highest:
            yield f"{named(lot)} trails from {peak} at {at_us} us, and no price was above {highest}"
        if stop not in model.trail_levels(peak, tick):
            yield f"{named(lot)} has the trailing stop {stop} at a peak of {peak}"
    elif least is not None and least >= max(model.activation_levels(lot)):
        case.count("R4 TRAIL/peak")
        yield f"{named(lot)} does not trail at {at_us} us, and {least} was there"


def _sells(case: Case, *, promoted: bool, rule: str) -> Iterator[str]:
    model = model_of(case)
    for reign in model.reigns:
        lot = reign.lot
        if reign.promoted is not promoted or not reign.sure or lot.dust or model.tainted(lot):
            continue
        for stand, at in _sure_trail(model, reign):
            found = due(case, model, lot, stand, rule, f"its trailing stop of {at}")
            if found is not None:
                yield from found
                break


def _sure_peaks(model: ReferenceModel, reign: Reign) -> list[tuple[int, Decimal]]:
    """(when, price): what the bot judged for certain as the runner's highest price so far; rising."""
    from_us = max(reign.from_us + NEWS_US, reign.lot.whole_us + SETTLED_US)
    to_us = min(reign.to_us, reign.lot.closed_us, model.end_us)
    found: list[tuple[int, Decimal]] = []
    for begin_us, end_us in model.quiet[reign.lot.product_id].gaps(from_us, to_us):
        for us, peak in model.prices[reign.lot.product_id].sure_peaks(begin_us, end_us):
            if not found or peak > found[-1][1]:
                found.append((us, peak))
    return found


def _sure_trail(model: ReferenceModel, reign: Reign) -> Iterator[tuple[Stand, Decimal]]:
    """Every time at which the runner stood at or below the lowest trailing stop that it may have had."""
    if model.trail_activate is None:
        return
    lot, tick = reign.lot, model.rules[reign.lot.product_id].tick
    activate = max(model.activation_levels(lot))
    peaks = [(us, peak) for us, peak in _sure_peaks(model, reign) if peak >= activate]
    to_us = min(reign.to_us, lot.closed_us, model.end_us)
    for (us, peak), (end_us, _) in pairwise([*peaks, (to_us, activate)]):
        at = min(model.trail_levels(peak, tick))
        for stand in model.prices[lot.product_id].stands(us, end_us, lambda price, at=at: price <= at):  # type: ignore[misc]
            yield stand, at
