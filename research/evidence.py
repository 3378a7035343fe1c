"""Every family of strategies on given recordings, at two fee tiers, beside buy and hold: what docs/strategies.md shows.

All families begin at one time, after the longest warm-up that fits, so that each has the same market before it and
none has an advantage of its start. Drawdowns are of equity at 00:00 UTC, of the runs and of holding alike.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bot.strategies import registry
from bot.strategies.base import StrategyError
from research import decisions, engine
from research.backtest import settings_for
from research.data.candles import WIRE_NAMES, CandleSet, granularity_text
from research.engine import MarketModel, RawResult
from research.errors import ResearchError
from research.loops import types as t
from research.metrics.drawdown import drawdowns
from research.metrics.returns import Floats
from research.metrics.summary import by_key, curve, figures, holding
from research.verdict import verdict
from research.walkforward import cut
from shared.settings import GRANULARITIES, SettingsError
from shared.times import from_epoch_ms

# Limits of an account would hide what a strategy itself does.
COMMON: Mapping[str, str] = MappingProxyType({
    "PROFILE": "prod", "MAX_DAILY_LOSS_PCT": "100", "MAX_DRAWDOWN_PCT": "0", "MAX_CONSECUTIVE_LOSSES": "0",
    "MAX_VOL_SPIKE": "0", "EDGE_GATE": "false", "KIND": "auto",
})  # fmt: skip
FAMILIES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "steady": {}, "trend": {}, "breakout": {}, "rebalance": {}, "grid": {}, "dca": {"EXPOSURE_BAND_PCT": "4"},
    "sma_cross": {"KIND": "exposure", "MA_FAST": "20", "MA_SLOW": "100"},
})  # fmt: skip
TIERS: Mapping[str, MarketModel] = MappingProxyType({
    "first": MarketModel(maker_pct=0.50, taker_pct=0.90),
    "middle": MarketModel(maker_pct=0.15, taker_pct=0.25),
})  # fmt: skip
LEAST_BARS = 30  # of the period that is judged
WARM_PART = 0.5  # of a recording may be warm-up at most


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One family on one recording at one tier. Returns and drawdowns as fractions; `trades`: filled orders."""

    family: str
    tier: str
    gained: float
    worst: float
    trades: int
    fees: float
    verdict: str


@dataclass(frozen=True, slots=True)
class RecordingEvidence:
    """What one recording shows. `held`: buy and hold at each tier as (return, worst drawdown). `left_out`: why not."""

    candles: CandleSet
    begin_s: int
    held: Mapping[str, tuple[float, float]]
    rows: tuple[EvidenceRow, ...]
    left_out: Mapping[str, str]

    @property
    def name(self) -> str:
        """Product, bar length, source, whole span and the SHA-256 of its columns (its first 16 digits)."""
        one = self.candles
        first, last = (from_epoch_ms(int(s) * 1000) for s in (one.start_s[0], one.start_s[-1]))
        return (
            f"{one.product_id}, bars of {granularity_text(one.granularity_s)}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, "
            f"{len(one):,} bars, source `{one.source or 'not named'}`, SHA-256 {one.digest}…"
        )


def gather(candles: CandleSet, tell: Callable[[], None] = lambda: None) -> RecordingEvidence:
    """Every family on one recording. `tell` is called after each run. Raises ResearchError where none can run."""
    if WIRE_NAMES.get(candles.granularity_s) not in GRANULARITIES:
        length = granularity_text(candles.granularity_s)
        raise ResearchError(f"{candles.name}: the bot has no bars of {length}; choose {', '.join(GRANULARITIES)}")
    warm: dict[str, int] = {}
    left_out: dict[str, str] = {}
    for family, own in FAMILIES.items():
        try:
            settings = settings_for({**COMMON, **own, "STRATEGY": family}, [candles])
            warm[family] = registry.make(family, settings).warmup_bars
        except (ResearchError, SettingsError) as error:
            left_out[family] = str(error)
    room = int(len(candles) * WARM_PART)
    for family in [one for one, bars in warm.items() if bars > room or len(candles) - bars < LEAST_BARS]:
        left_out[family] = f"its warm-up of {warm.pop(family):,} bars does not fit"
    if not warm:
        raise ResearchError(f"{candles.name}: {len(candles):,} bars are too few for any family")
    begin = max(warm.values())
    held: dict[str, tuple[float, float]] = {}
    rows: list[EvidenceRow] = []
    for tier, model in TIERS.items():
        for family in warm:
            row, result = _run(candles, begin, family, tier, model)
            rows.append(row)
            if tier not in held:
                by_day, whole = holding(result)
                held[tier] = (whole, _worst(by_day))
            tell()
    return RecordingEvidence(candles, int(candles.start_s[begin]), held, tuple(rows), left_out)


def _run(candles: CandleSet, begin: int, family: str, tier: str, model: MarketModel) -> tuple[EvidenceRow, RawResult]:
    day = from_epoch_ms(int(candles.start_s[begin]) * 1000)
    overrides = {**COMMON, **FAMILIES[family], "STRATEGY": family, "STRATEGY_DCA_START": f"{day:%Y-%m-%d}"}
    settings = settings_for(overrides, [candles])
    try:
        said = decisions.decide(settings, engine.prepare([candles]))
    except StrategyError as error:
        raise ResearchError(str(error)) from error
    parts, calls = cut([candles], said, int(candles.start_s[begin]), int(candles.start_s[-1]) + 1)
    result = decisions.carry_out(engine.prepare(parts), calls, settings, model)
    found = figures(result, chances=False)
    value = by_key(found)
    judged = verdict(result, found)
    trades = int(result.ints[:, t.T_FILLS].sum()) + len(result.ints)
    return (
        EvidenceRow(
            family, tier, value["total_return"] or 0.0, _worst(curve(result).by_day), trades, value["fees"] or 0.0,
            judged.luck.value,
        ),
        result,
    )  # fmt: skip


def _worst(by_day: Floats) -> float:
    """Deepest fall below a peak of equity at 00:00 UTC, a fraction <= 0."""
    equity: Floats = np.cumprod(1.0 + by_day).astype(np.float64)
    return float(drawdowns(equity, 1.0).min()) if len(equity) else 0.0


def markdown(found: Sequence[RecordingEvidence]) -> Iterator[str]:
    """Lines of a page: one table for each recording, and in how many of them a family fell less than holding."""
    for one in found:
        begin = from_epoch_ms(one.begin_s * 1000)
        yield f"**{one.name}**, judged from {begin:%Y-%m-%d}"
        yield ""
        yield "| strategy | fees | return | worst fall | trades | fees paid | beside holding |"
        yield "|---|---|---|---|---|---|---|"
        for tier in TIERS:
            whole, worst = one.held[tier]
            yield f"| buy and hold | {tier} | {_pct(whole)} | {_pct(worst)} | 2 | – | – |"
            for row in one.rows:
                if row.tier == tier:
                    cells = (row.family, tier, _pct(row.gained), _pct(row.worst), f"{row.trades:,}", f"{row.fees:,.0f}")
                    yield f"| {' | '.join(cells)} | {row.verdict} |"
        for family, why in one.left_out.items():
            yield f"| {family} | – | not run: {why} | | | | |"
        yield ""
    yield "| strategy | fees | recordings | fell less than holding | earned more than holding | lost money |"
    yield "|---|---|---|---|---|---|"
    for family in FAMILIES:
        for tier in TIERS:
            rows = [
                (row, one.held[tier]) for one in found for row in one.rows if (row.family, row.tier) == (family, tier)
            ]
            if rows:
                calmer = sum(row.worst > held[1] for row, held in rows)
                richer, lost = sum(row.gained > held[0] for row, held in rows), sum(row.gained < 0 for row, _ in rows)
                yield f"| {family} | {tier} | {len(rows)} | {calmer} | {richer} | {lost} |"


def _pct(part: float) -> str:
    return f"{part * 100:+,.1f} %".replace("-", "−")
