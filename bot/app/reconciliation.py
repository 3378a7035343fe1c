"""Once a day everything is compared with everything: all orders, all fills, the balances, in both directions.

The half-minute's sync reads what is new; this reads what is there since the ledger began. A fill that was missed is
counted, whatever else differs is named and shuts entries until a person has looked.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from bot.app.application import Application
from bot.app.ledger_reads import FillRow, OrderRow
from bot.domain import events as ev
from bot.domain.fills import Fill
from bot.domain.order_life import DONE, OrderState
from bot.domain.orders import FINAL_STATUSES, OrderReport
from bot.venues.errors import ExchangeError
from bot.venues.port import TradingClient
from shared.money import ZERO, plain
from shared.times import epoch_ms

log = logging.getLogger("audit")
EVERY_MS = 86_400_000
LOOK_S = 60.0
AGAIN_S = 600.0
SURE_S = 30.0
PAGES_MAX = 5_000
LAG_MS = 120_000  # lists may be so far behind
MARGIN_MS = 2 * 86_400_000
THERE = frozenset({OrderState.OPEN, OrderState.CANCELLING, OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED})


async def watch(bot: Application, rest: TradingClient) -> None:
    """For ever: a minute after the boot where the last one is a day old, and daily."""
    wait_s = LOOK_S
    while True:
        await bot.clock.sleep(wait_s)
        wait_s = LOOK_S
        if not _due(bot):
            continue
        try:
            bot.dispatch(await sure(bot, rest))
        except ExchangeError as error:
            log.warning("audit: %s; retrying in %d minutes", error, AGAIN_S // 60)
            wait_s = AGAIN_S


async def sure(bot: Application, rest: TradingClient) -> ev.ReconciliationReport:
    """As `compare`; what differs must differ twice: one answer may be short, and look whole. Raises ExchangeError."""
    first = await compare(bot, rest)
    if not first.findings:
        return first
    await bot.clock.sleep(SURE_S)
    again = await compare(bot, rest)
    return replace(again, findings=tuple(text for text in again.findings if text in first.findings))


def _due(bot: Application) -> bool:
    view = bot.engine.view if bot.engine is not None else None
    if view is None or not view.control.ready or not view.control.ledger_ok or not view.account.known:
        return False
    last_ms = view.records.reconciled_ms
    now_ms = epoch_ms(bot.clock.utc())
    # A clock that was ahead must not put the next one off for as long.
    return last_ms is None or not -LOOK_S * 1000 <= now_ms - last_ms < EVERY_MS


async def compare(bot: Application, rest: TradingClient) -> ev.ReconciliationReport:
    """One audit. Raises ExchangeError where the exchange does not tell all."""
    assert bot.engine is not None and bot.ledger is not None and bot.desk is not None
    reads = bot.ledger.reads()
    first_ms = reads.first_order_ms()
    asked_ms = epoch_ms(bot.clock.utc())
    since_ms = (first_ms if first_ms is not None else asked_ms) - MARGIN_MS
    orders = await rest.orders_since(since_ms, pages_max=PAGES_MAX)
    fills = await rest.fills_since(since_ms, pages_max=PAGES_MAX)
    own = {order.order_id: order for order in orders if bot.engine.view.orders.is_own(order.client_order_id)}
    own_fills = [replace(f, client_order_id=own[f.order_id].client_order_id) for f in fills if f.order_id in own]
    missed = tuple(f for f in own_fills if not bot.known_fill((f.order_id, f.trade_id)))
    if bot.past_fetched:
        bot.dispatch(ev.HistoryReport(tuple(own.values()), tuple(own_fills)))
        missed = tuple(f for f in missed if not bot.known_fill((f.order_id, f.trade_id)))
    if missed:
        ids = {fill.order_id for fill in missed}
        bot.dispatch(ev.OrderReports(tuple(own[order_id] for order_id in ids), complete=False, asked_ms=0))
        bot.dispatch(ev.FillReports(missed))
    found = [f"the ledger is missing fill {f.trade_id} of {f.client_order_id}" for f in missed
             if not bot.known_fill((f.order_id, f.trade_id))]  # fmt: skip
    kept_orders = dict[str, OrderRow]()
    async for order_page in reads.orders(bot.clock):
        kept_orders.update((row.client_order_id, row) for row in order_page)
    kept_fills = dict[tuple[str, str], FillRow]()
    async for fill_page in reads.fills(bot.clock):
        kept_fills.update(((row.order_id, row.trade_id), row) for row in fill_page)
    found += _orders(kept_orders, list(own.values()), asked_ms)
    found += _fills(kept_fills, own_fills, asked_ms)
    found += _counted(kept_orders, kept_fills.values())
    # The balances themselves are compared by every sync; what stands open there is the audit's business, too.
    await bot.desk.sync()
    return ev.ReconciliationReport(tuple(found), len(kept_orders), len(kept_fills))


def _orders(kept: Mapping[str, OrderRow], there: Sequence[OrderReport], asked_ms: int) -> Iterator[str]:
    shown: dict[str, OrderReport] = {}
    for order in there:
        coid = order.client_order_id
        if coid in shown:
            yield f"the exchange has two orders of {coid}"
        shown[coid] = order
        row = kept.get(coid)
        if row is None:
            yield f"the ledger does not know {coid}, which the exchange shows as {order.status.value}"
        elif order.status in FINAL_STATUSES and row.filled_size > order.filled_size:
            here, venue = plain(row.filled_size), plain(order.filled_size)
            yield f"{coid} is filled by {here} here, by {venue} at the exchange"
    for coid, row in kept.items():
        old = row.created_ms < asked_ms - LAG_MS and row.updated_ms < asked_ms - LAG_MS
        if coid not in shown and row.state in THERE and old:
            yield f"{coid} is {row.state} here, and the exchange does not show it"


def _fills(kept: Mapping[tuple[str, str], FillRow], there: Sequence[Fill], asked_ms: int) -> Iterator[str]:
    shown = {(fill.order_id, fill.trade_id): fill for fill in there}
    for key, fill in shown.items():
        row = kept.get(key)
        if row is not None and (row.base_size, row.price, row.fee) != (fill.base_size, fill.price, fill.fee):
            yield f"fill {fill.trade_id} of {fill.client_order_id} differs in size, price or fee"
    for key, row in kept.items():
        if key not in shown and row.received_ms < asked_ms - LAG_MS:
            yield f"fill {key[1]} of {row.client_order_id} is in the ledger only"


def _counted(orders: Mapping[str, OrderRow], fills: Iterable[FillRow]) -> Iterator[str]:
    """An order's filled size is what its fills come to."""
    sums: dict[str, Decimal] = {}
    for fill in fills:
        sums[fill.client_order_id] = sums.get(fill.client_order_id, ZERO) + fill.base_size
    for coid, row in orders.items():
        if row.filled_size != sums.get(coid, ZERO) and row.state in DONE:
            here, told = plain(sums.get(coid, ZERO)), plain(row.filled_size)
            yield f"{coid} is filled by {told}, and its fills come to {here}"
