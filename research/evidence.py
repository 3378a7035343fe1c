"""Every family of strategies on given recordings, at two fee tiers, beside buy and hold: the figures of their cards.

All families begin at one time, after the longest warm-up that fits, so that each has the same market before it and
none has an advantage of its start. Drawdowns are of equity at 00:00 UTC, of the runs and of holding alike.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
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
from shared.build import build_id
from shared.settings import GRANULARITIES, SettingsError
from shared.strategy_evidence import EvidenceRow, FeeTier, HeldFigures, RecordingFigures, StrategyEvidence
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


def gather(candles: CandleSet, tell: Callable[[], None] = lambda: None) -> RecordingFigures:
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
    held: dict[str, HeldFigures] = {}
    rows: list[EvidenceRow] = []
    for tier, model in TIERS.items():
        for family in warm:
            row, result = _run(candles, begin, family, tier, model)
            rows.append(row)
            if tier not in held:
                by_day, whole = holding(result)
                held[tier] = HeldFigures(whole, _worst(by_day))
            tell()
    first, last, judged = (_day(int(s)) for s in candles.start_s[[0, -1, begin]])
    return RecordingFigures(
        candles.product_id, granularity_text(candles.granularity_s), first, last, len(candles), candles.source,
        candles.digest, judged, held, tuple(rows), left_out,
    )  # fmt: skip


def as_document(found: Sequence[RecordingFigures], names: Sequence[str]) -> StrategyEvidence:
    """What `shared/strategy_evidence.json` holds: with today's UTC day, the build, and the command that made it."""
    tiers = {tier: FeeTier(model.maker_pct, model.taker_pct) for tier, model in TIERS.items()}
    return StrategyEvidence(
        made=f"{datetime.now(UTC):%Y-%m-%d}", build=build_id(), command=f"./coin evidence {' '.join(names)}",
        tiers=tiers, recordings=tuple(found),
    )  # fmt: skip


def _day(epoch_s: int) -> str:
    return f"{from_epoch_ms(epoch_s * 1000):%Y-%m-%d}"


def _run(candles: CandleSet, begin: int, family: str, tier: str, model: MarketModel) -> tuple[EvidenceRow, RawResult]:
    day = _day(int(candles.start_s[begin]))
    overrides = {**COMMON, **FAMILIES[family], "STRATEGY": family, "STRATEGY_DCA_START": day}
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
