"""The user channel: open orders at first, then every change of an order, cumulative, to whoever may see it."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from simulator.api.order_views import user_order_view
from simulator.api.ws import frames
from simulator.api.ws.session import StreamSession
from simulator.core.faults import Fault, Faults
from simulator.core.orders import SimOrder
from simulator.exchange import Exchange

log = logging.getLogger("simulator.stream")
BATCH = 50
Send = Callable[[StreamSession, str, str, int], None]  # (reader, channel, events, now_us)


class Users:
    """Tells orders to their owners, through the faults that delay and repeat fills."""

    def __init__(self, exchange: Exchange, faults: Faults, send: Send) -> None:
        self._exchange = exchange
        self._faults = faults
        self._send = send

    def snapshot(self, session: StreamSession, now_us: int) -> None:
        """The reader's open orders, fifty a message; one empty message for none."""
        wanted = [o for o in self._exchange.venue.open.values() if _sees(session, o)]
        views = [self._view(o) for o in wanted]
        for at in range(0, max(1, len(views)), BATCH):
            self._send(session, "user", frames.user("snapshot", views[at : at + BATCH]), now_us)

    def _view(self, order: SimOrder) -> dict[str, Any]:
        return user_order_view(order, capitals=self._exchange.config.order_type_capitals)

    def run(self, sessions: Iterable[StreamSession], now_us: int) -> None:
        """Tell what has changed since the last call, and what a fault had held back until now."""
        venue = self._exchange.venue
        if venue.order_events:
            events, venue.order_events = venue.order_events, []
            readers = [s for s in sessions if "user" in s.subscriptions]
            for order in events:
                log.info(
                    "order.%s order_id=%s client_order_id=%s product_id=%s side=%s filled_size=%s",
                    order.status.lower(), order.order_id, order.client_order_id, order.product.product_id,
                    "BUY" if order.buys else "SELL", order.product.size_text(order.filled),
                )  # fmt: skip
                if readers:
                    self._tell(order, readers, now_us)
        for session in sessions:
            while session.delayed and session.delayed[0][0] <= now_us:
                _, channel, body = session.delayed.pop(0)
                self._send(session, channel, body, now_us)

    def _tell(self, order: SimOrder, readers: list[StreamSession], now_us: int) -> None:
        body = frames.user("update", [self._view(order)])
        for session in readers:
            if not _sees(session, order):
                continue
            if order.fills and (late := self._faults.strike(Fault.DELAYED_FILL, now_us, "user")):
                session.delayed.append((now_us + int(late.number("ms", 1000) * 1000), "user", body))
                session.delayed.sort(key=lambda item: item[0])
                continue
            self._send(session, "user", body, now_us)
            if order.fills and self._faults.strike(Fault.DUPLICATE_FILL, now_us, "user"):
                self._send(session, "user", body, now_us)


def _sees(session: StreamSession, order: SimOrder) -> bool:
    if order.portfolio != session.portfolio:
        return False
    wanted = session.subscriptions.get("user", {})
    return "" in wanted or order.product.product_id in wanted
