"""An account with a past: thousands of fills and a hundred open orders, alike at the exchange and in the ledger."""

import itertools
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bot.app.ledger import LedgerWriter
from bot.domain.day import TradingDay
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.intents import Record, SaveDay, SaveFill, SaveKeyValue, SaveLot, SaveOrder
from bot.domain.kinds import ExitReason, LotKind, OrderKind, Purpose, Side
from bot.domain.lots import Lot, close, grow, open_lot, sell
from bot.domain.order_ids import NO_EPOCH, OrderIdCodec
from bot.domain.order_life import Order, OrderState
from bot.domain.orders import OrderSpec, OrderStatus
from bot.venues.coinbase import parse
from shared.ledger.open import open_writer
from shared.settings import Settings
from shared.times import from_epoch_ms, iso_ms
from simulator.api.order_views import fill_view, order_view
from simulator.api.views import product_view
from simulator.core import validation
from simulator.core.orders import SimOrder as VenueOrder
from simulator.exchange import Exchange
from simulator.server.files import SimFiles
from simulator.server.setup import open_exchange

BATCH = 200  # records in a transaction
STEP_US = 200_000


class Past:
    """Builds it, trade by trade, on an exchange in this process; what it writes is what a bot would have written."""

    def __init__(self, settings: Settings) -> None:
        paths = settings.paths
        files = SimFiles(paths.sim, paths.flavour)
        paths.prepare()
        files.prepare()
        self._settings = settings
        self._now_us = time.time_ns() // 1000 - 6 * 3600 * 1_000_000
        self._exchange: Exchange = open_exchange(settings, files, self._now_us)
        self._products = {name: self._product(name) for name in settings.products}
        self._engine = open_writer(paths.ledger)
        self._ledger = LedgerWriter(self._engine, "the-past")
        self._records: list[Record] = []
        self._numbers = itertools.count(1)
        self.fills = 0

    def _product(self, name: str) -> Instrument:
        exchange = self._exchange
        return parse.product(product_view(exchange, exchange.venue.listed[name]))

    @property
    def _now_ms(self) -> int:
        return self._now_us // 1000

    def build(self, fills: int, open_orders: int) -> None:
        """Round trips until so many fills are there, then lots with resting takes."""
        self._save(SaveKeyValue("mode", self._settings.coin_mode.value))
        names = itertools.cycle(self._products)
        day = f"{from_epoch_ms(self._now_ms):%Y-%m-%d}"
        funds = Decimal(str(self._settings.sim_funds))
        self._save(SaveDay(TradingDay(day=day, start_equity=funds, start_unrealized=Decimal(0), peak_equity=funds)))
        while self.fills < fills - open_orders:
            self._close(self._buy(next(names)))
            self._trade_ended()
        for _ in range(open_orders):
            self._rest(self._buy(next(names)))
            self._trade_ended()
        newest_ms = self._now_ms
        self._save(SaveKeyValue("fills_through_ms", str(newest_ms)))
        self._flush()
        self._engine.dispose()
        self._exchange.settle()
        self._exchange.store.close()

    # Orders.

    def _send(self, spec: OrderSpec, configuration: dict[str, Any]) -> tuple[VenueOrder, list[Fill]]:
        self._now_us += STEP_US
        exchange = self._exchange
        exchange.advance(self._now_us)
        body = {
            "client_order_id": spec.client_order_id,
            "product_id": spec.product_id,
            "side": spec.side.value,
            "order_configuration": configuration,
        }
        order = exchange.create(validation.parse_order(exchange.venue, body, exchange.portfolio, exchange.now_us))
        product, user = exchange.venue.listed[spec.product_id], exchange.venue.user_id
        raws = [fill_view(fill, product, user) for fill in exchange.store.fills_of(order.order_id)]
        return order, [parse.fill(raw, spec.client_order_id) for raw in raws]

    def _book(self, spec: OrderSpec, order: VenueOrder, fills: list[Fill], lot_id: str) -> None:
        seen = parse.venue_order(order_view(order, self._exchange.venue.user_id))
        self._save(
            SaveOrder(
                Order(
                    spec,
                    OrderState.OPEN if seen.status is OrderStatus.WORKING else OrderState(seen.status.value),
                    self._now_ms,
                    self._now_ms,
                    order.order_id,
                    seen.filled_size,
                )
            )
        )
        for fill in fills:
            self.fills += 1
            self._save(SaveFill(fill, lot_id, self._now_ms))

    def _spec(self, word: str, product_id: str, purpose: Purpose, lot: Lot | None, **terms: Any) -> OrderSpec:
        given: dict[str, Any] = {
            "base_size": None, "quote_size": None, "limit_price": None, "post_only": False, "end_ms": None,
            "kind": OrderKind.MARKET, "expected_price": Decimal(1),
        }  # fmt: skip
        return OrderSpec(
            client_order_id=OrderIdCodec(self._settings.bot_name).make(NO_EPOCH, word, next(self._numbers)),
            product_id=product_id,
            side=Side.BUY if lot is None else Side.SELL,
            purpose=purpose,
            lot_id=lot.lot_id if lot is not None else None,
            reduce_only=lot is not None,
            **(given | terms),
        )

    def _buy(self, product_id: str) -> Lot:
        product = self._products[product_id]
        spec = self._spec(
            "entry", product_id, Purpose.ENTRY, None, quote_size=Decimal(20), lot_kind=LotKind.SCALP,
            tp_pct=Decimal(50),
        )  # fmt: skip
        order, fills = self._send(spec, {"market_market_ioc": {"quote_size": "20"}})
        number = next(self._numbers)
        lot = open_lot(fills[0], number, LotKind.SCALP, Decimal(50), product, 1000.0, self._now_ms)
        for fill in fills[1:]:
            lot = grow(lot, fill, 1000.0)
        self._book(spec, order, fills, lot.lot_id)
        self._save(SaveLot(lot))
        return lot

    def _close(self, lot: Lot) -> None:
        product = self._products[lot.product_id]
        size = product.floor_size(lot.base_left)
        spec = self._spec("exit", lot.product_id, Purpose.EXIT, lot, base_size=size)
        order, fills = self._send(spec, {"market_market_ioc": {"base_size": f"{size:f}"}})
        lot = replace(lot, exit_reason=ExitReason.TAKE_PROFIT, exit_client_order_id=spec.client_order_id)
        for fill in fills:
            lot = sell(lot, fill, self._now_ms)
        self._book(spec, order, fills, lot.lot_id)
        self._save(SaveLot(lot if lot.closed_ms is not None else close(lot, self._now_ms)))

    def _rest(self, lot: Lot) -> None:
        size = self._products[lot.product_id].floor_size(lot.base_left)
        end_ms = self._now_ms + 48 * 3600 * 1000
        spec = self._spec(
            "take", lot.product_id, Purpose.TAKE_PROFIT, lot, base_size=size, kind=OrderKind.LIMIT, post_only=True,
            limit_price=lot.take_price, end_ms=end_ms,
        )  # fmt: skip
        terms = {
            "base_size": f"{size:f}",
            "limit_price": f"{lot.take_price:f}",
            "post_only": True,
            "end_time": iso_ms(from_epoch_ms(end_ms)),
        }
        order, fills = self._send(spec, {"limit_limit_gtd": terms})
        self._book(spec, order, fills, lot.lot_id)
        self._save(SaveLot(replace(lot, exit_client_order_id=spec.client_order_id)))

    # The ledger.

    def _trade_ended(self) -> None:
        """Fills and the lot that they make belong into one transaction."""
        if len(self._records) >= BATCH:
            self._flush()

    def _save(self, record: Record) -> None:
        self._records.append(record)

    def _flush(self) -> None:
        if self._records:
            self._ledger.commit(self._records, self._now_ms)
            self._records.clear()


def build(settings: Settings, fills: int, open_orders: int) -> int:
    """Build it in the settings' data folder; the number of fills."""
    past = Past(settings)
    past.build(fills, open_orders)
    return past.fills
