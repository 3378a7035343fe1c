"""Sell what a dead bot's lots still hold, at market, by what the exchange shows; never more, and never twice.

The order of things: entries are proven gone before this begins; own resting exits are cancelled until the exchange
lists none, twice; then each lot is sold for what is left of it. What is left is what the ledger says, less what the
exchange shows as sold by orders whose end the ledger has not seen, less what this or an earlier sentinel sold.

A sale has the client order id that the bot's own next exit of that lot would have: the same lot makes the same id, in
whatever run. So each turn begins by looking whether the order is there, an order without an answer is looked for and
never sent again within the same run, and the next run of the bot knows it for its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.order_ids import OrderIdCodec
from bot.domain.orders import FINAL_STATUSES, OrderReport, OrderSpec
from bot.venues.errors import ExchangeError, NoAnswerGot, Rejected
from bot.venues.port import TradingClient
from sentinel.holdings import HeldLot, Holdings, PendingExit
from shared.backoff import Backoff
from shared.money import ZERO, plain
from shared.ports import Clock, Rng

LOOKS_NEEDED = 2
BETWEEN_S = 0.1
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.1, 1.0
MOST_ORDERS = 5  # for one lot in one run: a market order that fills in parts is followed by one for the rest
MARGIN_MS = 60_000  # clocks differ
FREED_S = 3.0  # how long the coins of a cancelled take may stay on hold


@dataclass(slots=True)
class Sold:
    """What was sold. `left`: lots that still hold something that can be sold, each with why."""

    takes_cancelled: int = 0
    lots: int = 0  # that hold nothing any more that could be sold
    sizes: dict[str, Decimal] = field(default_factory=dict)  # product → base units
    left: dict[str, str] = field(default_factory=dict)
    problem: str | None = None

    @property
    def done(self) -> bool:
        return not self.left and self.problem is None


class _NotYet(Exception):
    """It cannot be told now; it is looked at again."""


class LotSeller:
    """One run. `begun`: called with an order's client id before it leaves; it must be on disk when that returns."""

    def __init__(
        self,
        client: TradingClient,
        ids: OrderIdCodec,
        holdings: Holdings,
        since_ms: int,
        begun: Callable[[str], None],
        clock: Clock,
        rng: Rng,
        limit_s: float,
    ) -> None:
        self._client, self._ids, self._holdings = client, ids, holdings
        self._begun, self._clock, self._rng = begun, clock, rng
        created = [exit_.created_ms for lot in holdings.lots for exit_ in lot.pending]
        self._since_ms = min([since_ms, *created]) - MARGIN_MS
        self._until_s = clock.monotonic_s() + limit_s
        self._sent: dict[str, str | None] = {}  # client id → the exchange's id; None = no answer came
        self.told = Sold()

    async def run(self, batch: int) -> Sold:
        """Cancel what rests, then sell lot by lot. Never raises for what the exchange does."""
        if not await self._cancel_exits(batch):
            return self.told
        for lot in self._holdings.lots:
            backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S, self._rng)
            self.told.left[lot.lot_id] = "there was no time left"
            while self._clock.monotonic_s() < self._until_s:
                try:
                    if await self._sell(lot):
                        del self.told.left[lot.lot_id]
                        self.told.lots += 1
                        break
                    if self.told.left[lot.lot_id].startswith("given up"):
                        break
                    backoff.reset()
                    await self._clock.sleep(BETWEEN_S)
                except (ExchangeError, _NotYet) as error:
                    self.told.left[lot.lot_id] = str(error)
                    await self._clock.sleep(backoff.next_s())
        return self.told

    async def _cancel_exits(self, batch: int) -> bool:
        """Whether the exchange lists no own sale any more, twice in a row."""
        looks, cancelled = 0, set[str]()
        backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S, self._rng)
        while self._clock.monotonic_s() < self._until_s:
            try:
                listed = await self._client.open_orders()
                resting = [
                    order.order_id
                    for order in listed
                    if self._ids.is_ours(order.client_order_id) and order.side is Side.SELL
                ]
                looks = looks + 1 if not resting else 0
                if looks == LOOKS_NEEDED:
                    self.told.problem = None
                    return True
                for start in range(0, len(resting), batch):
                    answers = await self._client.cancel(resting[start : start + batch])
                    cancelled.update(order_id for order_id, reason in answers.items() if reason is None)
                self.told.problem = "own exits are still listed: nothing is sold"
                backoff.reset()
                await self._clock.sleep(BETWEEN_S)
            except ExchangeError as error:
                looks, self.told.problem = 0, f"own exits may still rest: {error}"
                await self._clock.sleep(backoff.next_s())
            finally:
                self.told.takes_cancelled = len(cancelled)
        return False

    async def _sell(self, lot: HeldLot) -> bool:
        """One turn for one lot; whether nothing of it is left that could be sold. Raises ExchangeError, _NotYet."""
        listed = await self._listed(lot.product_id)
        left = lot.left - sum([await self._since_counted(exit_, listed) for exit_ in lot.pending], ZERO)
        number = lot.exits_made + 1
        while (made := await self._made(lot, number, listed)) is not None:
            left -= made.filled_size
            number += 1
        self.told.sizes |= {lot.product_id: self._sold_of(lot.product_id, listed)}
        instrument = await self._client.instrument(lot.product_id)
        price = instrument.price
        if price is None:
            raise _NotYet(f"there is no price of {lot.product_id}")
        if left <= 0 or not instrument.sellable(left, price):
            return True
        if number - lot.exits_made > MOST_ORDERS:
            self.told.left[lot.lot_id] = f"given up: {MOST_ORDERS} orders left {plain(left)} of it unsold"
            return False
        there = await self._available(instrument.base, left)
        size = instrument.floor_size(min(left, there))
        if not instrument.sellable(size, price):
            self.told.left[lot.lot_id] = f"given up: only {plain(there)} {instrument.base} are there"
            return False
        await self._send(lot, self._ids.make(self._holdings.epoch, "exit", lot.lot_id, number), size, price)
        return False

    async def _listed(self, product_id: str) -> Mapping[str, OrderReport]:
        """Own orders since, by the facts in their ids: the same facts are the same sale, whichever run made it."""
        found = await self._client.orders_since(self._since_ms, product_id)
        ours = [order for order in found if self._ids.is_ours(order.client_order_id)]
        return {self._ids.facts_of(order.client_order_id): order for order in ours}

    async def _since_counted(self, exit_: PendingExit, listed: Mapping[str, OrderReport]) -> Decimal:
        """What the exchange shows as filled of it and the lot does not know yet."""
        found = listed.get(self._ids.facts_of(exit_.client_order_id))
        if found is None and exit_.order_id is not None:
            found = await self._client.order(exit_.order_id)
        if found is None:
            return ZERO  # it never reached the exchange: whoever could have sent it is dead
        if found.status not in FINAL_STATUSES:
            raise _NotYet(f"an exit of {found.product_id} is not over yet")
        return max(ZERO, found.filled_size - exit_.counted)

    async def _made(self, lot: HeldLot, number: int, listed: Mapping[str, OrderReport]) -> OrderReport | None:
        """The sale of that number, once it is over; None = it was never made. Raises _NotYet while it is not over."""
        facts = self._ids.facts("exit", lot.lot_id, number)
        found = listed.get(facts)
        mine = next((coid for coid in self._sent if self._ids.facts_of(coid) == facts), None)
        if found is None and mine is not None:
            order_id = self._sent[mine]
            if order_id is None:
                raise _NotYet("no answer came to a sale: it is looked for, and not sent again")
            found = await self._client.order(order_id)
        if found is not None and found.status not in FINAL_STATUSES:
            raise _NotYet(f"the sale of {found.product_id} is not over yet")
        return found

    def _sold_of(self, product_id: str, listed: Mapping[str, OrderReport]) -> Decimal:
        facts = {
            self._ids.facts("exit", lot.lot_id, lot.exits_made + n)
            for lot in self._holdings.lots
            for n in range(1, MOST_ORDERS + 1)
            if lot.product_id == product_id
        }
        return sum((order.filled_size for key, order in listed.items() if key in facts), ZERO)

    async def _available(self, base: str, wanted: Decimal) -> Decimal:
        """Coins that can be sold; those of a cancelled take may be on hold for a moment."""
        until_s = self._clock.monotonic_s() + FREED_S
        while True:
            found = next((b.available for b in await self._client.balances() if b.currency == base), ZERO)
            if found >= wanted or self._clock.monotonic_s() >= until_s:
                return found
            await self._clock.sleep(BETWEEN_S)

    async def _send(self, lot: HeldLot, client_order_id: str, size: Decimal, price: Decimal) -> None:
        spec = OrderSpec(
            client_order_id, lot.product_id, Side.SELL, OrderKind.MARKET, Purpose.FLATTEN, size, None, None, False,
            None, price, lot_id=lot.lot_id, reduce_only=True,
        )  # fmt: skip
        await self._client.admit(spec)
        self._begun(client_order_id)
        try:
            self._sent[client_order_id] = await self._client.create(spec)
        except NoAnswerGot:
            self._sent[client_order_id] = None
        except Rejected as error:
            # A refusal may mean that it is there already: the next turn looks before anything is sent.
            self.told.left[lot.lot_id] = f"the exchange refuses the sale: {error}"
            await self._clock.sleep(BETWEEN_S)
            raise _NotYet(self.told.left[lot.lot_id]) from error
