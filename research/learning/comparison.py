"""What a model in shadow answered beside the strategy that traded, from the lines that the bot wrote."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.shadow_log import ShadowLine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """One product. `bars`: with an answer recorded; `spoke`: after which the model said something; `agreed`: part of
    the bars after which both held the same. `shadow`, `traded`: what holding as each said made, from close to close,
    less the taker's fee of every change; `held`: of the price. Fractions. Times in seconds."""

    product_id: str
    trades: str
    first_s: int
    last_s: int
    bars: int
    spoke: int
    agreed: float
    shadow: float
    traded: float
    held: float
    why: str


def compare(lines: Iterable[ShadowLine], model: str, taker_pct: float) -> list[ShadowComparison]:
    """Product by product, of the lines that the model is in; the newest answer of a bar counts."""
    by_product: dict[str, dict[int, ShadowLine]] = {}
    for line in lines:
        if model in line.beside:
            by_product.setdefault(line.product_id, {})[line.bar_s] = line
    found = []
    for product_id, by_bar in sorted(by_product.items()):
        ordered = [by_bar[bar] for bar in sorted(by_bar)]
        close = np.array([line.close for line in ordered])
        own = _held([line.beside[model].target for line in ordered])
        traded = _held([line.answer.target for line in ordered])
        silences = [line.beside[model].why for line in ordered if line.beside[model].why]
        found.append(
            ShadowComparison(
                product_id, ordered[-1].trades, ordered[0].bar_s, ordered[-1].bar_s, len(ordered),
                len(ordered) - len(silences), float((own == traded).mean()), _made(close, own, taker_pct),
                _made(close, traded, taker_pct), float(close[-1] / close[0] - 1.0), silences[-1] if silences else "",
            )
        )  # fmt: skip
    return found


def _held(targets: list[float | None]) -> Floats:
    """What is held after each bar: no opinion keeps it, and nothing is held at first."""
    held, out = 0.0, np.empty(len(targets))
    for i, target in enumerate(targets):
        held = held if target is None else target
        out[i] = held
    return out


def _made(close: Floats, held: Floats, taker_pct: float) -> float:
    """Growth of an account that held so from each close to the next one, less fees of what changed."""
    moves = close[1:] / close[:-1] - 1.0
    changes = np.abs(np.diff(held, prepend=0.0))[:-1]
    return float(np.prod((1.0 + held[:-1] * moves) * (1.0 - changes * taker_pct / 100.0)) - 1.0)
