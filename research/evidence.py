"""Every family of strategies on given recordings, at two fee tiers, beside buy and hold: the figures of their cards.

All families begin at one time, after the longest warm-up that fits, so that each has the same market before it and
none has an advantage of its start. Drawdowns are of equity at 00:00 UTC, of the runs and of holding alike.
"""

import hashlib
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
    "steady": {}, "trend": {}, "breakout": {}, "relative": {}, "rebalance": {}, "grid": {},
    "dca": {"EXPOSURE_BAND_PCT": "4"}, "sma_cross": {"KIND": "exposure", "MA_FAST": "20", "MA_SLOW": "100"},
})  # fmt: skip
COMPARING = frozenset({"relative"})  # needs several products
TIERS: Mapping[str, MarketModel] = MappingProxyType({
    "first": MarketModel(maker_pct=0.50, taker_pct=0.90),
    "middle": MarketModel(maker_pct=0.15, taker_pct=0.25),
})  # fmt: skip
LEAST_BARS = 30  # of the period that is judged
WARM_PART = 0.5  # of a recording may be warm-up at most


def gather(candles: Sequence[CandleSet], tell: Callable[[], None] = lambda: None) -> RecordingFigures:
    """Every family on one recording, or on several as one account that trades them all, for the time that they share.

    Holding then is of equal parts. `tell` is called after each run. Raises ResearchError where none can run.
    """
    shared = _shared(candles)
    warm, left_out = _warm_ups(shared)
    begin = max(int(one.start_s[max(warm.values())]) for one in shared)
    held: dict[str, HeldFigures] = {}
    rows: list[EvidenceRow] = []
    for tier, model in TIERS.items():
        for family in warm:
            row, result = _run(shared, begin, family, tier, model)
            rows.append(row)
            if tier not in held:
                by_day, whole = holding(result)
                held[tier] = HeldFigures(whole, _worst(by_day))
            tell()
    first = min(int(one.start_s[0]) for one in shared)
    last = max(int(one.start_s[-1]) for one in shared)
    return RecordingFigures(
        " + ".join(one.product_id for one in shared), granularity_text(shared[0].granularity_s), _day(first),
        _day(last), sum(map(len, shared)), ", ".join(one.source for one in shared), _digest(shared), _day(begin), held,
        tuple(rows), left_out,
    )  # fmt: skip


def _shared(candles: Sequence[CandleSet]) -> list[CandleSet]:
    """The bars of the time that all of them have. Raises ResearchError."""
    length = candles[0].granularity_s
    if WIRE_NAMES.get(length) not in GRANULARITIES:
        raise ResearchError(
            f"{candles[0].name}: the bot has no bars of {granularity_text(length)}; choose {', '.join(GRANULARITIES)}"
        )
    if len({(one.product_id, one.granularity_s) for one in candles}) < len(candles) or any(
        one.granularity_s != length for one in candles
    ):
        raise ResearchError("recordings that are traded together are of products of their own, with bars of one length")
    first = max(int(one.start_s[0]) for one in candles)
    last = min(int(one.start_s[-1]) for one in candles)
    found = []
    for one in candles:
        low, high = np.searchsorted(one.start_s, first), np.searchsorted(one.start_s, last, side="right")
        found.append(one if len(candles) == 1 else one.rows(int(low), int(high)))
    if not all(map(len, found)):
        raise ResearchError(f"{' and '.join(one.name for one in candles)} have no time in common")
    return found


def _warm_ups(candles: Sequence[CandleSet]) -> tuple[dict[str, int], dict[str, str]]:
    """(family to its warm-up in bars, family to why it is left out). Raises ResearchError where none is left."""
    warm: dict[str, int] = {}
    left_out: dict[str, str] = {}
    for family in FAMILIES if len(candles) > 1 else [one for one in FAMILIES if one not in COMPARING]:
        try:
            settings = settings_for({**COMMON, **FAMILIES[family], "STRATEGY": family}, candles)
            warm[family] = registry.make(family, settings).warmup_bars
        except (ResearchError, SettingsError) as error:
            left_out[family] = str(error)
    fewest = min(map(len, candles))
    room = int(fewest * WARM_PART)
    for family in [one for one, bars in warm.items() if bars > room or fewest - bars < LEAST_BARS]:
        left_out[family] = f"its warm-up of {warm.pop(family):,} bars does not fit"
    if not warm:
        raise ResearchError(f"{candles[0].name}: {fewest:,} bars are too few for any family")
    return warm, left_out


def _digest(candles: Sequence[CandleSet]) -> str:
    """Of one recording its own; of several that of all of theirs."""
    if len(candles) == 1:
        return candles[0].digest
    return hashlib.sha256(" ".join(one.digest for one in candles).encode()).hexdigest()[:16]


def as_document(found: Sequence[RecordingFigures], names: Sequence[str]) -> StrategyEvidence:
    """What `shared/strategy_evidence.json` holds: with today's UTC day, the build, and the command that made it."""
    tiers = {tier: FeeTier(model.maker_pct, model.taker_pct) for tier, model in TIERS.items()}
    return StrategyEvidence(
        made=f"{datetime.now(UTC):%Y-%m-%d}", build=build_id(), command=f"./coin evidence {' '.join(names)}",
        tiers=tiers, recordings=tuple(found),
    )  # fmt: skip


def _day(epoch_s: int) -> str:
    return f"{from_epoch_ms(epoch_s * 1000):%Y-%m-%d}"


def _run(
    candles: Sequence[CandleSet], begin_s: int, family: str, tier: str, model: MarketModel
) -> tuple[EvidenceRow, RawResult]:
    overrides = {**COMMON, **FAMILIES[family], "STRATEGY": family, "STRATEGY_DCA_START": _day(begin_s)}
    settings = settings_for(overrides, candles)
    try:
        said = decisions.decide(settings, engine.prepare(candles))
    except StrategyError as error:
        raise ResearchError(str(error)) from error
    parts, calls = cut(candles, said, begin_s, max(int(one.start_s[-1]) for one in candles) + 1)
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
