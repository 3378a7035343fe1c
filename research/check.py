"""Does a strategy see only what it may? Asked of data: history cut off, windows as the bot has them, two runs."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.strategies import registry
from bot.strategies.base import Bars, Strategy, StrategyError
from bot.strategies.lookahead import Difference, find_lookahead, find_window_difference
from research.data.candles import Candles
from research.errors import ResearchError
from shared.settings import Settings, SettingsError

Make = Callable[[], Strategy]
Progress = Callable[[int, int], None]  # (done, of how many)
# A fading memory (EMA, RSI since the first bar) may move strength in the last digits, never a signal.
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check: its name, whether it held, and what was seen in words."""

    name: str
    passed: bool
    said: str


def check(
    settings: Settings, candles: Candles, cuts: int = 20, seed: int = 0, progress: Progress | None = None
) -> list[Verdict]:
    """Every check of the strategy that the settings name. Raises ResearchError where it can't be run at all."""
    return check_strategy(lambda: registry.make(settings.strategy, settings), candles.bars(), cuts, seed, progress)


def check_strategy(
    make: Make, bars: Bars, cuts: int = 20, seed: int = 0, progress: Progress | None = None
) -> list[Verdict]:
    """The same for any way to make the strategy. `progress` is told of each run over a cut-off history."""
    done = itertools.count(1)

    def tell() -> None:
        if progress is not None:
            progress(next(done), 2 * cuts)

    try:
        strategy = make()
        if len(bars) < 2 * strategy.warmup_bars:
            raise ResearchError(f"{len(bars)} bars are too few: at least {2 * strategy.warmup_bars}")
        return [
            _lookahead(make(), bars, cuts, seed, tell),
            _live(make, bars, cuts, seed, tell),
            _repeats(make, bars),
        ]
    except (StrategyError, SettingsError) as error:
        raise ResearchError(str(error)) from error


def _where(bars: Bars, found: Difference) -> str:
    at = np.datetime64(int(bars.start_s[found.bar]), "s")
    return f"{found.what} of the bar at {at} UTC is {found.without:g}, but with later bars known {found.with_future:g}"


def _lookahead(strategy: Strategy, bars: Bars, cuts: int, seed: int, tell: Callable[[], None]) -> Verdict:
    found = find_lookahead(strategy, bars, cuts, seed, tell)
    if found is None:
        return Verdict("no look into the future", True, f"the same signals with history cut off at {cuts} random bars")
    return Verdict("no look into the future", False, _where(bars, found))


def _live(make: Make, bars: Bars, cuts: int, seed: int, tell: Callable[[], None]) -> Verdict:
    """The newest signal of the bot's window, by the bot's own way of asking, against that of history."""
    name = "the bot's window is enough"
    found = find_window_difference(make(), bars, cuts, seed, TOLERANCE, tell)
    strategy = make()
    if found is None:
        window = max(strategy.memory_bars, strategy.warmup_bars)
        return Verdict(name, True, f"the newest {window:,} bars give what all of history gives")
    at = np.datetime64(int(bars.start_s[found.bar]), "s")
    return Verdict(
        name, False,
        f"{found.what} of the bar at {at} UTC is {found.with_future:g} over history, but {found.without:g} over the "
        f"newest {max(strategy.memory_bars, strategy.warmup_bars):,} bars: memory_bars or warmup_bars is too small",
    )  # fmt: skip


def _repeats(make: Make, bars: Bars) -> Verdict:
    """Equal bars, equal signals: nothing is drawn at random or kept from the run before."""
    first, second = make().signals(bars), make().signals(bars)
    pairs: list[tuple[str, Any, Any]] = [
        ("signal", first.signal, second.signal),
        ("strength", first.strength, second.strength),
    ]
    for what, a, b in pairs:
        if not np.array_equal(a, b, equal_nan=what != "signal"):
            at = int(np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))[0])
            return Verdict("the same every time", False, f"{what} of bar {at + 1} changes from run to run")
    return Verdict("the same every time", True, "two fresh runs gave the same bits")
