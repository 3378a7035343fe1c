"""One run of a loop: settings and candles in, lots and equity out. Compiled by default, plain for comparison."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.engine.execution.edge import Fees, trail_activate_pct
from bot.rules.codes import DECAY_EXP, DECAY_LINEAR
from bot.rules.risk import in_window
from bot.strategies.volatility_arrays import sigmas
from research import compiled, coverage, limits
from research.data.candles import CandleSet, Floats, Ints
from research.errors import ResearchError
from research.loops import all_in_out, arrays, exposure, exposure_policy, lots
from research.loops import types as t
from research.loops.fills import FAR
from shared.figures import plainly
from shared.settings import Settings, parse_window

CAPACITY = 4096
PLAIN_LIMIT = 9.0e18  # whole units of money must fit into int64


class FillTiming(StrEnum):
    """When a decision made on a closed bar is carried out."""

    NEXT_OPEN = "next_open"
    CLOSE = "close"
    OHLC = "ohlc"


SIZINGS = {"percent": t.SIZE_PERCENT, "fixed": t.SIZE_FIXED, "volatility": t.SIZE_VOLATILITY, "kelly": t.SIZE_KELLY}
FILLS = {FillTiming.NEXT_OPEN: t.FILL_NEXT_OPEN, FillTiming.CLOSE: t.FILL_CLOSE, FillTiming.OHLC: t.FILL_OHLC}


class Style(StrEnum):
    """How what a strategy says becomes trades: the bot's lots or target weights, or all in and all out."""

    LOTS = "lots"
    EXPOSURE = "exposure"  # the bot's, too: where KIND or the strategy says so
    FLIP = "flip"


@dataclass(frozen=True, slots=True)
class MarketModel:
    """What is assumed of the market. Fees in percent; `spread_bps` is the whole spread, `slippage_bps` per side."""

    fill: FillTiming = FillTiming.NEXT_OPEN
    maker_pct: float = 0.50
    taker_pct: float = 0.90
    spread_bps: float = 0.0
    spread_ticks: int = 0  # half a spread in whole ticks, on top
    slippage_bps: float = 0.0
    volatility_slippage: float = 0.0  # in standard deviations of the newest 60 log returns
    impact_bps: float = 0.0  # of an order as large as its bar's volume; grows with the root of the size
    through: bool = True  # resting takes fill when traded through; False: when touched
    participation: float = 0.0  # part of a bar's volume that a resting take may get; 0 = no such bound
    cash: float = 10_000.0
    base_min_steps: int = 1
    quote_min: float = 1.0
    quote_increment: float = 0.01
    part: float = 1.0  # of the cash, for the flip style
    fixed_steps: int = 0  # steps of each entry of the flip style; 0 = by `part`


@dataclass(frozen=True, slots=True)
class Prepared:
    """Candles as the loops read them; made once for many runs."""

    candles: tuple[CandleSet, ...]
    start_s: Ints
    ticks: tuple[Ints, Ints, Ints, Ints]  # open, high, low, close
    steps: Floats
    first: Ints
    end: Ints
    unit: Floats
    off_tick: int  # prices that lay between two ticks
    times: Ints  # every time at which a bar closes, seconds
    granularity_s: int


@dataclass(frozen=True, slots=True)
class RawResult:
    """What a run leaves, as arrays. `ints`, `floats`: a row per lot, columns in `research.loops.types`."""

    prepared: Prepared
    ints: NDArray[np.int64]
    floats: Floats
    equity: Floats
    held: Floats
    account: Floats
    model: MarketModel
    style: Style = Style.LOTS
    marks: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@functools.cache
def _compiled(name: str) -> Callable[..., Any]:
    match name:
        case "lots":
            return compiled.compile_loop(lots.lots_loop, lots.HELPERS)
        case "exposure":
            return compiled.compile_loop(exposure.exposure_loop, exposure.HELPERS)
        case "policy":
            return compiled.compile_loop(exposure_policy.policy_loop, exposure_policy.HELPERS)
        case "flip":
            return compiled.compile_loop(all_in_out.all_in_out_loop, all_in_out.HELPERS)
        case _:
            return compiled.compile_loop(getattr(arrays, name))


def kernel(name: str, plain: bool) -> Callable[..., Any]:
    """A loop by name: compiled, or the very same function as plain Python."""
    if not plain:
        return _compiled(name)
    loops: dict[str, Callable[..., Any]] = {
        "lots": lots.lots_loop, "exposure": exposure.exposure_loop, "policy": exposure_policy.policy_loop,
        "flip": all_in_out.all_in_out_loop,
    }  # fmt: skip
    found: Callable[..., Any] = loops.get(name) or getattr(arrays, name)
    return found


def prepare(candles: Sequence[CandleSet], plain: bool = False) -> Prepared:
    """Ticks and steps of all products, one after the other. Raises ResearchError for bars of different lengths."""
    if not candles or any(not len(one) for one in candles):
        raise ResearchError("there are no bars to run on")
    if len({one.granularity_s for one in candles}) > 1:
        raise ResearchError("all products of one run need bars of one length")
    if len({one.product_id for one in candles}) < len(candles):
        raise ResearchError("a product is given twice")
    sizes = np.array([len(one) for one in candles], dtype=np.int64)
    end = np.cumsum(sizes)
    total = int(end[-1])
    o, h, low, c = (np.empty(total, dtype=np.int64) for _ in range(4))
    ticks = (o, h, low, c)
    steps = np.empty(total)
    off = 0
    to_ticks = kernel("to_ticks", plain)
    for one, last in zip(candles, end.tolist(), strict=True):
        cut = slice(last - len(one), last)
        increment = float(one.price_increment)
        for out, column in zip(ticks, (one.open, one.high, one.low, one.close), strict=True):
            off += to_ticks(column, increment, out[cut])
        np.divide(one.volume, float(one.base_increment), out=steps[cut])
    start = candles[0].start_s if len(candles) == 1 else np.concatenate([one.start_s for one in candles])
    unit = np.array([float(Decimal(one.price_increment) * Decimal(one.base_increment)) for one in candles])
    seconds = candles[0].granularity_s
    times = start + seconds
    if len(candles) > 1:
        times = np.sort(times, kind="stable")  # rising stretches are merged, not sorted anew
        times = times[np.append(times[1:] != times[:-1], True)]
    return Prepared(
        tuple(candles),
        start,
        ticks,
        steps,
        end - sizes,
        end,
        unit,
        off,
        times,
        seconds,
    )


def rules_of(s: Settings, granularity_s: int = 60) -> t.RuleNumbers:
    """The settings as the loop reads them."""
    return t.RuleNumbers(
        take_profit_pct=s.take_profit_pct,
        runner_tp_mult=s.runner_tp_mult,
        scalp_mode=DECAY_LINEAR if s.scalp_tp_dec_mode == "linear" else DECAY_EXP,
        scalp_factor=s.scalp_tp_decay_factor,
        scalp_dec_pct=s.scalp_tp_dec_pct,
        scalp_floor_pct=s.scalp_tp_min_pct,
        scalp_decay=s.scalp_tp_decay_enable,
        adverse_pct=s.pyramid_min_adverse_pct,
        decay_lambda=s.pyramid_decay_lambda,
        adverse_floor_pct=s.pyramid_decay_min_pct,
        pause_s=s.pyramid_min_seconds_between,
        pyramiding=s.allow_pyramiding,
        stop_loss_pct=s.stop_loss_pct,
        trail_activate_pct=s.trail_activate_pct,
        trail_distance_pct=s.trail_distance_pct,
        max_lots=s.max_concurrent_lots,
        max_total_lots=s.max_total_lots,
        risk_pct=s.risk_per_trade_pct,
        order_min=s.order_min_usd,
        funds_retry=s.low_funds == "retry",
        max_order=s.max_order_usd,
        fixed_equity=0.0 if s.use_live_equity else s.usd_equity,
        vol_adjust=s.vol_risk_adjust,
        max_daily_loss_pct=s.max_daily_loss_pct,
        max_daily_loss=s.max_daily_loss_usd,
        mark_to_market=s.daily_breaker_mark_to_market,
        resting_take=s.take_profit_order == "limit",
        edge_gate=s.edge_gate,
        min_edge_pct=s.min_edge_pct,
        sizing=SIZINGS[s.sizing],
        fixed_quote=s.fixed_order_usd,
        target_day_pct=s.target_day_vol_pct,
        bars_a_day=86_400 / granularity_s,
        kelly_confidence=s.kelly_confidence,
        kelly_cap_pct=s.kelly_cap_pct,
        max_total=s.max_total_usd,
        max_drawdown_pct=s.max_drawdown_pct,
        max_losses=s.max_consecutive_losses,
        max_vol_spike=s.max_vol_spike,
        signal_exits=s.signal_exits,
    )


def fees_of(s: Settings, maker_pct: float, taker_pct: float) -> Fees:
    """Fees in percent of the order kinds that the settings choose; entries of the loop are market orders."""
    return Fees(taker_pct, maker_pct if s.take_profit_order == "limit" else taker_pct, taker_pct)


def at_fees(rules: t.RuleNumbers, s: Settings, maker_pct: float, taker_pct: float) -> t.RuleNumbers:
    """The rules with the trail as the bot lifts it at these fees."""
    return rules._replace(trail_activate_pct=trail_activate_pct(s, fees_of(s, maker_pct, taker_pct)))


def loop_model(m: MarketModel, seconds: int) -> t.Model:
    return t.Model(
        fill=FILLS[m.fill],
        granularity_s=seconds,
        maker_pct=m.maker_pct,
        taker_pct=m.taker_pct,
        taker_ppm=round(m.taker_pct * 10_000),
        quote_increment=m.quote_increment,
        half_spread_ticks=m.spread_ticks,
        impact=m.impact_bps / 10_000,
        through=m.through,
        participation=m.participation,
    )


def new_state(prepared: Prepared, model: MarketModel, room: int) -> t.LoopState:
    """Nothing open, `model.cash` in the account; at most `room` lots of each product."""
    count = len(prepared.candles)
    state = t.LoopState(
        np.zeros((count, room, t.L_SIZE), dtype=np.int64),
        np.zeros((count, room, t.R_SIZE)),
        np.zeros((count, t.P_SIZE), dtype=np.int64),
        np.zeros((count, t.M_SIZE)),
        np.zeros(t.A_SIZE),
        np.zeros(t.K_SIZE, dtype=np.int64),
    )
    state.products[:, t.P_FIRST] = state.products[:, t.P_AT] = prepared.first
    state.products[:, t.P_END] = prepared.end
    for p, one in enumerate(prepared.candles):  # what the exchange said of the product counts before what is assumed
        least = Decimal(one.base_min_size) / Decimal(one.base_increment) if one.base_min_size else model.base_min_steps
        money = float(one.quote_min_size) if one.quote_min_size else model.quote_min
        state.products[p, t.P_MIN_STEPS] = max(round(least), 1)
        state.products[p, t.P_MIN_UNITS] = max(round(money / float(prepared.unit[p])), 1)
    state.products[:, t.P_HIGH] = state.products[:, t.P_ADD_BELOW] = FAR
    state.money[:, t.M_UNIT] = prepared.unit
    state.account[t.A_CASH] = model.cash
    return state


def new_out(capacity: int, times: int) -> t.Out:
    return t.Out(
        np.zeros((capacity, t.T_INTS), dtype=np.int64),
        np.zeros((capacity, t.T_FLOATS)),
        np.empty(times),
        np.empty(times),
    )


def check_money(prepared: Prepared, cash: float) -> None:
    """Money is counted in whole units of price increment x base increment; it must fit."""
    for one, unit in zip(prepared.candles, prepared.unit.tolist(), strict=True):
        if cash * 100 / unit > PLAIN_LIMIT:
            raise ResearchError(
                f"{one.product_id}: {cash:,.0f} in units of {plainly(unit)} exceeds the integer range; "
                "use less --cash, or import with a coarser --base-increment"
            )


def check_grown(prepared: Prepared, equity: Floats) -> None:
    """The same of what the money grew to: beyond the range a product of integers turns round. Raises ResearchError."""
    most = PLAIN_LIMIT / 2 * float(prepared.unit.min())
    if len(equity) and (float(equity.max()) > most or float(equity.min()) < -1e-6):
        raise ResearchError(
            f"the account grew beyond {most:,.0f}, which exceeds the integer range: use less --cash, or import with a "
            "coarser --base-increment"
        )


def allowed(
    prepared: Prepared, signals: Sequence[NDArray[np.int8]], window: str, reduce_only: bool
) -> NDArray[np.int8]:
    """1 where a closed bar says BUY inside the trading window (judged when the bar closes); REDUCE_ONLY: nowhere."""
    if reduce_only:
        return np.zeros(len(prepared.start_s), dtype=np.int8)
    buy = (signals[0] == 1) if len(signals) == 1 else np.concatenate([one == 1 for one in signals])
    between = parse_window(window) if window else None
    if between is not None:
        first, last = between
        minute = (prepared.start_s + prepared.granularity_s) // 60 % 1440
        rule: Any = in_window  # written without branches: it takes an array of minutes, too
        buy &= rule(minute, first, last)
    return buy.view(np.int8)


def with_sells(buy: NDArray[np.int8], signals: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    """`buy` (1 or 0) with -1 where a closed bar says SELL: exits go on whatever shuts entries."""
    sell = (signals[0] == -1) if len(signals) == 1 else np.concatenate([one == -1 for one in signals])
    return buy.view(np.int8) - sell.view(np.int8)


def return_sums(prepared: Prepared, plain: bool = False) -> tuple[Ints, Ints]:
    """Running sums for the volatility factor, product by product."""
    total, squares = np.zeros(len(prepared.start_s), dtype=np.int64), np.zeros(len(prepared.start_s), dtype=np.int64)
    run = kernel("return_sums", plain)
    for one, low, high in zip(prepared.candles, prepared.first.tolist(), prepared.end.tolist(), strict=True):
        run(one.close, total[low:high], squares[low:high])
    return total, squares


def slippage(prepared: Prepared, m: MarketModel) -> Floats:
    """Per bar, in parts of the price: half the spread, the fixed slippage, and a share of the volatility."""
    fixed = (m.spread_bps / 2 + m.slippage_bps) / 10_000
    if m.volatility_slippage <= 0.0:
        return np.full(len(prepared.start_s), fixed) if fixed > 0.0 else np.zeros(0)
    parts = []
    for one in prepared.candles:
        known = sigmas(one.close, 60)
        # What moves a fill is known before it: the deviation of the bars before.
        before = np.concatenate([[0.0], np.nan_to_num(known[:-1])])
        parts.append(fixed + m.volatility_slippage * before)
    return np.concatenate(parts)


def run_lots(
    prepared: Prepared,
    said: Sequence[NDArray[Any]],
    settings: Settings,
    model: MarketModel,
    *,
    sums: tuple[Ints, Ints] | None = None,
    plain: bool = False,
    room: t.Out | None = None,
) -> RawResult:
    """Trade lots by the rulebook on every bar. `said`: one array per product, 1 BUY, -1 SELL, 0 FLAT, or
    `limits.SIZED`.

    `room`: arrays of an earlier run to write into, whose result is then gone.
    """
    coverage.check(settings)
    check_money(prepared, model.cash)
    signals, sizes = [limits.sides_of(one) for one in said], limits.sizes_of(said, settings)
    rules, tape_model = rules_of(settings, prepared.granularity_s), loop_model(model, prepared.granularity_s)
    rules = at_fees(rules, settings, model.maker_pct, model.taker_pct)
    empty = np.zeros(0, dtype=np.int64)
    # The factor is one of one-minute returns; bars of another length have none.
    minutes = prepared.granularity_s == 60
    rules = rules._replace(vol_adjust=rules.vol_adjust and minutes)
    wanted = minutes and (rules.vol_adjust or rules.max_vol_spike > 0.0)
    total, squares = (sums or return_sums(prepared, plain)) if wanted else (empty, empty)
    buy = allowed(prepared, signals, settings.trading_window_utc, settings.reduce_only)
    banded, band = bool(settings.vol_band_low_pct or settings.vol_band_high_pct), np.zeros(0)
    if banded or rules.sizing == t.SIZE_VOLATILITY:
        band = limits.band_percents(prepared.candles, settings.vol_band_method)
    if banded:
        buy = buy & limits.inside_bands(band, settings.vol_band_low_pct, settings.vol_band_high_pct)
    if settings.volatility_mult and model.fill is not FillTiming.CLOSE:
        buy = buy & limits.inside_price_bands(prepared.candles, settings)
    decided = with_sells(buy, signals) if settings.signal_exits else buy
    tape = t.BarArrays(
        prepared.start_s,
        *prepared.ticks,
        prepared.steps,
        decided,
        total,
        squares,
        slippage(prepared, model),
        band,
        sizes,
    )
    loop = kernel("lots", plain)
    capacity = CAPACITY
    while True:
        state = new_state(prepared, model, rules.max_lots + 1)
        state.money[:, t.M_CAP] = limits.base_caps(prepared.candles, settings.max_base)
        state.money[:, t.M_MOST] = [settings.product_cap_usd(one.product_id) for one in prepared.candles]
        out = room if room is not None and len(room.ints) >= capacity else new_out(capacity, len(prepared.times))
        made = loop(tape, rules, tape_model, state, out)
        if made <= capacity:
            break
        capacity = made
    times = int(state.clock[t.K_TIMES])
    check_grown(prepared, out.equity[:times])
    return RawResult(
        prepared, out.ints[:made], out.floats[:made], out.equity[:times], out.held[:times],
        state.account, model, marks=state.products[:, t.P_MARK],
    )  # fmt: skip


def run_flip(
    prepared: Prepared,
    signal: NDArray[np.int8],
    model: MarketModel,
    *,
    plain: bool = False,
    room: t.Out | None = None,
) -> RawResult:
    """All in on BUY, all out on SELL, one product. Spread and slippage are not modelled here."""
    if len(prepared.candles) > 1:
        raise ResearchError("the flip style trades one product")
    if model.fill is FillTiming.OHLC:
        raise ResearchError("the flip style fills at next_open or close")
    check_money(prepared, model.cash)
    loop = kernel("flip", plain)
    capacity = CAPACITY
    unit, fee = float(prepared.unit[0]), model.taker_pct
    ppm = round(fee * 10_000)
    while True:
        account = np.zeros(t.A_SIZE)
        out = room if room is not None and len(room.ints) >= capacity else new_out(capacity, len(prepared.times))
        account[t.A_CASH] = model.cash
        made = loop(
            prepared.start_s, prepared.ticks[0], prepared.ticks[3], signal, unit, fee, ppm, model.part,
            model.fixed_steps,
            FILLS[model.fill], prepared.granularity_s, account, out,
        )  # fmt: skip
        if made <= capacity:
            break
        capacity = made
    check_grown(prepared, out.equity)
    return RawResult(
        prepared, out.ints[:made], out.floats[:made], out.equity, out.held, account, model, Style.FLIP,
        marks=prepared.ticks[3][-1:],
    )  # fmt: skip
