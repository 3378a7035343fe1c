"""SENTINEL=flatten: whether the dead bot's lots may be sold, and the sale, with its note for the bot's next run.

The note (`sentinel_sales.json`) is on disk before an order leaves. The next run takes the sales into the ledger, and
says in the same transaction that it did; a note that it took is begun anew by the next decision.
"""

import os
from dataclasses import replace

from bot.domain.order_ids import OrderIdCodec
from bot.venues.port import TradingClient
from sentinel.holdings import Holdings, NoHoldings, read_holdings
from sentinel.selling import LotSeller, Sold
from shared.control import TradingState, decode_control
from shared.control_json import BadControl
from shared.documents.status import Status
from shared.files import Unreadable, read_bytes, write_whole
from shared.ledger.desired_state import stored_desired_state
from shared.ledger.location import ledger_location
from shared.liveness import read_state
from shared.paths import DataPaths
from shared.ports import Clock, Rng
from shared.sentinel_sales import SentinelSales, decode_sales, encode_sales
from shared.settings import Mode, Settings
from shared.times import epoch_ms

SELL_S = 60.0
# What a bot that is gone was at. Every other status is one in which it would have sold nothing by itself either.
SOLD_FROM = frozenset({Status.RUNNING, Status.PAUSED, Status.STARTING})


def forbidden(settings: Settings) -> str | None:
    """Why nothing may be sold, whatever SENTINEL says; None = it may."""
    paths = settings.paths
    if settings.coin_mode is Mode.LIVE and settings.dry_run:
        return "DRY_RUN is on"
    if os.path.lexists(paths.kill):
        return "the bot is killed"
    level = _level(settings)
    if level is None:
        return "control.json cannot be read, so nobody knows what is wanted"
    if level >= TradingState.STOP:
        return f"the bot is to {level.word}"
    state, error, _ = read_state(paths)
    if state is None:
        return f"what the bot was at is not known ({error or 'it wrote no state'})"
    if state.status not in SOLD_FROM:
        return f"the bot was {state.status.value}"
    return None


def _level(settings: Settings) -> TradingState | None:
    try:
        return decode_control(read_bytes(settings.paths.control)).level
    except FileNotFoundError:
        word = stored_desired_state(ledger_location(settings))
        return next((level for level in TradingState if level.word == word), None)
    except (BadControl, Unreadable, OSError):
        return None


class SaleNote:
    """The note on disk. `since_ms`: of the decision that it belongs to; a crash of the sentinel does not change it."""

    def __init__(self, paths: DataPaths, taken_ms: int | None, now_ms: int) -> None:
        """`taken_ms`: the note that a run of the bot took into its ledger. Raises OSError for a note that is there and
        cannot be read: what was sold is not known then."""
        self._path = paths.sentinel_sales
        self._sales = SentinelSales(since_ms=now_ms, client_order_ids=())
        try:
            before = decode_sales(read_bytes(self._path))
        except FileNotFoundError:
            return
        except Unreadable as error:
            raise OSError(f"{self._path.name}: {error}") from error
        if before.since_ms != taken_ms:
            self._sales = before

    @property
    def since_ms(self) -> int:
        return self._sales.since_ms

    def begun(self, client_order_id: str) -> None:
        """This order is about to leave; on the disk when this returns. Raises OSError."""
        if client_order_id in self._sales.client_order_ids:
            return
        self._sales = replace(self._sales, client_order_ids=(*self._sales.client_order_ids, client_order_id))
        write_whole(self._path, encode_sales(self._sales), durable=True)


async def flatten(
    client: TradingClient, ids: OrderIdCodec, batch: int, settings: Settings, clock: Clock, rng: Rng
) -> Sold:
    """Sell every lot of the bot. The caller holds the bot's lock, and no own entry rests any more."""
    try:
        holdings: Holdings = read_holdings(ledger_location(settings))
        note = SaleNote(settings.paths, holdings.taken_ms, epoch_ms(clock.utc()))
    except NoHoldings as error:
        return Sold(problem=str(error))
    except OSError as error:
        return Sold(problem=f"what was sold before is not known: {error.strerror or error}")
    seller = LotSeller(client, ids, holdings, note.since_ms, note.begun, clock, rng, SELL_S)
    return await seller.run(batch)
