"""One run of the loop for target weights: settings, candles and weights in, lots and equity out."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bot.domain.targets import Exposure
from bot.strategies import registry, target_kind
from bot.strategies.base import ExposureArrays
from research import coverage, engine
from research.data.candles import CandleSet, Floats
from research.engine import FillTiming, MarketModel, Prepared, RawResult, Style
from research.errors import ResearchError
from research.loops import exposure as loop
from research.loops import types as t
from shared.settings import Settings

ROOM = 64  # open lots of one product; doubled where a run needs more
ROOM_MOST = 1 << 16


def wants_weights(settings: Settings) -> bool:
    """Whether the settings' strategy is carried out as target weights (KIND). Raises SettingsError."""
    return target_kind.target_type_of(settings, registry.chosen(settings)) is Exposure


def weights_of(
    settings: Settings,
    candles: CandleSet,
    progress: Callable[[int, int], None] | None = None,
    others: Sequence[CandleSet] = (),
) -> Floats:
    """The target weight after every bar, NaN = no opinion: the strategy's own, or its signals' (KIND=exposure).

    `others`: the products that are traded beside it, for a strategy that compares them.
    """
    strategy = registry.chosen(settings)
    strategy.progress = progress
    bars = candles.bars()
    if strategy.needs_peers:
        bars = bars.with_peers({one.product_id: one.bars() for one in others})
    found = strategy.checked(bars)
    arrays = found if isinstance(found, ExposureArrays) else target_kind.weights_of_signals(found)
    return np.ascontiguousarray(arrays.weight, dtype=np.float64)


def all_weights(
    settings: Settings, candles: Sequence[CandleSet], progress: Callable[[int, int], None] | None = None
) -> list[Floats]:
    """`weights_of` product by product."""
    return [weights_of(settings, one, progress, [two for two in candles if two is not one]) for one in candles]


def numbers_of(s: Settings) -> t.ExposureNumbers:
    """The settings of target weights as the loop reads them."""
    return t.ExposureNumbers(
        max_pct=s.exposure_max_pct,
        band_pct=s.exposure_band_pct,
        maker_s=math.floor(s.exposure_maker_sec),
        least_quote=s.order_min_usd,
    )


def no_plans(products: int) -> t.HoldingPlans:
    wanted = np.zeros((products, t.W_SIZE))
    wanted[:, t.W_TARGET] = math.nan
    return t.HoldingPlans(np.zeros((products, t.J_SIZE), dtype=np.int64), wanted)


def run_exposure(
    prepared: Prepared,
    weights: Sequence[Floats],
    settings: Settings,
    model: MarketModel,
    *,
    plain: bool = False,
    room: t.Out | None = None,
) -> RawResult:
    """Hold every product at its target weight. `weights`: one array per product, as `weights_of` says them.

    `room`: arrays of an earlier run to write into, whose result is then gone. Raises ResearchError.
    """
    coverage.check_exposure(settings)
    if model.fill is FillTiming.OHLC or model.participation:
        raise ResearchError("target weights fill at next_open or close, without a bound on volume")
    engine.check_money(prepared, model.cash)
    rules = engine.rules_of(settings, prepared.granularity_s)
    every_bar: list[NDArray[np.int8]] = [np.ones(len(one), dtype=np.int8) for one in prepared.candles]
    tape = t.WeightBars(
        prepared.start_s, *prepared.ticks, prepared.steps,
        engine.allowed(prepared, every_bar, settings.trading_window_utc, settings.reduce_only),
        weights[0] if len(weights) == 1 else np.concatenate(weights), engine.slippage(prepared, model),
    )  # fmt: skip
    numbers, loop_model = numbers_of(settings), engine.loop_model(model, prepared.granularity_s)
    kernel = engine.kernel("exposure", plain)
    capacity, lots = engine.CAPACITY, ROOM
    while True:
        state, plans = engine.new_state(prepared, model, lots), no_plans(len(prepared.candles))
        out = room if room is not None and len(room.ints) >= capacity else engine.new_out(capacity, len(prepared.times))
        made = kernel(tape, rules, numbers, loop_model, state, plans, out)
        if made == loop.NO_ROOM and lots < ROOM_MOST:
            lots *= 2
        elif made > capacity:
            capacity = made
        else:
            break
    if made == loop.NO_ROOM:
        raise ResearchError(f"more than {ROOM_MOST:,} lots of one product are open: use a wider EXPOSURE_BAND_PCT")
    times = int(state.clock[t.K_TIMES])
    engine.check_grown(prepared, out.equity[:times])
    return RawResult(
        prepared, out.ints[:made], out.floats[:made], out.equity[:times], out.held[:times],
        state.account, model, Style.EXPOSURE, state.products[:, t.P_MARK],
    )  # fmt: skip


def never_rests(settings: Settings, granularity_s: int) -> bool:
    """Whether the bars are too long to show what fills within EXPOSURE_MAKER_SEC."""
    return settings.exposure_maker_sec > 0 and granularity_s > settings.exposure_maker_sec


def other_bound(model: MarketModel) -> MarketModel:
    """The same market with what rests filled by the other assumption."""
    return dataclasses.replace(model, through=not model.through)
