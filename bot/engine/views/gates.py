"""Why no trade now: every gate of every product, with one sentence for people."""

from functools import lru_cache

from bot.engine.risk import gates as gate_rules
from bot.engine.risk.policy import Gate
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.views.times import iso
from shared.documents.risk import GateDoc, GatesDoc, GateVerdict, ProductGatesDoc


class GatesView:
    """Judged anew at each question, as an entry would be now."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    def all(self, product_id: str) -> list[Gate]:
        """Every gate in the order of judging; none for a product that is not watched."""
        market = self._state.markets.get(product_id)
        return gate_rules.all_gates(self._state, market) if market is not None else []

    def first_shut(self, product_id: str) -> Gate | None:
        """The gate that refuses an entry; None = all are open, or the product is not watched."""
        market = self._state.markets.get(product_id)
        if market is None:
            return None
        return next((g for g in gate_rules.all_gates(self._state, market) if g.verdict is not GateVerdict.OPEN), None)

    def document(self) -> GatesDoc:
        return gates(self._state)


def gates(state: EngineState) -> GatesDoc:
    """Why no trade now: every gate of every product."""
    return GatesDoc(products=[_product_gates(state, market) for market in state.markets.by_product.values()])


def _product_gates(state: EngineState, market: Market) -> ProductGatesDoc:
    judged = gate_rules.all_gates(state, market)
    shut = [gate for gate in judged if gate.verdict is not GateVerdict.OPEN]
    bar = market.signal_bar_s
    return ProductGatesDoc(
        product_id=market.instrument.product_id,
        sentence=_sentence(market, shut[0]) if shut else "Every gate is open: an entry follows",
        shut=len(shut),
        gates=[_document(gate) for gate in judged],
        decided_at=iso(bar * 1000) if bar is not None else None,
    )


@lru_cache(maxsize=2048)  # most gates say in each document what they said in the one before
def _document(gate: Gate) -> GateDoc:
    return GateDoc(
        name=gate.name,
        title=gate.title,
        verdict=gate.verdict,
        value=gate.value,
        limit=gate.limit,
        opens=gate.opens if gate.verdict is not GateVerdict.OPEN else None,
    )


# What the bot is under a requested level.
_LEVEL_IS = {"pause": "paused", "stop": "stopped", "safe": "in safe mode"}


def _sentence(market: Market, gate: Gate) -> str:
    """One sentence with the figure that decides, as a person would say it."""
    wants = "Buys, but " if market.signal == "buy" else ""
    match gate.name:
        case "signal" if gate.title != "Signal":
            return f"Nothing to buy: {gate.value}"
        case "signal":
            return f"No buy signal: {gate.value}, needs {gate.limit}"
        case "adverse":
            return f"{wants}the price is not low enough: needs {(gate.opens or '').removeprefix('at ')}"
        case "edge":
            return f"{wants}an exit would not cover its fees ({gate.value}): needs {gate.limit}"
        case "control":
            word = _LEVEL_IS.get(gate.value or "", gate.value)
            return f"{wants}the bot is {word}: {gate.opens}" if wants else f"The bot is {word}: {gate.opens}"
        case "funds":
            return f"{wants}cash is short: {gate.value} of {(gate.limit or '').removeprefix('≥ ')}"
        case _:
            need = f", needs {gate.limit}" if gate.limit else ""
            text = f"{gate.title.lower()}: {gate.value}{need}"
            return f"{wants}{text}" if wants else text[:1].upper() + text[1:]
