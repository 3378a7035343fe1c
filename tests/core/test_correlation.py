"""Products that move together are capped as one position."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.engine.risk import correlation, pretrade
from tests.core.harness import Rig, places

NAMES = ("BTC-USD", "ETH-USD", "SOL-USD")


def bars(returns: np.ndarray, first_s: int, without: set[int] = frozenset()) -> tuple[Bar, ...]:  # type: ignore[assignment]
    closes = 100 * np.exp(np.cumsum(returns))
    return tuple(Bar(first_s + 60 * i, c, c, c, c, 1.0) for i, c in enumerate(closes.tolist()) if i not in without)


def rig_with(mix: dict[str, float], **settings: Any) -> Rig:
    """ETH and SOL follow BTC's returns with the given weight; the rest is noise of their own."""
    terms = {"products": NAMES, "max_product_usd": 3000.0, "correlation_limit": 0.7, "correlation_window": 60}
    rig = Rig(**(terms | settings))
    g = np.random.default_rng(5)
    common = g.normal(0, 0.002, 120)
    first_s = rig.now_ms // 60_000 * 60 - 60 * 121
    for name in NAMES:
        rig.price("100", name)
        weight = mix.get(name, 1.0)
        own = g.normal(0, 0.002, 120)
        rig.send(ev.BarsClosed(name, "ONE_MINUTE", bars(weight * common + (1 - weight) * own, first_s)))
        rig.price("100", name)
    return rig


def buy(rig: Rig, name: str, size: str) -> None:
    (entry,) = places(rig.bar("buy", product_id=name))
    rig.fills_all(entry, size, "100")


def cluster_of(rig: Rig, name: str) -> list[str]:
    return sorted(rig.asked(correlation.cluster, name))


def test_pearson_equals_numpys() -> None:
    g = np.random.default_rng(1)
    for _ in range(20):
        a = g.normal(0, 1, 50)
        b = 0.4 * a + g.normal(0, 1, 50)
        assert correlation.of_returns(a.tolist(), b.tolist()) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert correlation.of_returns([1.0, 1.0], [1.0, 2.0]) is None
    assert correlation.of_returns([1.0], [1.0]) is None


def test_only_bars_that_both_have_count_and_half_a_window_is_needed() -> None:
    g = np.random.default_rng(2)
    returns = g.normal(0, 0.002, 60)
    a = bars(returns, 0)
    assert correlation.of_bars(a, bars(returns, 0), 60) == pytest.approx(1.0)
    holes = bars(returns, 0, set(range(10, 20)))
    assert correlation.of_bars(a, holes, 60) == pytest.approx(1.0)
    assert correlation.of_bars(a, bars(returns, 0, set(range(10, 55))), 60) is None
    assert correlation.of_bars(a, bars(returns, 60 * 500), 60) is None


def test_what_moves_together_shares_one_cap() -> None:
    rig = rig_with({"ETH-USD": 0.9, "SOL-USD": 0.0})
    buy(rig, "ETH-USD", "20")  # 2,000 of the 3,000 that one position may hold
    assert cluster_of(rig, "BTC-USD") == ["BTC-USD", "ETH-USD"]
    assert not places(rig.bar("buy", product_id="BTC-USD")), "2,000 more would make 4,000 of one position"
    assert places(rig.bar("buy", product_id="SOL-USD")), "SOL moves by itself"


def test_a_cluster_reaches_over_what_lies_between() -> None:
    rig = rig_with({}, max_product_usd=9000.0)
    buy(rig, "ETH-USD", "20")
    buy(rig, "SOL-USD", "20")
    newest = {name: rig.view.markets.bars(name)[-1].start_s for name in NAMES}
    for a, b, value in (("BTC-USD", "ETH-USD", 0.8), ("ETH-USD", "SOL-USD", 0.8), ("BTC-USD", "SOL-USD", 0.1)):
        rig.engine.state.risk.correlations[(a, b)] = ((newest[a], newest[b]), value)
    assert cluster_of(rig, "BTC-USD") == sorted(NAMES)
    rig.engine.state.risk.correlations[("ETH-USD", "SOL-USD")] = ((newest["ETH-USD"], newest["SOL-USD"]), 0.1)
    assert cluster_of(rig, "BTC-USD") == ["BTC-USD", "ETH-USD"]
    assert rig.asked(correlation.exposure_of_cluster, "BTC-USD") == Decimal(2000)


def test_too_little_history_counts_as_correlated_and_a_flat_product_never() -> None:
    rig = Rig(products=NAMES, max_product_usd=3000.0, correlation_limit=0.7)
    for name in NAMES:
        rig.price("100", name)
    assert cluster_of(rig, "BTC-USD") == ["BTC-USD"]
    buy(rig, "ETH-USD", "20")
    assert cluster_of(rig, "BTC-USD") == ["BTC-USD", "ETH-USD"]


def test_a_new_bar_takes_the_correlation_anew() -> None:
    rig = rig_with({"ETH-USD": 0.9})
    before = rig.asked(correlation.between, "BTC-USD", "ETH-USD")
    assert before is not None and before > 0.7 and rig.asked(correlation.between, "ETH-USD", "BTC-USD") == before
    start_s = rig.view.markets.bars("BTC-USD")[-1].start_s
    for i in range(1, 63):  # an hour in which they part
        for name, step in (("BTC-USD", 1 + 0.004 * (i % 2)), ("ETH-USD", 1 - 0.004 * (i % 2))):
            rig.now_ms = (start_s + 60 * (i + 1)) * 1000
            price = 100 * step
            rig.send(ev.BarsClosed(name, "ONE_MINUTE", (Bar(start_s + 60 * i, price, price, price, price, 1.0),)))
    after = rig.asked(correlation.between, "BTC-USD", "ETH-USD")
    assert after is not None and after < -0.9


def test_the_order_gate_asks_again_and_the_risk_page_names_the_cluster() -> None:
    rig = rig_with({"ETH-USD": 0.9, "SOL-USD": 0.0})
    (waiting,) = places(rig.bar("buy", product_id="BTC-USD"))  # decided while nothing else was held
    assert rig.asked(pretrade.refusal, waiting) is None
    buy(rig, "SOL-USD", "20")
    assert rig.asked(pretrade.refusal, waiting) is None
    btc_s, sol_s = (rig.view.markets.bars(name)[-1].start_s for name in ("BTC-USD", "SOL-USD"))
    rig.engine.state.risk.correlations[("BTC-USD", "SOL-USD")] = ((btc_s, sol_s), 0.9)  # they move together from now on
    found = rig.asked(pretrade.refusal, waiting)
    assert found is not None and (found.code, found.limit) == ("cluster", "≤ 3000 USD")
    limit = next(doc for doc in rig.view.risk.document().limits if doc.name == "cluster")
    assert (limit.limit, limit.state) == (3000.0, "tripped")
    assert limit.note is not None and "BTC-USD" in limit.note and "SOL-USD" in limit.note


def test_without_a_limit_nothing_is_counted_together() -> None:
    rig = rig_with({"ETH-USD": 1.0}, correlation_limit=0.0)
    buy(rig, "ETH-USD", "20")
    assert places(rig.bar("buy", product_id="BTC-USD"))
    assert next(doc for doc in rig.view.risk.document().limits if doc.name == "cluster").limit is None
