"""Which products are worth trading: ranked by volume, spread, volatility, and what a day's swing leaves after fees.

Pure: candidates in, order out. Only what may be bought at all is ranked; ties go by name, so the same market always
gives the same choice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.rules.entries import round_trip_cost_pct


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product as the scan saw it; None = not known, which never ranks."""

    product_id: str
    volume_quote: float  # traded in 24 hours
    spread_pct: float | None  # best ask over best bid, of the mid
    hour_volatility_pct: float | None  # standard deviation of one-hour log returns
    halted: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a candidate must reach; percent."""

    min_volume_quote: float
    max_spread_pct: float  # 0 = no such limit
    entry_fee_pct: float
    exit_fee_pct: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """`score` 0..1, the mean of four ranks; `edge_pct` = a day's swing less fees and spread."""

    product_id: str
    score: float
    edge_pct: float


def edge_pct(candidate: Candidate, terms: Terms) -> float:
    """A day's swing (one standard deviation) less what a round trip over it costs, spread included."""
    if candidate.hour_volatility_pct is None or candidate.spread_pct is None:
        return -math.inf
    swing_pct = candidate.hour_volatility_pct * math.sqrt(24)
    return swing_pct - round_trip_cost_pct(swing_pct, terms.entry_fee_pct, terms.exit_fee_pct) - candidate.spread_pct


def why_not(candidate: Candidate, terms: Terms) -> str | None:
    """Why a product cannot be picked; None = it can."""
    if candidate.halted:
        return "not online"
    if not math.isfinite(candidate.volume_quote) or candidate.volume_quote < terms.min_volume_quote:
        return f"{candidate.volume_quote:,.0f} traded in a day, needs {terms.min_volume_quote:,.0f}"
    spread, swing = candidate.spread_pct, candidate.hour_volatility_pct
    if spread is None or not math.isfinite(spread) or spread < 0:
        return "no spread known"
    if terms.max_spread_pct and spread > terms.max_spread_pct:
        return f"spread {spread:.2f} %, at most {terms.max_spread_pct:g} %"
    if swing is None or not math.isfinite(swing):
        return "no volatility known"
    edge = edge_pct(candidate, terms)
    return None if edge > 0 else f"a day's swing leaves {edge:.2f} % after fees"


def rank(candidates: Sequence[Candidate], terms: Terms) -> list[Ranked]:
    """Those that can be picked, best first."""
    fit = [candidate for candidate in candidates if why_not(candidate, terms) is None]
    measures: tuple[Callable[[Candidate], float], ...] = (
        lambda c: c.volume_quote,
        lambda c: -(c.spread_pct or 0.0),
        lambda c: c.hour_volatility_pct or 0.0,
        lambda c: edge_pct(c, terms),
    )
    scores = dict.fromkeys((c.product_id for c in fit), 0.0)
    for measure in measures:
        values = sorted({measure(candidate) for candidate in fit})
        place = {value: (index + 1) / len(values) for index, value in enumerate(values)}
        for candidate in fit:
            scores[candidate.product_id] += place[measure(candidate)] / len(measures)
    ranked = [Ranked(c.product_id, scores[c.product_id], edge_pct(c, terms)) for c in fit]
    return sorted(ranked, key=lambda r: (-r.score, r.product_id))


def pick(ranked: Sequence[Ranked], most: int) -> tuple[str, ...]:
    """The best `most`. What has open lots stays on top of that (`bot.engine.universe`)."""
    return tuple(item.product_id for item in ranked[:most])


def hour_volatility_pct(closes: Sequence[float]) -> float | None:
    """Sample standard deviation of log returns between hourly closes, in percent; None = too few."""
    if len(closes) < 13 or any(not close > 0 for close in closes):
        return None
    returns = [math.log(after / before) for before, after in pairwise(closes)]
    mean = math.fsum(returns) / len(returns)
    return 100 * math.sqrt(math.fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1))
