"""The account that a learner acts in: the compiled loop for target weights, with the run's fees, fills and limits.

An action is chosen when a bar closes: hold all of the share, or nothing. It is carried out as the engine carries out
any target; the reward is what the account's equity has become when the next bar closes, as a log return in percent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research import coverage, engine, exposure
from research.data.candles import CandleSet, Floats, Ints
from research.engine import MarketModel
from research.errors import ResearchError
from research.loops import types as t
from research.loops.exposure import NO_ROOM
from research.loops.exposure_policy import PolicyChoice
from shared.settings import Settings

ROOM = 1024  # open lots
LEAST_EQUITY = 1e-6  # of the cash at the start: below it a log return says nothing
Actions = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Transitions:
    """What was seen: in the state after bar `bar`, `held` or not, `action` was done; `reward`, log return in percent
    of the account to the close of the next bar, whose state follows with `action` as what is held."""

    bar: Ints
    held: Actions
    action: Actions
    reward: Floats

    def __len__(self) -> int:
        return len(self.bar)


class TradingEnvironment:
    """One product and one account, from the first of the given bars on. Raises ResearchError."""

    def __init__(self, candles: CandleSet, settings: Settings, model: MarketModel, *, plain: bool = False) -> None:
        coverage.check_exposure(settings)
        self._prepared = engine.prepare([candles], plain=plain)
        engine.check_money(self._prepared, model.cash)
        self._settings, self._model = settings, model
        count, gran = len(candles), self._prepared.granularity_s
        every = np.ones(count, dtype=np.int8)
        self._weight = np.zeros(count)
        self._tape = t.WeightBars(
            self._prepared.start_s, *self._prepared.ticks, self._prepared.steps,
            engine.allowed(self._prepared, [every], settings.trading_window_utc, settings.reduce_only),
            self._weight, engine.slippage(self._prepared, model),
        )  # fmt: skip
        self._fixed = (
            engine.rules_of(settings, gran), exposure.numbers_of(settings), engine.loop_model(model, gran),
        )  # fmt: skip
        self._kernel = engine.kernel("policy", plain)
        self.bars = count
        self.reset()

    def reset(self) -> None:
        """A fresh account before the first bar."""
        self._state = engine.new_state(self._prepared, self._model, ROOM)
        self._plans = exposure.no_plans(1)
        self._out = engine.new_out(1, self.bars)
        self._weight[:] = 0.0
        self.at = 0

    @property
    def equity(self) -> Floats:
        """After each bar that was closed."""
        found: Floats = self._out.equity[: self.at]
        return found

    @property
    def weights(self) -> Floats:
        """What was chosen at each of them."""
        return self._weight[: self.at]

    def act(self, values: Floats, forced: Actions, count: int) -> Transitions:
        """Close up to `count` further bars. `values`, `forced`: for every bar, as `PolicyChoice` has them.

        The transitions end with the last bar but one: what the last action brings shows with the next call.
        """
        first, end = self.at, min(self.at + count, self.bars)
        choice = PolicyChoice(np.ascontiguousarray(values, dtype=np.float64), forced)
        rules, numbers, model = self._fixed
        done = self._kernel(
            self._tape, rules, numbers, model, self._state, self._plans, self._out, choice, first, end,
        )  # fmt: skip
        if done == NO_ROOM:
            raise ResearchError(f"more than {ROOM:,} lots are open: use a wider EXPOSURE_BAND_PCT")
        self.at = end
        return self._between(max(first - 1, 0), end - 1)

    def _between(self, first: int, end: int) -> Transitions:
        """Transitions of the states after bars first..end-1."""
        bar = np.arange(first, max(end, first))
        equity = np.maximum(self._out.equity[first : end + 1], LEAST_EQUITY * self._model.cash)
        chosen = self._weight.astype(np.int8)
        held = np.where(bar > 0, chosen[np.maximum(bar - 1, 0)], 0).astype(np.int8)
        return Transitions(bar, held, chosen[bar], 100.0 * np.diff(np.log(equity)))
