"""A large account on a thin book: the whole bot at the whole exchange, what it walks and what that costs."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from shared import control
from shared.command_table import Cmd
from tests.runtime.whole import Whole

FUNDS = 2_000_000


class Walk(NamedTuple):
    buys: bool
    bp: float
    base_steps: int
    usd: float


def walks(state: Whole) -> list[Walk]:
    """Each market order's average price against the best one it found, as the exchange filled it, oldest first."""
    by_order = defaultdict(list)
    for fill in state.exchange.exchange.store.fills_of(None):
        if fill.taker:
            by_order[fill.order_id].append(fill)
    found = []
    for fills in by_order.values():
        steps = sum(fill.steps for fill in fills)
        average = sum(fill.tick * fill.steps for fill in fills) / steps
        best = (min if fills[0].buys else max)(fill.tick for fill in fills)
        found.append(Walk(fills[0].buys, abs(average / best - 1) * 1e4, steps, sum(f.value for f in fills) / 1e20))
    return found


def thin(folder: Path, patch: pytest.MonkeyPatch, **settings: object) -> Whole:
    terms: dict[str, object] = {
        "products": ("BTC-USD", "SOL-USD"), "risk_per_trade_pct": 20.0, "max_daily_loss_pct": 100.0,
        "max_drawdown_pct": 0.0, "min_depth_usd": 25.0,
    }  # fmt: skip
    return Whole(folder, patch, market="thin_book", seed=4, levels=300, funds=str(FUNDS), **(terms | settings))


@pytest.mark.parametrize(("limit", "worst", "least_left"), [(0.0, 150.0, 0.0), (50.0, 0.0, 0.99)])
def test_two_millions_walk_a_thin_book_no_further_than_the_limit(
    limit: float, worst: float, least_left: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the guard purchases walk more than 150 bp: what it is for."""
    state = thin(tmp_path / "data", monkeypatch, max_impact_bp=limit)
    state.begin()
    state.trades()
    state.drive(130)
    bought = [walk for walk in walks(state) if walk.buys]
    assert bought and max(walk.bp for walk in bought) > worst
    if limit:
        assert max(walk.bp for walk in bought) < limit
        engine = state.bot.engine
        assert engine is not None and float(engine.view.account.equity) > FUNDS * least_left
        shut_gates = {market.product_id: market.shut_by for market in engine.view.markets.all()}
        assert shut_gates["SOL-USD"] == "impact"
    state.close()


@pytest.mark.parametrize("dies", [False, True])
def test_a_flatten_on_a_thin_book_goes_in_parts_also_over_the_end_of_a_life(
    dies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = thin(tmp_path / "data", monkeypatch, products=("SOL-USD",), max_impact_bp=0.0, reduce_only=False)
    state.begin()
    state.trades()
    state.until(lambda: state.bot.engine.view.positions.lot_count == 1, 120, "a lot")  # type: ignore[union-attr]
    state.die()
    # The limit holds from here on, and nothing is bought any more.
    state.settings = replace(state.settings, max_impact_bp=50.0, reduce_only=True)
    state.begin()
    state.trades()
    state.drive(2)
    control.send_command(state.paths, Cmd.FLATTEN, by="operator", now=state.clock.utc())
    sold = lambda: [walk for walk in walks(state) if not walk.buys]  # noqa: E731
    if dies:
        state.until(lambda: len(sold()) == 1, 30, "the first part")
        state.die()
        state.begin()
        state.trades()
    state.until(lambda: not state.bot.engine.view.positions.lot_count, 90, "flat")  # type: ignore[union-attr]
    assert len(sold()) > 2, "in parts"
    assert sum(walk.base_steps for walk in sold()) == sum(w.base_steps for w in walks(state) if w.buys)
    assert max(walk.bp for walk in sold()) < 55, "by the book of at most a second before"
    state.close()
