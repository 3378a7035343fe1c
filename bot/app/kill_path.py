"""The kill path: cancel every own order by discovery, not by memory, until the exchange shows none, twice.

It has a client and a request budget of its own and runs none of the strategy's code. Own orders are known by
their client order id, so a lost ledger does not hide them; foreign ones are not touched. While the exchange shows
nothing at all, what is remembered as open is cancelled as well: that may be too little, and proves nothing.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from bot.domain.order_ids import OrderIdCodec
from bot.venues.errors import ExchangeError
from bot.venues.port import TradingClient
from shared.backoff import Backoff
from shared.ports import Clock, Rng

log = logging.getLogger("kill")
BATCH = 100
LOOKS_NEEDED = 2
AGAIN_S = 10.0
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 0.5  # an exchange that comes back is asked within a second; a budget of its own keeps this polite
SAY_S = 10.0
BLIND_TRIES = 5  # for a remembered order whose cancel the exchange refuses


@dataclass(slots=True)
class Progress:
    """What the kill path did so far for one latch; its figures are shown in the state file."""

    found: int = 0
    cancelled: int = 0
    verified: int = 0
    cleared_ms: float | None = None
    note: str | None = None
    seen: set[str] = field(default_factory=set)  # an order whose cancel is queued is found again by the next look
    left: list[str] = field(default_factory=list)  # open orders that are still to be cancelled
    taken: set[str] = field(default_factory=set)  # orders whose cancel the exchange took
    blind: Counter[str] = field(default_factory=Counter)  # tries at remembered orders


async def own_open_orders(rest: TradingClient, ids: OrderIdCodec, remembered: Collection[str] = ()) -> list[str]:
    """Ids of every own order that may still fill: by our id, and by the exchange's own where it is remembered, since a
    venue may list no ids of ours. Raises ExchangeError."""
    return [
        order_id
        for order_id, client_order_id in await rest.open_ids()
        if order_id in remembered or ids.is_ours(client_order_id)
    ]


class KillPath:
    """Runs while the latch is shut."""

    def __init__(
        self,
        rest: Callable[[], TradingClient | None],
        ids: OrderIdCodec,
        clock: Clock,
        rng: Rng,
        remembered: Callable[[], list[str]] = list,
        forbidden: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`remembered`: the exchange's ids of own orders that were open when they were last heard of.

        `forbidden`: why there is no client to cancel with, other than a key that is not there yet.
        """
        self._rest, self._own_ids, self._clock, self._rng = rest, ids, clock, rng
        self._remembered, self._forbidden = remembered, forbidden
        self.progress = Progress()

    def begin(self) -> Progress:
        """Another latch: nothing is found, cancelled or proven for it, whatever was for the one before."""
        self.progress = progress = Progress()
        return progress

    async def run(self, latched: Callable[[], bool], poke: Callable[[], None], *, again: bool = True) -> None:
        """Cancel and verify, with back-off, while latched; after the proof look `again` every ten seconds."""
        progress = self.begin()
        began_s, said_s = self._clock.monotonic_s(), -SAY_S
        backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S, self._rng)
        while latched():
            try:
                await self._round(progress, began_s)
                backoff.reset()
            except ExchangeError as error:
                # A look that failed says nothing of what is open; one that succeeded before it still does.
                progress.note = f"trying again: {error}"
                now_s = self._clock.monotonic_s()
                if now_s - said_s >= SAY_S:
                    said_s = now_s
                    log.warning("kill: %s; retrying until it succeeds", error)
                await self._clock.sleep(backoff.next_s())
            poke()
            if progress.verified >= LOOKS_NEEDED and again:
                await self._clock.sleep(AGAIN_S)

    async def _round(self, progress: Progress, began_s: float) -> None:
        rest = self._rest()
        if rest is None:
            locked = self._forbidden()
            progress.note = f"no order is cancelled: {locked}" if locked else "waiting for the exchange's key"
            await self._clock.sleep(0.2)
            return
        # What was found and could not be cancelled need not be found once more.
        try:
            ids = progress.left or await own_open_orders(rest, self._own_ids, frozenset(self._remembered()))
        except ExchangeError:
            await self._cancel_blindly(rest, progress)
            raise
        if not ids:
            progress.verified += 1
            if progress.verified == LOOKS_NEEDED and progress.cleared_ms is None:
                progress.cleared_ms = (self._clock.monotonic_s() - began_s) * 1000
                progress.note = None
                log.info("kill: no own order is open, asked twice (%.0f ms)", progress.cleared_ms)
            return
        progress.verified, progress.left = 0, ids
        progress.seen.update(ids)
        progress.found = len(progress.seen)
        for start in range(0, len(ids), BATCH):
            self._count(await rest.cancel(ids[start : start + BATCH]), progress)
        progress.left = []
        log.info("kill: %d own orders found, cancels sent", len(ids))
        await self._clock.sleep(0.02)

    async def _cancel_blindly(self, rest: TradingClient, progress: Progress) -> None:
        """The look failed: cancel what is remembered, and has not been cancelled."""
        known = [i for i in self._remembered() if i not in progress.taken and progress.blind[i] < BLIND_TRIES][:BATCH]
        if not known:
            return
        with contextlib.suppress(ExchangeError):  # the look's own error is the one that is told
            answers = await rest.cancel(known)
            progress.blind.update(answers.keys())
            progress.seen.update(self._count(answers, progress))
            progress.found = len(progress.seen)
            log.info("kill: the exchange shows no orders; %d remembered ones, cancels sent", len(known))

    def _count(self, answers: dict[str, str | None], progress: Progress) -> set[str]:
        taken = {order_id for order_id, reason in answers.items() if reason is None}
        progress.taken |= taken
        progress.cancelled = len(progress.taken)
        return taken


async def drill(rest: TradingClient, ids: OrderIdCodec, clock: Clock) -> dict[str, str]:
    """Prove the kill path without trading: find own orders with the kill client and time it. Cancels nothing."""
    began_s = clock.monotonic_s()
    found = await own_open_orders(rest, ids)
    took_ms = (clock.monotonic_s() - began_s) * 1000
    return {"own_orders": str(len(found)), "found_ms": f"{took_ms:.0f}", "cancelled": "0"}
