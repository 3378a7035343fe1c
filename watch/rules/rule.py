"""What a rule is, and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.documents.alerts import AlertSeverity
from watch.observations import BotObservation, Observations


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """Of the thresholds, those that are settings."""

    pnl_loss_usd: float = 0.0  # ALERT_PNL_THRESHOLD; 0 = off
    stale_data_s: float = 30.0  # STALE_DATA_SEC
    maker_timeout_s: float = 30.0  # MAKER_TIMEOUT_SEC
    exposure_maker_s: float = 300.0  # EXPOSURE_MAKER_SEC
    bar_s: float = 60.0  # GRANULARITY
    supervised: bool = True  # PM2 should be there: this process was started by it
    key_max_age_s: float = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """What one rule sees of one subject now.

    `share`: of the way to the threshold, 1 and above is beyond it; None = it is a yes or no. `cause`: what it belongs
    to: findings of one cause are one alert. `title` and `text` are for a person, and are read only where `bad`.
    """

    subject: str
    bad: bool
    cause: str
    value: str
    title: str = ""
    text: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One row of the table. `for_s`: how long it must hold; `urgent`: told within 5 s after that."""

    name: str
    title: str
    group: str
    looks_at: str
    threshold: str
    severity: AlertSeverity
    judge: Callable[[Observations, WatchLimits], Iterable[RuleFinding]]
    for_s: float = 0.0
    urgent: bool = False
    todo: str = ""  # one sentence: what a person does first

    @property
    def runbook(self) -> str:
        """Its section of docs/operations.md."""
        return f"docs/operations.md#{self.name.replace('_', '-')}"


BotJudge = Callable[[BotObservation, Observations, WatchLimits], RuleFinding | None]


def each_bot(judge: BotJudge) -> Callable[[Observations, WatchLimits], list[RuleFinding]]:
    """A rule about one bot, asked of every bot; None = it cannot be told of that one now."""

    def every(seen: Observations, limits: WatchLimits) -> list[RuleFinding]:
        found = (judge(bot, seen, limits) for bot in seen.bots)
        return [finding for finding in found if finding is not None]

    return every


def exchange_cause(bot: BotObservation) -> str:
    """The exchange of a mode is one cause, however many bots trade on it."""
    return f"exchange.{bot.mode or 'unknown'}"
