"""Adam in numpy (Kingma and Ba, 2015): steps that each number's own gradients scale."""

from typing import Any

import numpy as np

BETA1, BETA2, TINY = 0.9, 0.999, 1e-8


class Adam:
    """Moves arrays in place."""

    def __init__(self, arrays: list[Any], rate: float) -> None:
        self._arrays, self._rate, self._count = arrays, rate, 0
        self._mean = [np.zeros_like(one) for one in arrays]
        self._square = [np.zeros_like(one) for one in arrays]

    def step(self, gradients: list[Any]) -> None:
        """One step down the gradients."""
        self._count += 1
        rate = self._rate * np.sqrt(1.0 - BETA2**self._count) / (1.0 - BETA1**self._count)
        for i, gradient in enumerate(gradients):
            self._mean[i] += (1.0 - BETA1) * (gradient - self._mean[i])
            self._square[i] += (1.0 - BETA2) * (gradient * gradient - self._square[i])
            self._arrays[i] -= rate * self._mean[i] / (np.sqrt(self._square[i]) + TINY)
