"""Hold a fixed part, and bring it back whenever prices have moved it out of its band (constant mix)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.strategies import arrays
from bot.strategies.base import Bars, ExposureArrays, ExposureStrategy
from bot.strategies.options import option


@dataclass(frozen=True, slots=True)
class Options:
    weight: float = option(0.5, "Part of the product's share that is held.", 0.0, 1.0)


class Rebalance(ExposureStrategy):
    summary = "Hold a fixed part of the share; EXPOSURE_BAND_PCT says how far prices may move it."
    options_type = Options
    options: Options

    @property
    def warmup_bars(self) -> int:
        return 1

    @property
    def memory_bars(self) -> int:
        return 1

    def compute(self, bars: Bars) -> ExposureArrays:
        return ExposureArrays(arrays.numpy().full(len(bars), self.options.weight))
