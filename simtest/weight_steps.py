"""A strategy for tests: target weights that turn every few bars, by the bar's own time alone."""

import numpy as np

from bot.strategies.base import Bars, ExposureArrays, ExposureStrategy
from simtest.reference.weights import step_weight


class WeightSteps(ExposureStrategy):
    summary = "Weights that turn every few bars; for simulated runs only."

    @property
    def warmup_bars(self) -> int:
        return 1

    @property
    def memory_bars(self) -> int:
        return 1

    def compute(self, bars: Bars) -> ExposureArrays:
        return ExposureArrays(np.array([step_weight(int(at), bars.granularity_s) for at in bars.start_s]))
