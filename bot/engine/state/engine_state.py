"""The engine's state: its typed parts side by side, and the few verbs that touch more than one of them."""

from decimal import Decimal
from typing import Any

from bot.domain.day import TradingDay
from bot.domain.intents import Intent, SaveDay, SaveLot, SaveOrder
from bot.domain.lots import Lot
from bot.domain.order_life import Order, OrderInput
from bot.engine.ports import StrategyPort
from bot.engine.state.account import AccountState
from bot.engine.state.clock import ClockState
from bot.engine.state.control import LOTS_TOO_LARGE, ControlState
from bot.engine.state.equity_curve import FACT, PEAK_FACT, EquityCurve
from bot.engine.state.lot_book import LotBook
from bot.engine.state.markets import MarketsState
from bot.engine.state.moved_levels import KEY as MOVED_LEVELS
from bot.engine.state.moved_levels import MovedLevels
from bot.engine.state.orders import OrdersState
from bot.engine.state.positions import PositionsState
from bot.engine.state.records import Records
from bot.engine.state.recovered import RecoveredState
from bot.engine.state.risk import RiskMemory
from shared.control import TradingState
from shared.money import plain
from shared.settings import Mode, Settings


class EngineState:
    """Parts of the engine are functions over it, or over the part that they need."""

    def __init__(
        self,
        settings: Settings,
        strategy: StrategyPort,
        quote: str,
        recovered: RecoveredState,
        level: TradingState,
        now_ms: int,
    ) -> None:
        self.settings = settings
        self.strategy = strategy
        self.clock = ClockState(now_ms)
        self.records = Records(recovered.key_values, recovered.totals, recovered.events)
        kept = self.records.key_values
        self.markets = MarketsState(settings, quote, frozenset(filter(None, kept.get("picked", "").split(","))))
        self.orders = OrdersState(recovered, settings.bot_name)
        self.account = AccountState(settings, quote, self.markets, self.orders, recovered.day, kept)
        lots = LotBook(recovered.lots, recovered.next_lot_seq)
        moved = MovedLevels(kept.get(MOVED_LEVELS), (lot.lot_id for lot in lots))
        self.positions = PositionsState(lots, self.markets, self.orders, moved)
        self.control = ControlState(
            level=level,
            latch=recovered.latch,
            entries_latched=kept.get("entries_latched") or None,
            sale_lock="not judged yet" if settings.coin_mode is Mode.LIVE else None,
        )
        self.risk = RiskMemory.restored(kept, recovered.order_times_ms)

    @property
    def sizing_equity(self) -> Decimal:
        """Quote cash and our lots at mark: never holdings that are not ours (docs/trading-rules.md §4)."""
        if not self.settings.use_live_equity:
            return Decimal(str(self.settings.usd_equity))
        return self.account.portfolio.cash + self.positions.value

    @property
    def entries_blocked(self) -> str | None:
        """Why a person must look before the next entry; None = nothing waits for one."""
        if self.orders.fence.second_writer is not None:
            return f"second writer: {self.orders.fence.second_writer}"
        if self.account.differences:
            return f"the account differs by {self.records.key_values.get('differences')}"
        return self.control.entries_latched or self.risk.failed

    # Verbs.

    def emit(self, intent: Intent) -> None:
        self.records.emit(intent)

    def note(
        self,
        kind: str,
        text: str,
        level: str = "info",
        product_id: str | None = None,
        ref: str | None = None,
        **data: Any,
    ) -> None:
        """One line for the ledger, the log and the page."""
        self.records.note(self.clock.now_ms, kind, text, level, product_id, ref, data)

    def save_value(self, key: str, value: str) -> None:
        self.records.save_value(key, value)

    def save_order(self, order: Order) -> None:
        self.orders.by_id[order.spec.client_order_id] = order
        self.emit(SaveOrder(order))

    def save_lot(self, lot: Lot) -> None:
        self.positions.lots.put(lot)
        self.emit(SaveLot(lot))

    def save_day(self, day: TradingDay) -> None:
        self.account.day = day
        self.emit(SaveDay(day))

    def save_curve(self, curve: EquityCurve) -> None:
        """Keep the curve, and its peak in money beside it."""
        self.account.curve, self.account.curve_saved_ms = curve, self.clock.now_ms
        self.save_value(FACT, curve.to_text())
        self.save_value(PEAK_FACT, plain(curve.peak_equity))

    def latch_entries(self, text: str) -> None:
        """No entry until a person pressed Start; a restart does not lift it.

        The first cause stands, as the later ones often follow from it; but one that adopting lifts gives way.
        """
        known = self.control.entries_latched
        if known != text and (not known or known.startswith(LOTS_TOO_LARGE)):
            self.control.entries_latched = text
            self.save_value("entries_latched", text)

    def count(self, name: str) -> None:
        """One more of `name`, today and since the ledger began."""
        totals = self.records.totals
        totals[name] = totals.get(name, 0) + 1
        if self.account.day is not None:
            self.save_day(self.account.day.counted(name))

    def step_order(self, order: Order, event: OrderInput, reason: str | None = None) -> Order:
        """Move an order by the table and save it."""
        after = order.after(event, self.clock.now_ms, reason=reason)
        self.save_order(after)
        return after

    def next_id(self, lot_id: str, word: str) -> str:
        """The client order id of the next order made for a lot."""
        number = self.orders.attempts.get(lot_id, 0) + 1
        self.orders.attempts[lot_id] = number
        return self.intent_id(word, lot_id, number)

    def intent_id(self, *facts: object) -> str:
        """The client order id of an intent: the one that it has from whichever run, else a new one of this run."""
        new = self.orders.ids.make(self.orders.fence.epoch, *facts)
        return self.orders.own_ids.known_for(new) or new
