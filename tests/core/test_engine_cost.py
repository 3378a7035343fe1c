"""An event's cost in the engine: `./coin bench engine` measures it; this only notices an order of magnitude."""

from bench.bot.engine import costs_us, engine_with_lots, prices
from bench.measurement import measured
from bot.engine.risk import gates
from shared.documents.risk import GateVerdict


def test_a_price_costs_microseconds() -> None:
    engine = engine_with_lots()
    assert engine.view.positions.lot_count == 20 and len(engine.view.markets.product_ids) == 10
    costs_us(engine, prices(500))
    # The best of three: beside it, others may want the same core.
    assert min(measured(costs_us(engine, prices(3000)), 50) for _ in range(3)) < 50


def test_what_is_measured_is_judged_to_the_last_gate_that_matters() -> None:
    """Every product buys and is held back by the adverse move alone, so lots and gates are all judged."""
    state = engine_with_lots().state
    for market in state.markets.by_product.values():
        shut = [gate.name for gate in gates.all_gates(state, market) if gate.verdict is not GateVerdict.OPEN]
        assert shut == ["adverse"]
