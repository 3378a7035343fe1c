"""Every way out of the lot must pay its fees; the first that does not is named (`bot.engine.execution.edge`)."""

from bot.engine.execution.edge import entry_plan, fees, ways_out
from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _edge(state: EngineState, market: Market) -> Gate:
    name, title, s = "edge", "Edge after fees", state.settings
    if not s.edge_gate:
        return Gate(name, title, OPEN, "off", "EDGE_GATE=false")
    kind, tp = entry_plan(state, market)
    ways = ways_out(s, fees(state), tp)
    way = next((one for one in ways if not one.pays), None)
    if way is None:
        value = ", ".join(f"{one.word} {one.gross:.2f} %" for one in ways)
        return Gate(name, title, OPEN, value, f"≥ {max(o.cost for o in ways) + s.min_edge_pct:.2f} %")
    mend = "raise TRAIL_ACTIVATE_PCT or leave it unset" if way.word == "trail" else "raise TAKE_PROFIT_PCT"
    opens = f"{mend}: a {kind.value} sold by its {way.word} would not cover its fees"
    return Gate(name, title, SHUT, way.text, f"≥ {way.cost + s.min_edge_pct:.2f} %", opens)


POLICY = RiskPolicy(
    "edge",
    "Edge after fees",
    "Take profit and trailing stop each cover their fees plus `MIN_EDGE_PCT`",
    Failure.RECOVERABLE,
    Backtest.MODELLED,
    ("EDGE_GATE", "MIN_EDGE_PCT"),
    judge=_edge,
    of_lots=True,
)
