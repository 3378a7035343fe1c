"""The order executor: sends the engine's actions to the exchange and returns its answers as events.

No decision is made here. An order passes the gate, is POSTed once, and whatever comes back (or does not) becomes
one event.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.app.fills_feed import FillsFeed
from bot.app.metrics import Samples
from bot.app.order_gate import OrderGate
from bot.domain import events as ev
from bot.domain.fills import Fill
from bot.domain.intents import Action, CancelOrder, FetchFills, LookUpOrder, PlaceOrder
from bot.domain.orders import OrderReport, OrderSpec
from bot.venues.errors import (
    ExchangeError,
    Forbidden,
    NoAnswerGot,
    RateLimited,
    Rejected,
    Unauthorized,
    Unreachable,
)
from bot.venues.port import TradingClient
from shared.ports import Clock
from shared.times import epoch_ms

log = logging.getLogger("orders")
Dispatch = Callable[[ev.Event], None]
FILLS_TRIES_S = (0.0, 0.15, 0.5, 1.5)
CANCEL_PAUSES_S = (2.0, 4.0, 8.0, 10.0)  # after refusals in a row; a clock that is days off stays so for hours


class OrderExecutor:
    """Sends actions as tasks; each task ends in an event."""

    def __init__(
        self,
        rest: TradingClient,
        gate: OrderGate,
        dispatch: Dispatch,
        own_id: Callable[[str], str],
        clock: Clock,
        known_fill: Callable[[tuple[str, str]], bool],
    ) -> None:
        """`own_id`: our id of an order that the exchange names, "" = none in memory. `known_fill`: counted already?"""
        self._rest, self._gate, self._dispatch, self._own_id, self._clock = rest, gate, dispatch, own_id, clock
        self.fills = FillsFeed(rest, dispatch, known_fill, own_id, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._fetching: set[str] = set()
        self._cancelling: set[str] = set()
        self._refused = 0  # cancels in a row that said the key, or this machine's clock, is not accepted
        self._no_cancel_before_s = 0.0  # monotonic
        self._looking: set[tuple[str, str | None]] = set()
        self.order_ms = Samples()

    def carry_out(self, action: Action) -> None:
        """Begin one action."""
        match action:
            case PlaceOrder(spec):
                self._begin(self._place(spec, self._clock.monotonic_s()))
            case CancelOrder(_, order_id):
                # One at a time, however slow the exchange is; what is left out is asked for again by the engine.
                if order_id not in self._cancelling and self._clock.monotonic_s() >= self._no_cancel_before_s:
                    self._cancelling.add(order_id)
                    self._begin(self._cancel(action))
            case LookUpOrder(client_order_id, order_id):
                if (client_order_id, order_id) not in self._looking:  # a throttled exchange would pile them up
                    self._looking.add((client_order_id, order_id))
                    self._begin(self._look_up_once(action))
            case FetchFills(order_id):
                if order_id not in self._fetching:
                    self._fetching.add(order_id)
                    self._begin(self._fetch_fills(order_id))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # An order's fate would be unknown to the engine: fail loudly, the supervisor ends the process.
            log.critical("an action failed", exc_info=task.exception())
            asyncio.get_running_loop().call_exception_handler(
                {"message": "action failed", "exception": task.exception()}
            )

    async def _place(self, spec: OrderSpec, began_s: float) -> None:
        await self._rest.admit(spec)  # it may take long; what the gate says after it counts
        refusal = self._gate.refusal(spec)
        if refusal is not None:
            self._dispatch(ev.RiskRejected(spec.client_order_id, refusal))
            return
        try:
            order_id = await self._rest.create(spec, lambda: self._gate.shut(spec))
        except Unreachable as error:
            self._dispatch(ev.RiskRejected(spec.client_order_id, str(error)))
        except Rejected as error:
            self._dispatch(ev.VenueRejected(spec.client_order_id, str(error), error.insufficient))
        except (RateLimited, Unauthorized, Forbidden) as error:
            self._dispatch(ev.VenueRejected(spec.client_order_id, str(error)))
        except NoAnswerGot as error:
            self._dispatch(ev.OutcomeUnknown(spec.client_order_id, str(error)))
        else:
            self.order_ms.add((self._clock.monotonic_s() - began_s) * 1000)
            self._dispatch(ev.OrderAccepted(spec.client_order_id, order_id))

    async def _cancel(self, action: CancelOrder) -> None:
        locked = self._gate.nothing_cancelled()
        if locked is not None:
            self._cancelling.discard(action.order_id)
            log.info("cancel of %s not sent: %s", action.client_order_id, locked)
            return
        try:
            answers = await self._rest.cancel([action.order_id])
            self._cancels_are_taken()
            if answers.get(action.order_id) is not None:
                # Refused: it is over, or unknown. What it is now is looked up before another cancel is sent.
                await self._look_up(LookUpOrder(action.client_order_id, action.order_id, "", 0))
        except (Unauthorized, Forbidden) as error:
            self._cancels_are_refused(action, error)
        except ExchangeError as error:
            log.warning("cancel of %s: %s; retrying", action.client_order_id, error)
        finally:
            self._cancelling.discard(action.order_id)

    def _cancels_are_taken(self) -> None:
        if self._refused:
            log.info("cancels are accepted again")
        self._refused, self._no_cancel_before_s = 0, 0.0

    def _cancels_are_refused(self, action: CancelOrder, error: ExchangeError) -> None:
        """No order's cancel would fare better: all wait, each time longer, and it is logged once."""
        now_s = self._clock.monotonic_s()
        if now_s < self._no_cancel_before_s:
            return  # sent beside the one that was refused first
        if not self._refused:
            log.warning("cancel of %s: %s; retrying, less and less often", action.client_order_id, error)
        pause_s = CANCEL_PAUSES_S[min(self._refused, len(CANCEL_PAUSES_S) - 1)]
        self._refused, self._no_cancel_before_s = self._refused + 1, now_s + pause_s

    async def _look_up_once(self, action: LookUpOrder) -> None:
        try:
            await self._look_up(action)
        finally:
            self._looking.discard((action.client_order_id, action.order_id))

    async def _look_up(self, action: LookUpOrder) -> None:
        try:
            if action.order_id is not None:
                found = await self._by_id(action, action.order_id)
                self._dispatch(ev.LookupResult(action.client_order_id, found, complete=True))
                return
            orders = await self._rest.orders_since(action.since_ms, action.product_id)
        except ExchangeError as error:
            log.info("look-up of %s: %s", action.client_order_id, error)
            return
        match = next((order for order in orders if order.client_order_id == action.client_order_id), None)
        self._dispatch(ev.LookupResult(action.client_order_id, match, complete=True))

    async def _by_id(self, action: LookUpOrder, order_id: str) -> OrderReport | None:
        """The order, or None where neither its id nor a complete list knows it. Raises ExchangeError."""
        try:
            return await self._rest.order(order_id)
        except Rejected as error:
            if error.code != "404" or not action.since_ms:
                raise
        listed = await self._rest.orders_since(action.since_ms, action.product_id)
        return next((order for order in listed if order.order_id == order_id), None)

    async def _fetch_fills(self, order_id: str) -> None:
        """The fills of one order; the exchange's list may lag behind its news, so an empty answer is asked again."""
        fills: tuple[Fill, ...] = ()
        try:
            for wait_s in FILLS_TRIES_S:
                await self._clock.sleep(wait_s)
                try:
                    fills = await self._rest.fills_of(order_id, self._own_id(order_id))
                except ExchangeError as error:
                    log.info("fills of %s: %s", order_id, error)
                if fills:
                    break
        finally:
            self._fetching.discard(order_id)
        if fills:
            self._dispatch(ev.FillReports(fills))

    async def sync(self) -> None:
        """Open orders, fills and balances as the exchange shows them now. Raises ExchangeError."""
        asked_ms = epoch_ms(self._clock.utc())
        orders = await self._rest.open_orders()
        self._dispatch(ev.OrderReports(orders, complete=True, asked_ms=asked_ms))
        await self.fills.read()
        asked_ms = epoch_ms(self._clock.utc())
        balances = await self._rest.balances()
        self._dispatch(ev.BalanceReport(balances, asked_ms))
