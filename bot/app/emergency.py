"""Cancel every own order without a running bot: for `./coin kill` when the bot is dead or hung.

Own orders are found by our id in the exchange's list, and by the exchange's own ids that the ledger holds as open: a
venue may list no ids of ours, and where nothing is listed at all, those can still be cancelled.
"""

import asyncio
import logging
from dataclasses import dataclass

from bot.app.kill_path import LOOKS_NEEDED, KillPath, Progress
from bot.domain.order_life import DONE
from bot.venues import registry
from bot.venues.net import SystemNet
from bot.venues.port import Access, BadKey, NoKeyYet, Venue, ids_of
from shared.errors import first_line
from shared.ledger import schema as t
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError, among
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger
from shared.ports import SystemClock, SystemRng
from shared.settings import Settings

log = logging.getLogger("kill")

LIMIT_S = 60.0


class EmergencyFailed(Exception):
    """Own orders may still be open; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What the exchange showed: own orders found and cancelled, and the time to the second look without any."""

    found: int
    cancelled: int
    cleared_ms: float


def cancel_own_orders(settings: Settings, limit_s: float = LIMIT_S, venue: Venue | None = None) -> Cancelled:
    """Find every own order, cancel, and look twice that none is left. `venue` None: the settings' own.

    Blocks at most `limit_s`, and as long as it takes to read the ledger. Raises EmergencyFailed.
    """
    return asyncio.run(_run(settings, limit_s, venue or registry.load()))


def remembered_orders(location: LedgerLocation) -> list[str] | None:
    """The exchange's ids of own orders that the ledger has not seen the end of; None = it cannot be read."""
    try:
        if not ledger_exists(location):
            return []
        named, values = among("state", sorted(DONE))
        with connect_reader(location).snapshot() as db:
            sql = f"SELECT order_id FROM orders WHERE order_id IS NOT NULL AND state NOT IN {named}"  # noqa: S608
            return [row.order_id for row in db.rows(sql, values, of=t.orders)]
    except (LedgerError, DamagedLedger) as error:
        log.warning("the ledger cannot be read: %s", first_line(error))
        return None


async def _run(settings: Settings, limit_s: float, venue: Venue) -> Cancelled:
    where = venue.where(settings)
    try:
        key = venue.load_key(settings, where, may_wait=True)
    except (BadKey, NoKeyYet) as error:
        raise EmergencyFailed(f"no key to cancel with: {error}") from error
    remembered = remembered_orders(ledger_location(settings))
    taken = venue.capabilities.client_ids
    if remembered is None and (taken is None or not taken.listed):
        # The venue's list alone would show none of them as ours, and prove nothing.
        raise EmergencyFailed("the ledger cannot be read, and this exchange lists orders without our ids")
    known = remembered or []
    clock, net, rng = SystemClock(), SystemNet(), SystemRng()
    rest = venue.kill_client(Access(where, key, net, clock, rng))
    path = KillPath(lambda: rest, ids_of(venue, settings), clock, rng, lambda: known)
    deadline_s = clock.monotonic_s() + limit_s

    def goes_on() -> bool:
        return path.progress.verified < LOOKS_NEEDED and clock.monotonic_s() < deadline_s

    try:
        await asyncio.wait_for(path.run(goes_on, lambda: None, again=False), limit_s + 1)
    except TimeoutError:
        pass
    finally:
        net.close()
    return _result(path.progress, limit_s)


def _result(progress: Progress, limit_s: float) -> Cancelled:
    if progress.cleared_ms is None:
        why = progress.note or "own orders are still listed"
        raise EmergencyFailed(f"not proven in {limit_s:g} s ({why}): look at the exchange's own page")
    return Cancelled(progress.found, progress.cancelled, progress.cleared_ms)
