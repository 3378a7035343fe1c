"""Cancel every own order without a running bot: for `./coin kill` when the bot is dead or hung."""

import asyncio
from dataclasses import dataclass

from bot.app.kill_path import LOOKS_NEEDED, KillPath, Progress
from bot.venues import registry
from bot.venues.net import SystemNet
from bot.venues.port import Access, BadKey, NoKeyYet, ids_of
from shared.ports import SystemClock, SystemRng
from shared.settings import Settings

LIMIT_S = 60.0


class EmergencyFailed(Exception):
    """Own orders may still be open; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What the exchange showed: own orders found and cancelled, and the time to the second look without any."""

    found: int
    cancelled: int
    cleared_ms: float


def cancel_own_orders(settings: Settings, limit_s: float = LIMIT_S) -> Cancelled:
    """Find every own order by its client order id, cancel, and look twice that none is left.

    Blocks at most `limit_s`. Raises EmergencyFailed.
    """
    return asyncio.run(_run(settings, limit_s))


async def _run(settings: Settings, limit_s: float) -> Cancelled:
    venue = registry.load()
    where = venue.where(settings)
    try:
        key = venue.load_key(settings, where, may_wait=True)
    except (BadKey, NoKeyYet) as error:
        raise EmergencyFailed(f"no key to cancel with: {error}") from error
    clock, net, rng = SystemClock(), SystemNet(), SystemRng()
    rest = venue.kill_client(Access(where, key, net, clock, rng))
    path = KillPath(lambda: rest, ids_of(venue, settings), clock, rng)
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
