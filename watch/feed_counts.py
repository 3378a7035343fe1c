"""How many messages of the exchange reached each bot, second by second: what an alert about its feed is shown beside.

The figures are the bot's own counter at the time of its own clock. A second in which it wrote no state is not known,
and so is the one in which it began anew; a bot that lives and hears nothing has zeros.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.documents.alert_life import FEED_AFTER_S, FEED_BEFORE_S, FeedCountsDoc
from watch.alert_book import Alert
from watch.observations import BotObservation

FEED_RULES = frozenset(
    {"bot_dead", "bot_silent", "exchange_gone", "feed_stale", "requests_fail", "slow_exchange", "rate_limited"}
)
KEPT_S = FEED_BEFORE_S + FEED_AFTER_S + 30
EVERY_MS = 10_000


@dataclass(slots=True)
class _Counter:
    """`at`: second → (run, messages since its start)."""

    at: dict[int, tuple[str, int]] = field(default_factory=dict)


class FeedCounts:
    """The last minutes of every bot, in memory; `due` gives what is to be kept of the alerts that fire."""

    def __init__(self) -> None:
        self._bots: dict[str, _Counter] = {}
        self._kept_ms: dict[tuple[int, int], int] = {}  # (alert, since when it fires) → when it was last kept

    def note(self, bots: Iterable[BotObservation]) -> None:
        for bot in bots:
            if bot.state is None or bot.state.feeds is None:
                continue
            counter = self._bots.setdefault(bot.name, _Counter())
            second = bot.state.ts_ms // 1000
            counter.at[second] = (bot.state.started_at, bot.state.feeds.ws_messages)
            if len(counter.at) > KEPT_S:
                counter.at = {at: found for at, found in counter.at.items() if at > second - KEPT_S}

    def due(self, alerts: Iterable[Alert], now_ms: int) -> list[FeedCountsDoc]:
        """Of each alert about a feed: at once, then every ten seconds, until two minutes are kept or it is over."""
        found = []
        for alert in alerts:
            bot = next((subject for rule, subject in alert.sources if rule in FEED_RULES), None)
            key = (alert.number, alert.since_ms)
            last_ms = self._kept_ms.get(key)
            late = last_ms is not None and last_ms >= alert.since_ms + FEED_AFTER_S * 1000
            if bot is None or late or (last_ms is not None and now_ms - last_ms < EVERY_MS):
                continue
            self._kept_ms[key] = now_ms
            found.append(self._of(alert, bot, now_ms))
        active = {alert.number for alert in alerts}
        self._kept_ms = {key: at for key, at in self._kept_ms.items() if key[0] in active}
        return found

    def _of(self, alert: Alert, bot: str, now_ms: int) -> FeedCountsDoc:
        first = alert.since_ms // 1000 - FEED_BEFORE_S
        last = min(now_ms // 1000 - 1, alert.since_ms // 1000 + FEED_AFTER_S)  # the second that runs now is not over
        at = self._bots[bot].at if bot in self._bots else {}
        return FeedCountsDoc(
            alert=alert.number, bot=bot, begin_ms=first * 1000,
            counts=[_in_second(at, second) for second in range(first, last + 1)],
        )  # fmt: skip


def _in_second(at: dict[int, tuple[str, int]], second: int) -> int | None:
    before, now = at.get(second - 1), at.get(second)
    if before is None or now is None or before[0] != now[0] or now[1] < before[1]:
        return None
    return now[1] - before[1]
