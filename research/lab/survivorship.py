"""Survivorship: were products left out that were there at the start and ended before the end?"""

from collections.abc import Sequence

from research.data.candles import CandleSet
from research.data.store import StoredSet
from shared.times import from_epoch_ms

PART = 0.05  # of the stretch: a product that ends so much earlier has ended


def missing_products(chosen: Sequence[CandleSet], known: Sequence[StoredSet]) -> tuple[str, ...]:
    """One sentence where `chosen` are survivors among the `known` sets of the same bar length and stretch; () else.

    A choice of several products is a survivors' one where every product lives to the end, although others that
    traded at the start ended before it and were left out. Brown, Goetzmann, Ibbotson and Ross (1992), Survivorship Bias
    in Performance Studies. What nobody stored can't be missed.
    """
    if len(chosen) < 2:
        return ()
    first = min(int(one.start_s[0]) for one in chosen)
    last = max(int(one.start_s[-1]) for one in chosen)
    room = round((last - first) * PART)
    if any(int(one.start_s[-1]) < last - room for one in chosen):
        return ()
    names, seconds = {one.product_id for one in chosen}, chosen[0].granularity_s
    ended = [
        one for one in known
        if one.product_id not in names and one.granularity_s == seconds
        and one.first_s <= first + room and first < one.last_s < last - room
    ]  # fmt: skip
    if not ended:
        return ()
    told = ", ".join(f"{one.product_id} (ended {from_epoch_ms(one.last_s * 1000):%Y-%m-%d})" for one in ended)
    return (f"survivorship: all {len(chosen)} products live to the end, and these that did not were left out: {told}",)
