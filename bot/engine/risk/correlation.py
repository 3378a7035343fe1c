"""Products that move together are one position under another name: which they are, and what they hold together.

Pearson's correlation of log returns of closed decision bars, over the newest CORRELATION_WINDOW bars that both products
have. Fewer than half of them in common is not known, and counts as correlated: who cannot tell two apart caps both.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice, pairwise

from bot.domain.bars import Bar
from bot.engine.risk.exposure import exposure_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.money import ZERO

_LEAST = 10  # common returns, whatever the window


def of_returns(a: Sequence[float], b: Sequence[float]) -> float | None:
    """-1 to 1; None where a series stands still or is too short."""
    count = len(a)
    if count < 2:
        return None
    mean_a, mean_b = math.fsum(a) / count, math.fsum(b) / count
    both = math.fsum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    of_a = math.fsum((x - mean_a) ** 2 for x in a)
    of_b = math.fsum((y - mean_b) ** 2 for y in b)
    if of_a <= 0.0 or of_b <= 0.0:
        return None
    return max(-1.0, min(1.0, both / math.sqrt(of_a * of_b)))


def of_bars(a: Sequence[Bar], b: Sequence[Bar], window: int) -> float | None:
    """Of two products' bars, oldest first; None = not known."""
    closes = {bar.start_s: bar.close for bar in _newest(b, window + 1)}
    pairs = [(bar.close, closes[bar.start_s]) for bar in _newest(a, window + 1) if bar.start_s in closes]
    if len(pairs) - 1 < max(window // 2, _LEAST) or any(x <= 0 or y <= 0 for x, y in pairs):
        return None
    steps = list(pairwise(pairs))
    return of_returns(
        [math.log(after[0] / before[0]) for before, after in steps],
        [math.log(after[1] / before[1]) for before, after in steps],
    )


def _newest(bars: Sequence[Bar], count: int) -> list[Bar]:
    """The newest `count` bars; a deque takes no slice."""
    return list(islice(bars, max(len(bars) - count, 0), None))


def between(state: EngineState, a: Market, b: Market) -> float | None:
    """The correlation of two products now; taken once for each pair of newest bars."""
    key = a.instrument.product_id, b.instrument.product_id
    if key[0] > key[1]:
        return between(state, b, a)
    newest = (a.bars[-1].start_s if a.bars else 0, b.bars[-1].start_s if b.bars else 0)
    known = state.risk.correlations.get(key)
    if known is None or known[0] != newest:
        known = (newest, of_bars(a.bars, b.bars, state.settings.correlation_window))
        state.risk.correlations[key] = known
    return known[1]


def cluster(state: EngineState, market: Market) -> list[str]:
    """The product itself and what is at stake and moves with it, directly or by way of another such product."""
    limit = state.settings.correlation_limit
    found, waiting = [market.instrument.product_id], [market]
    others = {
        product_id: other
        for product_id, other in state.markets.by_product.items()
        if product_id != found[0] and exposure_quote(state, product_id) > ZERO
    }
    while waiting:
        one = waiting.pop()
        for product_id, other in list(others.items()):
            value = between(state, one, other)
            if value is None or value >= limit:
                found.append(product_id)
                waiting.append(others.pop(product_id))
    return found


def exposure_of_cluster(state: EngineState, market: Market, without: str | None = None) -> Decimal:
    """Money in the cluster, entries in flight counted; `without`: not this order."""
    return sum((exposure_quote(state, product_id, without) for product_id in cluster(state, market)), ZERO)


def cap(state: EngineState, market: Market) -> float:
    """The most that a cluster may hold: what the product asked for may hold alone; 0 = no such limit."""
    settings = state.settings
    return settings.product_cap_usd(market.instrument.product_id) if settings.correlation_limit else 0.0


def sentence(state: EngineState, market: Market) -> str:
    """Whose money counts together, for the Risk page."""
    names = cluster(state, market)
    return names[0] if len(names) == 1 else f"{names[0]} with {', '.join(sorted(names[1:]))}"
