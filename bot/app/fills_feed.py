"""The account's fills by cursor: the book of record, read every half minute, at each boot, reconnect and gap.

The cursor is the time of the newest fill that was told, by the exchange's clock; each reading begins a while before
it, since a fill may show up in the list later than a younger one. What is told twice is counted once, so a doubled
page does no harm, and a page that was lost comes with the next reading. A reading that breaks off moves nothing.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from bot.domain import events as ev
from bot.domain.fills import Fill
from bot.domain.orders import OrderReport
from bot.venues.errors import ExchangeError, Rejected
from bot.venues.port import TradingClient
from shared.ports import Clock
from shared.times import epoch_ms

log = logging.getLogger("fills")
OVERLAP_MS = 120_000
FIRST_MS = 86_400_000  # a ledger that never read any begins so far back
NAMES_KEPT = 5_000
ASKS_MAX = 20  # of orders that nobody here knows, in one reading


class FillsFeed:
    """Reads what is new, and finds out whose it is: a fill does not carry our id."""

    def __init__(
        self,
        rest: TradingClient,
        dispatch: Callable[[ev.Event], None],
        known: Callable[[tuple[str, str]], bool],
        own_id: Callable[[str], str],
        clock: Clock,
    ) -> None:
        self._rest, self._dispatch, self._known, self._own_id, self._clock = rest, dispatch, known, own_id, clock
        self._names: OrderedDict[str, str] = OrderedDict()  # exchange's order id → client order id, as it told
        self.through_ms: int | None = None

    def begin(self, kept: str | None) -> None:
        """Take up the cursor of an earlier run."""
        self.through_ms = int(kept) if kept else None

    async def read(self) -> None:
        """Everything since the cursor. Raises ExchangeError, with the cursor where it was."""
        asked_ms = epoch_ms(self._clock.utc())
        since_ms = self.through_ms - OVERLAP_MS if self.through_ms is not None else asked_ms - FIRST_MS
        told = await self._rest.fills_since(since_ms)
        # A time that is yet to come is nonsense of one fill: it must not lead the cursor past others.
        newest_ms = max((fill.exchange_ms for fill in told if fill.exchange_ms <= asked_ms + OVERLAP_MS), default=None)
        fresh = [fill for fill in told if not self._known((fill.order_id, fill.trade_id))]
        orders, named, left = await self._named(fresh)
        if newest_ms is not None and left:
            newest_ms = min(newest_ms, *(fill.exchange_ms for fill in left))  # they are the next reading's
        if newest_ms is not None:
            self.through_ms = max(self.through_ms or 0, newest_ms)
        if orders:
            self._dispatch(ev.OrderReports(orders, complete=False, asked_ms=0))
        if named or self.through_ms is not None:
            self._dispatch(ev.FillReports(named, self.through_ms))

    async def _named(self, fresh: list[Fill]) -> tuple[tuple[OrderReport, ...], tuple[Fill, ...], list[Fill]]:
        """(orders that had to be asked for, the fills with our ids, fills that are left for the next reading).

        An order that is not told yet comes with the next reading, too: it lies within the overlap.
        """
        asked: list[OrderReport] = []
        named: list[Fill] = []
        left: list[Fill] = []
        unknown: set[str] = set()
        for fill in fresh:
            name = self._own_id(fill.order_id) or self._names.get(fill.order_id)
            if name is None and len(asked) + len(unknown) >= ASKS_MAX:
                left.append(fill)
                continue
            if name is None and fill.order_id not in unknown:
                name = await self._ask(fill.order_id, asked)
                if name is None:
                    unknown.add(fill.order_id)
            if name is not None:
                named.append(replace(fill, client_order_id=name))
        return tuple(asked), tuple(named), left

    async def _ask(self, order_id: str, asked: list[OrderReport]) -> str | None:
        try:
            order = await self._rest.order(order_id)
        except Rejected as error:
            log.info("a fill of order %s, which the exchange does not tell: %s", order_id, error)
            return None
        except ExchangeError as error:
            log.info("a fill of order %s: %s; retrying", order_id, error)
            return None
        asked.append(order)
        self._names[order_id] = order.client_order_id
        while len(self._names) > NAMES_KEPT:
            self._names.popitem(last=False)
        return order.client_order_id
