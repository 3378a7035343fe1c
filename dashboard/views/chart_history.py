"""What a page of a chart's bars is drawn with: moving averages, round trips, and the gates that were shut."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.rows import LedgerClosedLot, ShutGate
from dashboard.views import format as f
from dashboard.views.model import called
from dashboard.views.snapshot import Snapshot
from shared.documents.strategy import StrategyDoc
from shared.market_data import ENTERED, CandleRow, IndicatorRow

AVERAGES = {"sma_fast": "MA_FAST", "sma_slow": "MA_SLOW"}  # a strategy's value, the setting with its length in bars
NO_GATE = "open"  # every gate was open: the next price entered
Line = list[tuple[int, float]]


def lengths(strategy: StrategyDoc | None) -> dict[str, int]:
    """The strategy's moving averages, value's name to bars; none where it has others within it, each with its own."""
    if strategy is None or strategy.members:
        return {}
    found = {name: strategy.parameters.get(key, "") for name, key in AVERAGES.items()}
    return {name: int(text) for name, text in found.items() if text.isdecimal() and int(text) > 0}


def average_name(bars: int) -> str:
    return f"SMA {bars}"


def moving_averages(
    bars: Sequence[CandleRow], shown: int, wanted: Mapping[str, int], recorded: Sequence[IndicatorRow]
) -> dict[str, Line]:
    """Each average on the newest `shown` of `bars`, which go back far enough for the first of them where there are any.

    What the bot recorded stands; on other bars it is the mean of so many closes. A bar with too few before it has none.
    """
    known = dict(recorded)
    found: dict[str, Line] = {}
    for name, length in wanted.items():
        total, line = 0.0, []
        for i, bar in enumerate(bars):
            total += bar.close - (bars[i - length].close if i >= length else 0.0)
            value = known.get(bar.start_s, {}).get(name)
            if value is None and i >= length - 1:
                value = total / length
            if value is not None and i >= len(bars) - shown:
                line.append((bar.start_s, value))
        if line:
            found[average_name(length)] = line
    return found


def other_lines(lines: Mapping[str, Line], wanted: Mapping[str, int]) -> dict[str, Line]:
    """What the strategy recorded beside its moving averages."""
    return {name: line for name, line in lines.items() if name not in {called(value) for value in wanted}}


def round_trip(lot: LedgerClosedLot) -> dict[str, Any] | None:
    """A closed lot as a bracket; None = nothing of it was sold, so there is no price at which it ended."""
    sold = lot.base_bought - lot.dust
    if sold <= 0 or lot.proceeds <= 0:
        return None
    return {
        "lot_id": lot.lot_id,
        "name": f"{lot.kind.capitalize()} {f.short_id(lot.lot_id, 6)}",
        "opened_s": lot.opened_ms // 1000,
        "open_price": float(lot.open_price),
        "closed_s": lot.closed_ms // 1000,
        "close_price": float(lot.proceeds / sold),
        "result": float(round(lot.realized_pnl, 2)),
        "reason": f.exit_reason(lot.exit_reason),
    }


def round_trips(lots: Sequence[LedgerClosedLot]) -> list[dict[str, Any]]:
    return [found for found in map(round_trip, lots) if found is not None]


def strip_rows(s: Snapshot, found: Sequence[ShutGate]) -> list[dict[str, str]]:
    """The gates that were the first shut one at some time, in the order in which the bot asks them."""
    gates = s.state.gates.products if s.state and s.state.gates else []
    order = {gate.name: i for i, gate in enumerate(gates[0].gates)} if gates else {}
    titles: dict[str, str] = {}
    for one in found:
        titles.setdefault(one.gate, f.clean(one.title))
    names = sorted(titles.keys() - {ENTERED, NO_GATE}, key=lambda name: (order.get(name, len(order)), name))
    return [{"gate": name, "title": titles[name]} for name in names]
