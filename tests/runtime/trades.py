"""Trades of a bot without an exchange (`bot_rig`): prices, bars, and the exchange's news of its orders."""

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.fills import Fill
from bot.domain.intents import PlaceOrder
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from tests.core.harness import D
from tests.runtime.bot_rig import BotRig


def price(rig: BotRig, value: str) -> list[OrderSpec]:
    """A price, a second later; the orders that it leads to."""
    before = len(rig.sent.actions)
    rig.clock.turn(1)
    rig.bot.dispatch(ev.PriceUpdate("BTC-USD", D(value), D(value) - D("0.01"), D(value) + D("0.01")))
    return placed(rig, before)


def bar(rig: BotRig, word: str) -> list[OrderSpec]:
    """A bar closes at 100 and the strategy says `word`; the orders that it leads to."""
    before = len(rig.sent.actions)
    price(rig, "100")
    rig.strategy.word = word
    start_s = int(rig.clock.utc().timestamp()) // 60 * 60 - 60
    rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(start_s, 100.0, 100.0, 100.0, 100.0, 1.0),)))
    rig.strategy.word = "flat"
    return placed(rig, before)


def placed(rig: BotRig, since: int = 0) -> list[OrderSpec]:
    return [action.spec for action in rig.sent.actions[since:] if isinstance(action, PlaceOrder)]


def order_id(spec: OrderSpec) -> str:
    """The exchange's id of it."""
    return f"v-{spec.client_order_id[-8:]}"


def fills(rig: BotRig, spec: OrderSpec, size: str, at: str) -> None:
    """The exchange accepts the order and fills so much of it."""
    rig.bot.dispatch(ev.OrderAccepted(spec.client_order_id, order_id(spec)))
    trade = f"t-{order_id(spec)}-{size}"
    fill = Fill(order_id(spec), trade, spec.client_order_id, "BTC-USD", spec.side, D(at), D(size), D(0), "taker", 0)
    rig.bot.dispatch(ev.FillReports((fill,)))


def seen(rig: BotRig, spec: OrderSpec, status: OrderStatus, filled: str = "0") -> None:
    """The exchange shows the order."""
    shown = OrderReport(order_id(spec), spec.client_order_id, "BTC-USD", spec.side, status, D(filled), 0)
    rig.bot.dispatch(ev.OrderReports((shown,), complete=False, asked_ms=0))
