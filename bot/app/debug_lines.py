"""`[TICK]` and `[DEBUG]` lines at LOG_LEVEL=DEBUG: each price that was judged, and each decision with its reason."""

import logging
from collections.abc import Sequence

from bot.domain import events as ev
from bot.domain.intents import Intent, PlaceOrder
from bot.domain.kinds import Purpose
from bot.engine.views.engine_view import EngineView
from bot.engine.views.markets import MarketView
from shared.money import plain

log = logging.getLogger("debug")


def wanted() -> bool:
    """Whether anybody reads them: they cost a look at the gates for each decision."""
    return log.isEnabledFor(logging.DEBUG)


def heard(event: ev.Event, intents: Sequence[Intent], view: EngineView) -> None:
    """The engine has answered `event` with `intents`: a line where it judged a price or decided on a bar."""
    if isinstance(event, ev.PriceUpdate):
        _tick(view, event.product_id)
    elif isinstance(event, ev.TargetReady):
        entered = any(isinstance(i, PlaceOrder) and i.spec.purpose is Purpose.ENTRY for i in intents)
        _decision(view, event.product_id, entered)


def _tick(view: EngineView, product_id: str) -> None:
    market = view.markets.get(product_id)
    if market is None or market.price is None or market.judged_ms != view.now_ms:
        return
    last_close = f"{market.newest_bar.close:.10g}" if market.newest_bar is not None else "unknown"
    log.debug(
        "[TICK] %s price=%s bid=%s ask=%s last_close=%s lots=%d",
        product_id, plain(market.price), _text(market.bid), _text(market.ask), last_close,
        len(view.positions.lots(product_id)),
    )  # fmt: skip


def _decision(view: EngineView, product_id: str, entered: bool) -> None:
    market = view.markets.get(product_id)
    if market is None or market.newest_bar is None or market.signal_bar_s != market.newest_bar.start_s:
        return
    reason = "an entry is sent" if entered else _why_none(view, market)
    probability = f"{market.probability:.4f}" if market.probability is not None else "none"
    values = " ".join(f"{name}={value:.8g}" for name, value in market.values.items())
    log.debug(
        "[DEBUG] %s decision=%s p=%s %s lots=%d of %d; %s",
        product_id, market.signal, probability, values, len(view.positions.lots(product_id)),
        view.settings.max_concurrent_lots, reason,
    )  # fmt: skip


def _why_none(view: EngineView, market: MarketView) -> str:
    if market.signal != "buy":
        return "no entry requested"
    gate = view.gates.first_shut(market.product_id)
    if gate is None:
        return "all gates are open"
    needs = f", needs {gate.limit}" if gate.limit else ""
    return f"{gate.title}: {gate.value}{needs}" if gate.value else gate.title


def _text(value: object) -> str:
    return "unknown" if value is None else f"{value:f}"
