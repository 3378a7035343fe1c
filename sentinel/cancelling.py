"""Cancel the resting entries of one bot by what the exchange lists, until it lists none, twice."""

from dataclasses import dataclass

from bot.domain.kinds import Side
from bot.domain.order_ids import OrderIdCodec
from bot.venues.errors import ExchangeError
from bot.venues.port import TradingClient
from shared.backoff import Backoff
from shared.ports import Clock, Rng

LOOKS_NEEDED = 2
BETWEEN_S = 0.05
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.1, 1.0


@dataclass(slots=True)
class Entries:
    """What the exchange showed. `proven`: its list had no own entry, twice in a row."""

    found: int = 0
    cancelled: int = 0
    exits_left: int = 0
    proven: bool = False
    note: str | None = None  # why not (yet)


async def cancel_entries(
    client: TradingClient, ids: OrderIdCodec, batch: int, clock: Clock, rng: Rng, limit_s: float
) -> Entries:
    """Entries are own orders that buy: the bot holds long lots only. Others' orders, and sales, are left alone."""
    told, looks = Entries(), 0
    seen: set[str] = set()
    taken: set[str] = set()
    until_s, backoff = clock.monotonic_s() + limit_s, Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S, rng)
    while clock.monotonic_s() < until_s:
        try:
            own = [order for order in await client.open_orders() if ids.is_ours(order.client_order_id)]
            entries = [order.order_id for order in own if order.side is Side.BUY]
            told.exits_left = len(own) - len(entries)
            if not entries:
                looks += 1
                if looks == LOOKS_NEEDED:
                    told.proven, told.note = True, None
                    break
            else:
                looks = 0
                seen.update(entries)
                for start in range(0, len(entries), batch):
                    answers = await client.cancel(entries[start : start + batch])
                    taken.update(order_id for order_id, reason in answers.items() if reason is None)
                told.note = "own entries are still listed"
            backoff.reset()
            await clock.sleep(BETWEEN_S)
        except ExchangeError as error:
            looks, told.note = 0, str(error)
            await clock.sleep(backoff.next_s())
        finally:
            told.found, told.cancelled = len(seen), len(taken)
    return told
