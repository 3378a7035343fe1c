"""`[TICK]` and `[DEBUG]` lines at LOG_LEVEL=DEBUG: each price that was judged, and each decision with its reason."""

import logging
from collections.abc import Sequence

from bot.core import events as ev
from bot.core.engine import Engine
from bot.core.gates import first_shut
from bot.core.intents import Intent, PlaceOrder
from bot.core.market import Market
from bot.core.model import Purpose
from bot.core.world import World
from shared.money import plain

log = logging.getLogger("debug")


def wanted() -> bool:
    """Whether anybody reads them: they cost a look at the gates for each decision."""
    return log.isEnabledFor(logging.DEBUG)


def heard(event: ev.Event, intents: Sequence[Intent], engine: Engine) -> None:
    """The engine has answered `event` with `intents`: a line where it judged a price or decided on a bar."""
    world = engine.world
    if isinstance(event, ev.Priced):
        _tick(world, event.product_id)
    elif isinstance(event, ev.BarsClosed) and event.granularity == world.settings.granularity:
        entered = any(isinstance(i, PlaceOrder) and i.spec.purpose is Purpose.ENTRY for i in intents)
        _decision(world, event.product_id, entered)


def _tick(world: World, product_id: str) -> None:
    market = world.market(product_id)
    if market is None or market.price is None or market.judged_ms != world.now_ms:
        return
    last_close = f"{market.bars[-1].close:.10g}" if market.bars else "unknown"
    log.debug(
        "[TICK] %s price=%s bid=%s ask=%s last_close=%s lots=%d",
        product_id, plain(market.price), _text(market.bid), _text(market.ask), last_close,
        len(world.book.of(product_id)),
    )  # fmt: skip


def _decision(world: World, product_id: str, entered: bool) -> None:
    market = world.market(product_id)
    if market is None or not market.bars or market.signal_bar_s != market.bars[-1].start_s:
        return
    reason = "an entry is sent" if entered else _why_none(world, market)
    probability = f"{market.probability:.4f}" if market.probability is not None else "none"
    values = " ".join(f"{name}={value:.8g}" for name, value in market.values.items())
    log.debug(
        "[DEBUG] %s decision=%s p=%s %s lots=%d of %d; %s",
        product_id, market.signal, probability, values, len(world.book.of(product_id)),
        world.settings.max_concurrent_lots, reason,
    )  # fmt: skip


def _why_none(world: World, market: Market) -> str:
    if market.signal != "buy":
        return "no entry requested"
    gate = first_shut(world, market)
    if gate is None:
        return "all gates are open"
    needs = f", needs {gate.limit}" if gate.limit else ""
    return f"{gate.title}: {gate.value}{needs}" if gate.value else gate.title


def _text(value: object) -> str:
    return "unknown" if value is None else f"{value:f}"
