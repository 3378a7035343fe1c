"""With the scanner on, entries only in products that it picked."""

from bot.engine.risk.policy import OPEN, SHUT, Backtest, Failure, Gate, RiskPolicy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _scanner(state: EngineState, market: Market) -> Gate:
    if not state.settings.scanner_max_products:
        return Gate("scanner", "Scanner", OPEN, "off", None)
    if state.markets.is_traded(market.instrument.product_id):
        return Gate("scanner", "Scanner", OPEN, "picked", "picked")
    return Gate("scanner", "Scanner", SHUT, "not picked, exits only", "picked", "when the scanner picks it again")


POLICY = RiskPolicy(
    "scanner",
    "Scanner",
    "With the scanner on, only products that it picked",
    Failure.RECOVERABLE,
    Backtest.REFUSED,
    ("SCANNER_MAX_PRODUCTS", "SCANNER_MIN_VOLUME_USD"),
    judge=_scanner,
    standing=True,
)
