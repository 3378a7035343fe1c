"""What a backtest says of regimes (REGIME): how much of the time each had, and what holding gained in it."""

from collections.abc import Sequence

import numpy as np

from bot.strategies import regime_arrays
from research.data.candles import CandleSet
from research.decisions import Said
from research.limits import SIZED
from shared.figures import percent
from shared.regimes import REGIME_WORDS, parse_regime_strategies
from shared.settings import Settings


def regime_notes(candles: Sequence[CandleSet], settings: Settings, said: Said) -> list[str]:
    """One sentence per product, and one of what regimes change; none where REGIME is off."""
    if not settings.regime:
        return []
    numbers = regime_arrays.numbers_of(settings)
    out = [f"Sizes by regime: {settings.regime_scales or 'all in full'}"]
    if parse_regime_strategies(settings.regime_strategies):
        out[0] += f"; other strategies in {settings.regime_strategies}"
    for one, calls in zip(candles, said, strict=True):
        codes = calls["regime"] if calls.dtype == SIZED else regime_arrays.regimes(one.close, numbers)
        known = codes >= 0
        # Known when a bar has closed, so what counts is the move of the bar after it.
        moves = np.diff(np.log(one.close), append=np.log(one.close[-1]))
        parts = [
            f"{words} {percent(float((codes == code).mean()), 0)} of the bars (holding "
            f"{percent(float(np.expm1(moves[codes == code].sum())), 1, signed=True)})"
            for code, words in enumerate(REGIME_WORDS)
            if (codes == code).any()
        ]
        if not known.all():
            parts.append(f"not known {percent(float((~known).mean()), 0)}")
        out.append(f"{one.name}: regimes: {'; '.join(parts)}")
    return out
