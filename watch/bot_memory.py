"""What is known of a bot only by having looked before: its ends, its trades, what has stood still since when."""

from dataclasses import dataclass, field

from shared.documents.state import BotState
from shared.documents.status import Phase, Status
from watch.observations import TimeFacts

RESTARTS_KEPT_MS = 3_600_000
RATE_LIMIT_KEPT_MS = 300_000
UNSETTLED = frozenset({"new", "sent", "cancelling"})


@dataclass(slots=True)
class KeptFacts:
    """What outlives a restart of the watcher."""

    restarts_ms: list[int] = field(default_factory=list)
    trades: int | None = None  # lots opened and closed since the bot's ledger began
    traded_ms: int | None = None
    buys_at_trade: int = 0
    boot_id: str | None = None


def ended_in_order(state: BotState) -> bool:
    """Its last word was that it ends. A level of "stop" looks the same, so there it is no proof."""
    if state.status is Status.ERROR:
        return True  # a person has to change something; the rule for that tells it
    return state.status is Status.STOPPED and state.control.level != "stop"


class BotMemory:
    """Of one bot; fed with each new document."""

    def __init__(self, kept: KeptFacts | None = None) -> None:
        self.kept = kept or KeptFacts()
        self.recovering = False
        self._last: BotState | None = None
        self._equity: str | None = None
        self._equity_since_ms: int | None = None
        self._rate_limited: int | None = None  # as the bot counts, since its start
        self._rate_limits: list[tuple[int, int]] = []  # when, and how many more
        self._unsettled: dict[str, int] = {}

    def seen(self, state: BotState, now_ms: int) -> None:
        """A new document of the bot."""
        last, self._last = self._last, state
        if last is not None and last.boot_id != state.boot_id and not ended_in_order(last):
            self.kept.restarts_ms.append(now_ms)
            self.recovering = True
        if state.phase in (Phase.TRADING, Phase.STOPPED, Phase.ERROR):
            self.recovering = False
        self.kept.boot_id = state.boot_id
        self._trades(state, now_ms)
        self._flat(state, now_ms)
        self._limits(state, now_ms)
        self._orders(state, now_ms)

    def facts(self, now_ms: int) -> TimeFacts:
        kept = self.kept
        kept.restarts_ms = [at_ms for at_ms in kept.restarts_ms if at_ms > now_ms - RESTARTS_KEPT_MS]
        self._rate_limits = [(at_ms, n) for at_ms, n in self._rate_limits if at_ms > now_ms - RATE_LIMIT_KEPT_MS]
        buys = self._buys()
        return TimeFacts(
            restarts_ms=tuple(kept.restarts_ms),
            equity_since_ms=self._equity_since_ms,
            traded_ms=kept.traded_ms,
            buys_since_trade=max(0, buys - kept.buys_at_trade) if buys is not None else 0,
            rate_limited=sum(n for _, n in self._rate_limits) if self._rate_limited is not None else None,
            unsettled_since_ms=tuple(self._unsettled.items()),
        )

    def _buys(self) -> int | None:
        metrics = self._last.metrics if self._last is not None else None
        return metrics.decisions.get("buy", 0) if metrics is not None else None

    def _trades(self, state: BotState, now_ms: int) -> None:
        if state.metrics is None:
            return
        trades, buys = sum(state.metrics.trades.values()), state.metrics.decisions.get("buy", 0)
        if trades != self.kept.trades or buys < self.kept.buys_at_trade:  # counters begin anew with another ledger
            self.kept.trades, self.kept.traded_ms, self.kept.buys_at_trade = trades, now_ms, buys

    def _flat(self, state: BotState, now_ms: int) -> None:
        lots = any(position.lots for position in state.positions or [])
        equity = f"{state.account.equity:.2f}" if state.account is not None and lots else None
        if equity != self._equity or equity is None:
            self._equity, self._equity_since_ms = equity, now_ms if equity is not None else None

    def _limits(self, state: BotState, now_ms: int) -> None:
        count = state.feeds.rest_rate_limited if state.feeds is not None else None
        if count is not None and self._rate_limited is not None and count > self._rate_limited:
            self._rate_limits.append((now_ms, count - self._rate_limited))
        self._rate_limited = count

    def _orders(self, state: BotState, now_ms: int) -> None:
        if state.orders is None:
            return
        open_ones = [order.client_order_id for order in state.orders if order.state in UNSETTLED]
        self._unsettled = {order_id: self._unsettled.get(order_id, now_ms) for order_id in open_ones}
