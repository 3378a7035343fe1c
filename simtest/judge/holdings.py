"""What a product and the account held, and may have seemed to the bot to hold, in quote units (KIND=exposure)."""

from decimal import Decimal
from typing import NamedTuple

from simtest.judge.case import Case, dec
from simtest.judge.reference_model import ReferenceModel, running
from simtest.reference.levels import number
from simtest.reference.lots import NEWS_US
from simtest.reference.weights import Bounds

S = 1_000_000
JUDGED_US = 5 * S  # from a judged price to the request
ROOM = Decimal("0.02")  # of the share: fees, and what prices do between two looks at them


class Standing(NamedTuple):
    """What a product holds and may hold, in quote units."""

    held: Bounds
    share: Bounds


def unsettled(case: Case, model: ReferenceModel, product_id: str, from_us: int, to_us: int) -> Standing | None:
    """What the bot may have thought to hold at any moment and price of this time; None = not known.

    Cash and holdings are told apart from each other, so equity may be off by what was just bought or sold.
    """
    late = model.excuses.news.touch(from_us - NEWS_US, to_us)
    since_us = from_us - (30 if late else 1) * NEWS_US
    base = _bases(model, product_id, since_us, to_us)
    low, high = _prices(model, product_id, from_us, to_us)
    if low is None or high is None:
        return None
    equity = _equity(case, model, since_us, to_us)
    if equity is None:
        return None
    return Standing(Bounds(base.least * low, base.most * high), _share(case, model, equity))


def settled(case: Case, model: ReferenceModel, product_id: str, at_us: int, to_us: int) -> Standing | None:
    """What is held since `at_us`, at any price until `to_us`; None = money was moved meanwhile, or it is not known."""
    moved = (int(t["at_us"]) for t in case.truth["venue"]["transfers"])
    low, high = _prices(model, product_id, at_us, to_us)
    if low is None or high is None or any(at_us - 15 * NEWS_US < us <= to_us for us in moved):
        return None
    base = _bases(model, product_id, at_us, at_us)
    equity = _equity(case, model, at_us, at_us, to_us)
    if equity is None:
        return None
    return Standing(Bounds(base.least * low, base.most * high), _share(case, model, equity))


def _share(case: Case, model: ReferenceModel, equity: Bounds) -> Bounds:
    """What one product may hold at most."""
    part = number(model.settings["exposure_max_pct"]) / 100 / len(case.truth["plan"]["products"])
    return Bounds(equity.least * part * (1 - ROOM), equity.most * part * (1 + ROOM))


def _prices(model: ReferenceModel, product_id: str, from_us: int, to_us: int) -> tuple[Decimal | None, Decimal | None]:
    """The lowest and the highest price that the bot may have gone by."""
    series = model.prices[product_id]
    seen = [price for _, price in series.between(from_us - JUDGED_US, to_us)]
    seen += [price for _, price in series.between(0, from_us)[-1:]]
    return (min(seen), max(seen)) if seen else (None, None)


def _bases(model: ReferenceModel, product_id: str, from_us: int, to_us: int) -> Bounds:
    """Base units of own fills, as they may have been known in this time."""
    found = running(model.base_moves[product_id], Decimal(0), from_us, to_us)
    return Bounds(max(found.least, Decimal(0)), found.most)


def _equity(
    case: Case, model: ReferenceModel, from_us: int, to_us: int, prices_to_us: int | None = None
) -> Bounds | None:
    """Quote cash and own holdings, at any moment of this time and any price of it and until `prices_to_us`."""
    if not model.settings["use_live_equity"]:
        given = number(model.settings["usd_equity"])
        return Bounds(given, given)
    cash = running(model.cash_moves, dec(case.truth["venue"]["funds"]), from_us, to_us)
    least, most = cash.least, cash.most
    for product_id in model.products:
        base = _bases(model, product_id, from_us, to_us)
        if base.most <= 0:
            continue
        low, high = _prices(model, product_id, from_us, to_us if prices_to_us is None else prices_to_us)
        if low is None or high is None:
            return None
        least, most = least + base.least * low, most + base.most * high
    return Bounds(least, most)
