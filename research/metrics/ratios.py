"""Return against risk, from daily returns (no risk-free rate). None where the formula has no value."""

import numpy as np

from research.metrics.returns import DAYS_PER_YEAR, Floats


def sharpe(returns: Floats) -> float | None:
    """mean / sample standard deviation x sqrt(365). Sharpe (1994), The Sharpe Ratio."""
    if len(returns) < 2:
        return None
    deviation = float(returns.std(ddof=1))
    return float(returns.mean()) / deviation * DAYS_PER_YEAR**0.5 if deviation > 1e-15 else None


def sortino(returns: Floats) -> float | None:
    """mean / sqrt(mean of min(return, 0)^2) x sqrt(365). Sortino and Price (1994), target 0."""
    if len(returns) < 2:
        return None
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))
    return float(returns.mean()) / downside * DAYS_PER_YEAR**0.5 if downside > 1e-15 else None


def omega(returns: Floats) -> float | None:
    """Sum of gains / sum of losses, threshold 0. Keating and Shadwick (2002)."""
    losses = float(-returns[returns < 0].sum())
    return float(returns[returns > 0].sum()) / losses if losses > 0 else None


def calmar(growth: float | None, max_drawdown: float) -> float | None:
    """CAGR / |max drawdown|. Young (1991)."""
    return growth / abs(max_drawdown) if growth is not None and max_drawdown < 0 else None
