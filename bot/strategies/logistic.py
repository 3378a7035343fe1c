"""P(next bar closes up) from a logistic model that is fitted anew as time goes on (docs/trading-rules.md §3).

MODEL_MODE baseline or extended; fitted on the newest MAX_HISTORY_CANDLES bars whenever a bar closes in another
WALK_FORWARD_MIN slot of the clock than the last fit; never on a bar that was not closed. One object serves one
product: it carries that product's fitted model.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from bot.rules.signals import decide, ma_side
from bot.strategies import features, rolling_fit
from bot.strategies.base import Bars, Call, Signal, SignalArrays, Strategy
from bot.strategies.features import Floats
from bot.strategies.indicators import rolling_sum
from bot.strategies.logistic_fit import Fit, fit
from bot.strategies.score import KEPT, ModelView, Scores
from shared.settings import Settings, SettingsError

# Rows of a first fit: with 30 bars for a baseline row and the last row's outcome open, the model speaks from the
# 50th closed bar on (§3.4).
MIN_ROWS = 20
WARMUP_BARS = 50
STATE_VERSION = 1
# The score's past is made at a start by walking forward over the newest bars with a fit for each so many of them:
# 20 fits of a millisecond.
SCORE_STRIDE = 50


class Logistic(Strategy):
    summary = "Logistic model of the next bar's direction, fitted walk forward, with a moving-average filter."
    uses = ("model_mode", "buy_threshold", "sell_threshold", "walk_forward_min", "max_history_candles", "use_ma_filter")

    def __init__(self, settings: Settings, options: Any = None) -> None:
        super().__init__(settings, options)
        self.model: Fit | None = None
        self.fitted_slot: int | None = None
        self.scores = Scores()
        self._said: tuple[int, float] | None = None  # the newest bar that was spoken of, and the probability
        if settings.max_history_candles < self.warmup_bars:
            raise SettingsError(
                [
                    f"MAX_HISTORY_CANDLES={settings.max_history_candles} is too few for STRATEGY=logistic with "
                    f"MODEL_MODE={settings.model_mode}: at least {self.warmup_bars}"
                ]
            )

    @property
    def settings_used(self) -> tuple[str, ...]:
        return (*self.uses, "ma_fast", "ma_slow") if self.settings.use_ma_filter else self.uses

    @property
    def model_mode(self) -> str:
        return self.settings.model_mode

    @property
    def warmup_bars(self) -> int:
        first_fit = features.bars_needed(self.settings.model_mode) + MIN_ROWS
        return max(WARMUP_BARS, first_fit, self.settings.ma_slow if self.settings.use_ma_filter else 0)

    def compute(self, bars: Bars) -> SignalArrays:
        """Walk forward over all of `bars`, with models of its own: the live model is neither used nor touched."""
        rows, up = features.rows(bars, self.settings.model_mode), features.next_is_up(bars)
        p = np.full(len(bars), np.nan)
        slots = list(self._slots(bars))
        fitted = rolling_fit.fits(rows, up, [self._window(first) for first, _ in slots])
        for (first, end), model in zip(slots, fitted, strict=True):
            p[first:end] = model.probability(rows[first:end])
            if self.progress is not None:
                self.progress(end, len(bars))
        return self._decide(bars, p)

    def latest(self, bars: Bars) -> Signal:
        """The newest bar's signal by the live model, refitted first when its slot of the clock has passed."""
        if len(bars) < self.warmup_bars:
            return Signal(Call.FLAT, bar_start_s=int(bars.start_s[-1]) if len(bars) else None)
        bars = bars.tail(self.settings.max_history_candles)
        rows = features.rows(bars, self.settings.model_mode)
        slot = int(self._slot(bars)[-1])
        if self.model is None or self.fitted_slot != slot:
            self.model = self._fit(rows, features.next_is_up(bars), len(bars) - 1)
            self.fitted_slot = slot
            self.fits += 1
        p = np.full(len(bars), np.nan)
        p[-1:] = self.model.probability(rows[-1:])
        self._keep_score(bars, rows, float(p[-1]))
        arrays = self._decide(bars, p)
        return self.newest(bars, arrays)

    def lines(self, bars: Bars) -> Mapping[str, Floats]:
        """The averages alone: what a chart draws is not worth a fit for each bar."""
        values = self._decide(bars, np.full(len(bars), np.nan)).values
        return {name: array for name, array in values.items() if name != "p"}

    def _keep_score(self, bars: Bars, rows: Floats, p: float) -> None:
        """What came of the last prediction; at the first bar, of those that a walk forward over the window makes."""
        up = features.next_is_up(bars)
        if self._said is None:
            self.scores.add(self._walked(rows, up))
        else:
            start_s, said = self._said
            at = int(np.searchsorted(bars.start_s, start_s))
            if at < len(up) and bars.start_s[at] == start_s:
                self.scores.add([(said, bool(up[at]))])
        self._said = (int(bars.start_s[-1]), p)

    def _walked(self, rows: Floats, up: Any) -> Iterator[tuple[float, bool]]:
        """(probability, outcome) of the newest bars, each by a model that had not seen it."""
        end = len(up)
        for first in range(max(end - KEPT, self.warmup_bars - 1), end, SCORE_STRIDE):
            part = slice(first, min(first + SCORE_STRIDE, end))
            yield from zip(self._fit(rows, up, first).probability(rows[part]).tolist(), up[part].tolist(), strict=True)

    def model_view(self) -> ModelView | None:
        fitted, slot = self.model, self.fitted_slot
        if fitted is None:
            return None
        return ModelView(
            features=features.names(self.settings.model_mode),
            weights=tuple(fitted.weights.tolist()),
            intercept=fitted.intercept,
            rows=fitted.rows,
            fitted_s=slot * 60 * self.settings.walk_forward_min if slot is not None else None,
            fits=self.fits,
            score=self.scores.score(),
        )

    def _decide(self, bars: Bars, p: Floats) -> SignalArrays:
        s, values = self.settings, {"p": p}
        side: Any = np.zeros(len(bars), dtype=np.int64)
        if s.use_ma_filter:  # averages that decide nothing are neither made nor shown
            ticks = bars.close_ticks
            fast: Any = rolling_sum(ticks, s.ma_fast)
            slow: Any = rolling_sum(ticks, s.ma_slow)
            side = ma_side(fast, s.ma_fast, slow, s.ma_slow)
            side[: s.ma_slow - 1] = 0
            values["sma_fast"] = np.where(fast > 0, fast * (bars.price_increment / s.ma_fast), np.nan)
            values["sma_slow"] = np.where(slow > 0, slow * (bars.price_increment / s.ma_slow), np.nan)
        probability: Any = p
        signal: Any = decide(probability, s.buy_threshold, s.sell_threshold, s.use_ma_filter, side)
        return SignalArrays(signal.astype(np.int8), p, values)

    def _slot(self, bars: Bars) -> Any:
        """Number of the WALK_FORWARD_MIN slot in which each bar closed; closing on the turn opens a new one."""
        return (bars.start_s + bars.granularity_s) // (60 * self.settings.walk_forward_min)

    def _slots(self, bars: Bars) -> Iterator[tuple[int, int]]:
        """(first bar, bar after the last) of each stretch that one fit serves, from the end of warm-up on."""
        start = self.warmup_bars - 1
        if len(bars) <= start:
            return
        slot = self._slot(bars)
        turns = np.flatnonzero(slot[start + 1 :] != slot[start:-1]) + start + 1
        edges = [start, *turns.tolist(), len(bars)]
        yield from pairwise(edges)

    def _fit(self, rows: Floats, up: Any, now: int) -> Fit:
        """Fit on the newest MAX_HISTORY_CANDLES bars up to `now`."""
        first, end = self._window(now)
        return fit(rows[first:end], up[first:end])

    def _window(self, now: int) -> tuple[int, int]:
        """Rows of a fit at bar `now`, whose own outcome is not known yet."""
        oldest = max(now + 1 - self.settings.max_history_candles, 0)
        return oldest + features.bars_needed(self.settings.model_mode) - 1, now

    def state(self) -> dict[str, Any]:
        if self.model is None:
            return {}
        return {
            "version": STATE_VERSION,
            "mode": self.settings.model_mode,
            "features": list(features.names(self.settings.model_mode)),
            "weights": self.model.weights.tolist(),
            "intercept": self.model.intercept,
            "mean": self.model.mean.tolist(),
            "std": self.model.std.tolist(),
            "rows": self.model.rows,
            "walk_forward_min": self.settings.walk_forward_min,
            "fitted_slot": self.fitted_slot,
            "fits": self.fits,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the fitted model up again; one of another kind or with a broken number is left, and a fit made anew."""
        wanted = (STATE_VERSION, list(features.names(self.settings.model_mode)), self.settings.walk_forward_min)
        if (state.get("version"), state.get("features"), state.get("walk_forward_min")) != wanted:
            return
        try:
            arrays = [np.array(state[key], dtype=np.float64) for key in ("weights", "mean", "std")]
            model = Fit(arrays[0], float(state["intercept"]), arrays[1], arrays[2], int(state["rows"]))
            slot, fits = int(state["fitted_slot"]), int(state["fits"])
        except (KeyError, TypeError, ValueError):
            return
        width = (len(features.names(self.settings.model_mode)),)
        sound = all(a.shape == width and np.isfinite(a).all() for a in arrays) and np.isfinite(model.intercept)
        if sound and (model.std > 0).all():
            self.model, self.fitted_slot, self.fits = model, slot, fits
