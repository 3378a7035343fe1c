"""What blocked entries in the last day: for each gate, the number of closed bars that it blocked."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.rows import StopCount
from dashboard.views import format as f
from shared.market_data import ENTERED


@dataclass(frozen=True, slots=True)
class TallyRow:
    title: str
    bars: str
    share: str
    pct: float
    buys: str  # of them, bars with a buy signal
    products: str
    entered: bool


@dataclass(frozen=True, slots=True)
class TallyPanel:
    rows: list[TallyRow]  # most first; entries last
    bars: int
    buys: int


def tally(counts: Sequence[StopCount] | None) -> TallyPanel | None:
    """None = there is nothing to read yet."""
    if not counts:
        return None
    bars, buys = sum(c.bars for c in counts), sum(c.buys for c in counts)
    by_gate: dict[str, list[StopCount]] = {}
    for count in counts:
        by_gate.setdefault(count.gate, []).append(count)
    ordered = sorted(by_gate.items(), key=lambda item: (item[0] == ENTERED, -sum(c.bars for c in item[1])))
    return TallyPanel([_row(gate, found, bars) for gate, found in ordered], bars, buys)


def _row(gate: str, found: list[StopCount], bars: int) -> TallyRow:
    here = sum(c.bars for c in found)
    each = sorted(found, key=lambda c: (-c.bars, c.product_id))
    shown = ", ".join(f"{f.clean(c.product_id)} {f.count(c.bars)}" for c in each[:4])
    more = f" and {len(each) - 4} more" if len(each) > 4 else ""
    return TallyRow(
        f.clean(found[0].title),
        f.count(here),
        f.pct(100 * here / bars, 1),
        round(100 * here / bars, 2),
        f.count(sum(c.buys for c in found)),
        shown + more,
        gate == ENTERED,
    )
