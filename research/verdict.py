"""The verdict on a run, in one sentence: what it earned, what holding earned, what open lots carry, whether it is luck.

Luck is tested, not felt: a 95 % interval of how much more the run grew than holding, over days drawn anew from its own
(stationary bootstrap, `research.metrics.chance.sum_interval`). Where zero lies within it, the run and holding can't be
told apart on this data. It judges one run: the best of many points needs the deflated Sharpe ratio as well.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from research.engine import RawResult
from research.metrics import chance, summary
from research.metrics.returns import Floats
from research.metrics.summary import Metric
from research.report.words import NO_BREAK, number

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Luck(StrEnum):
    """What the interval says. UNKNOWN: too few days, or not asked."""

    UNKNOWN = "unknown"
    LUCK = "not distinguishable from luck"
    BETTER = "outperforms holding by more than luck explains"
    WORSE = "underperforms holding by more than luck explains"


@dataclass(frozen=True, slots=True)
class BacktestVerdict:
    """`excess`: end value against holding's, less one, with its 95 % interval; the result in quote currency."""

    sentence: str
    proof: str
    total_return: float
    buy_and_hold: float
    open_lots: int
    open_result: float
    closed_lots: int
    closed_result: float
    luck: Luck
    excess: float
    excess_low: float | None = None
    excess_high: float | None = None
    days: int = 0

    def document(self) -> dict[str, Any]:
        """As plain values, for run.json."""
        return dataclasses.asdict(self)


def verdict(result: RawResult, figures: tuple[Metric, ...], seed: int = 0, *, chances: bool = True) -> BacktestVerdict:
    """The verdict on a run with these figures."""
    value = {figure.key: figure.value or 0.0 for figure in figures}
    days = (summary.curve(result).by_day, summary.holding(result)[0]) if chances else None
    currency = result.prepared.candles[0].product_id.partition("-")[2]
    return judge(value, days, currency, seed)


def judge(
    value: Mapping[str, float],
    days: tuple[Floats, Floats] | None,
    currency: str,
    seed: int,
    what: str = "open lot",
) -> BacktestVerdict:
    """The verdict on figures by key. `days`: daily returns of the run and of holding; None: luck is not asked for."""
    count, closed = round(value["open_lots"]), round(value["lots"])
    excess = (1.0 + value["total_return"]) / max(1.0 + value["buy_and_hold"], 1e-9) - 1.0
    interval = chance.sum_interval(chance.excess_growth(*days), seed) if days is not None else None
    found, low, high = Luck.UNKNOWN, None, None
    if interval is not None:
        low, high = math.expm1(interval.low), math.expm1(interval.high)
        found = Luck.BETTER if low > 0.0 else Luck.WORSE if high < 0.0 else Luck.LUCK
    length = len(days[0]) if days is not None else 0
    parts = [outcome(value["total_return"], value["buy_and_hold"])]
    if count:
        parts.append(carried(count, value["open_result"], value["realised"], currency, what))
    parts.append("no lot was opened" if not count and not closed else _luck(found, length, days is not None))
    return BacktestVerdict(
        "; ".join(part for part in parts if part), _proof(excess, low, high, length), value["total_return"],
        value["buy_and_hold"], count, value["open_result"], closed, value["realised"], found, excess, low, high, length,
    )  # fmt: skip


def outcome(gained: float, holding: float) -> str:
    """Lost 1.5 % while holding gained 14.0 %."""
    return f"{_moved(gained).capitalize()} while holding {_moved(holding)}"


def _moved(part: float) -> str:
    # Two digits where one would round a result to nothing.
    digits = 1 if abs(part) >= 0.001 else 2
    text = number(abs(part) * 100, digits, signed=False)
    if not float(text.replace(",", "")):
        return "ended where it began"
    return f"{'gained' if part > 0 else 'lost'} {text}{NO_BREAK}%"


def carried(count: int, open_result: float, closed_result: float, currency: str, what: str = "open lot") -> str:
    """Ten open lots account for the loss (−1,234.00 USD)."""
    many = _WORDS[count] if count < len(_WORDS) else f"{count:,}"
    who = f"{many} {what if count == 1 else what.replace('lot', 'lots', 1)}"
    amount = f"{number(open_result, 2, signed=True)}{NO_BREAK}{currency}"
    whole = open_result + closed_result
    if whole * open_result > 0 and closed_result * whole <= 0:
        return f"{who} account{'s' if count == 1 else ''} for the {'loss' if whole < 0 else 'gain'} ({amount})"
    closed = f"{number(closed_result, 2, signed=True)}{NO_BREAK}{currency}"
    return f"{who} stand{'s' if count == 1 else ''} at {amount}, closed ones {closed}"


def _luck(found: Luck, days: int, asked: bool) -> str:
    match found:
        case Luck.LUCK:
            return "not distinguishable from luck"
        case Luck.BETTER:
            return "outperforms holding by more than luck explains"
        case Luck.WORSE:
            return "underperforms holding by more than luck explains"
        case _:
            if not asked:
                return ""
            return f"{days} day{'s are' if days != 1 else ' is'} too few to tell skill from luck"


def _proof(excess: float, low: float | None, high: float | None, days: int) -> str:
    def text(part: float) -> str:
        return f"{number(part * 100, 1, signed=True)}{NO_BREAK}%"

    if low is None or high is None:
        return f"Against holding {text(excess)}; a test against luck needs {chance.FEWEST} days or more"
    return (
        f"Against holding {text(excess)}; 95 % of the histories resampled from these {days:,} days are between "
        f"{text(low)} and {text(high)} (stationary bootstrap)"
    )
