"""One backtest from question to answer: settings, data, signals, loop, figures."""

import dataclasses
import difflib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from bot.engine.execution.edge import adjusted
from research import coverage, decisions, engine, exposure
from research.data import store
from research.data.candles import WIRE_NAMES, CandleSet, counted, gaps, granularity_text
from research.engine import MarketModel, Prepared, RawResult, Style
from research.errors import Misused, ResearchError, WrongSettings
from research.loops import types as t
from research.metrics.summary import Metric, figures
from research.regimes import regime_notes
from research.verdict import BacktestVerdict, verdict
from shared.figures import plainly
from shared.settings import PROFILES, Loaded, Profile, Settings, SettingsError, keys, load

Progress = Callable[[int, int], None]  # (done, of how many)


# Settings that say where things are and how they are shown, not how they trade.
class EngineKind(StrEnum):
    """Which machine runs the rulebook."""

    FAST = "fast"  # the compiled loop
    PLAIN = "plain"  # the same source, not compiled: the reference
    FULL = "full"  # the bot's own event engine against the in-process exchange


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What is asked for. `overrides`: settings by their public names, as texts."""

    data: tuple[str, ...]
    overrides: Mapping[str, str] = field(default_factory=dict)
    model: MarketModel = MarketModel()
    style: Style = Style.LOTS
    engine: EngineKind = EngineKind.FAST
    since_s: int | None = None
    until_s: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Backtest:
    """The answer. `notes`: what the data lacked and what was assumed, in words. `verdict`: all in one sentence."""

    request: BacktestRequest
    settings: Settings
    result: RawResult
    figures: tuple[Metric, ...]
    other_bound: tuple[Metric, ...]  # the same with resting takes filled the other way; () where none rest
    notes: tuple[str, ...]
    took_s: Mapping[str, float]
    verdict: BacktestVerdict


def settings_for(overrides: Mapping[str, str], candles: Sequence[CandleSet]) -> Settings:
    """`loaded_for` without the origins. Raises ResearchError."""
    return loaded_for(overrides, candles).settings


def loaded_for(overrides: Mapping[str, str], candles: Sequence[CandleSet]) -> Loaded:
    """The bot's settings as in `.env` and the environment, then `overrides`; products and bars are the data's.

    Raises ResearchError for what must not be.
    """
    known = {key for key, _, _ in keys()}
    asked = {key.upper(): value for key, value in overrides.items()}
    for key in asked:
        if key not in known and not key.startswith("STRATEGY_"):
            near = difflib.get_close_matches(key, known, n=1)
            raise Misused(f"{key} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    asked["PRODUCTS"] = ",".join(one.product_id for one in candles)
    word = WIRE_NAMES.get(candles[0].granularity_s)
    if word is not None:
        asked["GRANULARITY"] = word
    # A backtest needs no key and sends nothing; the mode of the bot must not stand in its way.
    asked["COIN_MODE"] = "sim"
    try:
        return load(environ={**os.environ, **asked})
    except SettingsError as error:
        if "GRANULARITY" in str(error):
            asked.pop("GRANULARITY")
            return load(environ={**os.environ, **asked})
        typed = any(problem.startswith(tuple(key.upper() for key in overrides)) for problem in error.problems)
        raise (Misused if typed and overrides else WrongSettings)("; ".join(error.problems)) from error


def load_data(data_dir: Path, names: Sequence[str], since_s: int | None, until_s: int | None) -> list[CandleSet]:
    """The named candle sets, cut to the asked stretch. Raises ResearchError."""
    found = []
    for name in names:
        candles = store.load(store.find(data_dir, name)).between(since_s, until_s)
        if not len(candles):
            raise ResearchError(f"{name} has no bars in the requested period")
        found.append(candles)
    return found


def run(
    data_dir: Path, request: BacktestRequest, *, chances: bool = True, progress: Progress | None = None
) -> Backtest:
    """Run one backtest. `progress` is told of what takes long. Raises ResearchError."""
    began = time.perf_counter()
    candles = load_data(data_dir, request.data, request.since_s, request.until_s)
    loaded = time.perf_counter()
    return run_on(candles, request, chances=chances, spent={"data": loaded - began}, progress=progress)


def run_on(
    candles: Sequence[CandleSet],
    request: BacktestRequest,
    *,
    chances: bool = True,
    spent: Mapping[str, float] | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """The same on candles in hand."""
    took = dict(spent or {})
    loaded = loaded_for(request.overrides, candles)
    settings = loaded.settings
    mark = _stopwatch(took)
    plain = request.engine is EngineKind.PLAIN
    prepared = engine.prepare(candles, plain=plain)
    mark("prepare")
    try:
        said = decisions.decide(settings, prepared, request.style, plain=plain, progress=progress)
    except SettingsError as error:
        raise ResearchError("; ".join(error.problems)) from error
    mark("signals")
    result = _run(prepared, said, settings, request, request.model, progress)
    mark("loop")
    found = figures(result, request.seed, chances=chances)
    other: tuple[Metric, ...] = ()
    if request.engine is EngineKind.FAST and _rests(settings, result):
        flipped = dataclasses.replace(request.model, through=not request.model.through)
        other = figures(_run(prepared, said, settings, request, flipped), request.seed, chances=False)
    judged = verdict(result, found, request.seed, chances=chances)
    mark("figures")
    told = (ran_with(loaded, request.overrides), *notes(prepared, settings, request, said, result))
    return Backtest(request, settings, result, found, other, told, took, judged)


def _stopwatch(took: dict[str, float]) -> Callable[[str], None]:
    last = [time.perf_counter()]

    def mark(name: str) -> None:
        now = time.perf_counter()
        took[name] = now - last[0]
        last[0] = now

    return mark


def _run(
    prepared: Prepared,
    said: decisions.Said,
    settings: Settings,
    request: BacktestRequest,
    model: MarketModel,
    progress: Progress | None = None,
) -> RawResult:
    if request.engine is EngineKind.FULL and request.style is not Style.FLIP:
        # It loads the bot's shell and the simulator, which no other engine needs: half a second.
        from research.full import run_full  # noqa: PLC0415

        return run_full(prepared, said, settings, model, progress)
    plain = request.engine is EngineKind.PLAIN
    return decisions.carry_out(prepared, said, settings, model, request.style, plain=plain)


def _rests(settings: Settings, result: RawResult) -> bool:
    """Whether something in this run rested at the exchange, so that there are two bounds of what filled."""
    if result.style is Style.EXPOSURE:
        return settings.exposure_maker_sec > 0 and not exposure.never_rests(settings, result.prepared.granularity_s)
    return result.style is Style.LOTS and settings.take_profit_order == "limit"


def ran_with(loaded: Loaded, overrides: Mapping[str, str]) -> str:
    """Whose defaults were in force, and what stood above them, in one sentence."""
    profile = loaded.settings.profile
    named = PROFILES[profile]
    kept = [f"{key}={named[key]}" for key in named if loaded.sources.get(key) == "profile"]
    words = f"Ran with the defaults of profile {profile}" + (f" ({', '.join(kept)})" if kept else "")
    given = {key.upper() for key in overrides}
    known = {key: of for key, of in loaded.sources.items() if _decides(key) and key not in given}
    for source, where in ((".env", "overridden in .env"), ("environment", "overridden in the environment")):
        from_it = sorted(key for key, of in known.items() if of == source)
        words += f"; {where}: {', '.join(from_it)}" if from_it else ""
    by_hand = sorted(f"{key.upper()}={value}" for key, value in overrides.items() if key.upper() != "PROFILE")
    words += f"; overridden by --set: {', '.join(by_hand)}" if by_hand else ""
    return words if profile is Profile.PROD else words + ". Live trading starts from different defaults: --as live"


def _decides(key: str) -> bool:
    """Whether a setting can move a result; products, bars and mode are the backtest's own."""
    return not key.startswith(coverage.ELSEWHERE) and key not in ("PRODUCTS", "GRANULARITY")


def notes(
    prepared: Prepared,
    settings: Settings,
    request: BacktestRequest,
    said: decisions.Said,
    result: RawResult,
) -> tuple[str, ...]:
    """What the data lacked and what was assumed, one sentence each."""
    out = []
    for one, calls in zip(prepared.candles, decisions.sides(said), strict=True):
        lacking = gaps(one)
        if len(lacking.bars):
            at_s, bars = lacking.longest(1)[0]
            begin, where = np.datetime64(at_s, "s"), counted(len(lacking.bars), "gap")
            out.append(
                f"{one.name}: {len(one):,} bars; {lacking.total:,} are missing in {where}, the longest "
                f"{counted(bars, 'bar')} from {begin} UTC; gaps were not filled"
            )
            if lacking.total > len(one):
                out.append(f"{one.name}: most of the period has no bars; annualised figures count the whole period")
        else:
            out.append(f"{one.name}: {len(one):,} bars, none missing")
        if not calls.any():
            word = "target weight" if result.style is Style.EXPOSURE else "BUY or SELL signal"
            out.append(f"{one.name}: the strategy {settings.strategy} never gave a {word}")
    left = int((result.ints[:, t.T_REASON] == t.EXIT_END).sum())
    if left:
        out.append(f"Lot statistics count the {counted(left, 'open lot')} as sold at the last close, fee included")
    if prepared.off_tick:
        out.append(f"{prepared.off_tick:,} prices were between two ticks and were rounded to the nearest")
    model = request.model
    when = {
        "next_open": "at the next bar's open",
        "close": "at the bar's close",
        "ohlc": "along open, low, high, close",
    }
    out.append(f"Decided on closed bars, filled {when[model.fill]}; fees {plainly(model.maker_pct)} % maker, "
               f"{plainly(model.taker_pct)} % taker")  # fmt: skip
    latched_ms = int(result.account[t.A_LATCHED_MS])
    if latched_ms:
        latched = np.datetime64(latched_ms // 1000, "s")
        out.append(
            f"MAX_DRAWDOWN_PCT={settings.max_drawdown_pct:g} was reached at {latched} UTC: no entries after that, "
            "since the bot would wait for a person to press Start"
        )
    if result.style is Style.EXPOSURE:
        out.extend(_weight_notes(prepared, settings, request))
    elif result.style is Style.LOTS:
        lifted = adjusted(settings, engine.fees_of(settings, model.maker_pct, model.taker_pct))
        if lifted is not None:
            out.append(lifted)
        if settings.take_profit_order == "limit":
            word = "traded through" if model.through else "touched"
            out.append(f"Resting take profits fill when {word}; the result of the other assumption is shown beside it")
        if settings.vol_risk_adjust and prepared.granularity_s != 60:
            length = granularity_text(prepared.granularity_s)
            out.append(f"VOL_RISK_ADJUST needs one-minute bars; with {length} bars every entry uses factor 1")
        if request.engine is not EngineKind.FULL:
            out.append(coverage.assumptions(settings))
    else:
        out.append(
            "Style flip (all in on BUY, all out on SELL) is for comparing signals and engines; the bot trades lots"
        )
    out += regime_notes(prepared.candles, settings, said)
    if not (model.spread_bps or model.slippage_bps or model.volatility_slippage or model.impact_bps):
        out.append("No spread and no slippage were assumed")
    return tuple(out)


def _weight_notes(prepared: Prepared, settings: Settings, request: BacktestRequest) -> list[str]:
    """What was assumed of target weights, one sentence each."""
    out = [
        f"Held at target weights: each product's share is {plainly(settings.exposure_max_pct)} % of equity over "
        f"{counted(len(prepared.candles), 'product')}, rebalanced outside {plainly(settings.exposure_band_pct)} points "
        "of it; sales go first in, first out"
    ]
    if not settings.exposure_maker_sec or request.model.fill is engine.FillTiming.CLOSE:
        out.append("Every change of a holding was a market order")
    elif exposure.never_rests(settings, prepared.granularity_s):
        out.append(
            f"Every change of a holding was a market order: bars of {granularity_text(prepared.granularity_s)} do not "
            f"show what fills within EXPOSURE_MAKER_SEC={plainly(settings.exposure_maker_sec)}"
        )
    elif request.engine is EngineKind.FULL:
        patience = plainly(settings.exposure_maker_sec)
        out.append(f"Changes rest post-only one tick beside the close for {patience} s, then go at market")
    else:
        word = "traded through" if request.model.through else "touched"
        out.append(
            f"Changes rest post-only at each bar's open for {plainly(settings.exposure_maker_sec)} s, whole fills when "
            f"{word}, then go at market; the result of the other assumption is shown beside it"
        )
    return out if request.engine is EngineKind.FULL else [*out, coverage.exposure_assumptions(settings)]
