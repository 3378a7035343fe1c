"""Every alert of Prometheus, once. The rules file, the tables of docs/monitoring.md and the tests read this table."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

PAGE = "docs/monitoring.md"


class Severity(StrEnum):
    """Critical: money or the machine is at risk now. Warning: it will be, if nobody looks."""

    CRITICAL = "critical"
    WARNING = "warning"


class Scope(StrEnum):
    """What an alert is about, and thereby who tells of it: Alertmanager of the host, COIN-WATCH of a bot."""

    HOST = "host"
    BOT = "bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusRule:
    """One alert. `expr`: PromQL at its real pace; `for_s`: how long it must hold, in seconds; `summary`: a sentence
    with Prometheus' placeholders; `means`, `look`: for the runbook."""

    name: str
    scope: Scope
    severity: Severity
    expr: str
    for_s: float
    summary: str
    means: str
    look: str

    @property
    def runbook(self) -> str:
        """Where the page tells what to do."""
        return f"{PAGE}#{self.name.lower()}"


CRITICAL, WARNING, HOST, BOT = Severity.CRITICAL, Severity.WARNING, Scope.HOST, Scope.BOT
_REAL_DISK = 'job="host",fstype!~"tmpfs|ramfs|squashfs|iso9660|fuse.*"'


def _disk_over(percent: int) -> str:
    """PromQL: file systems that can be written and are used to more than `percent`."""
    free, size = (f"node_filesystem_{what}_bytes{{{_REAL_DISK}}}" for what in ("avail", "size"))
    return f"100 * (1 - {free} / {size}) > {percent} and node_filesystem_readonly{{{_REAL_DISK}}} == 0"


HOST_RULES = (
    PrometheusRule(
        name="TargetDown", scope=HOST, severity=CRITICAL, expr="up == 0", for_s=60,
        summary="{{ $labels.job }} on {{ $labels.instance }} does not answer",
        means="Prometheus asked for figures and got none for a minute. Job cointrader is the dashboard.",
        look="`./coin status` and `./coin monitoring status`; `./coin logs dashboard`. A dashboard that was stopped "
        "by hand is down, too: `./coin monitoring stop` goes with `./coin stop`.",
    ),
    PrometheusRule(
        name="ProcessDown", scope=HOST, severity=CRITICAL, expr="coin_process_up == 0", for_s=60,
        summary="{{ $labels.process }} does not run",
        means="PM2 knows the process and it has not run for a minute.",
        look="`./coin status`, then `./coin logs` of that process: its last lines say why it ended. Code 75 means "
        "another instance, 78 wrong settings; neither is restarted.",
    ),
    PrometheusRule(
        name="RestartLoop", scope=HOST, severity=CRITICAL, expr="increase(coin_process_restarts_total[15m]) > 3",
        for_s=0,
        summary="{{ $labels.process }} was restarted more than three times in 15 minutes",
        means="The process ends again and again; PM2 gives up after 15 quick ends.",
        look="`./coin logs` of that process, then `./coin doctor`.",
    ),
    PrometheusRule(
        name="HostCpuBusy", scope=HOST, severity=WARNING, for_s=300,
        expr='100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{job="host",mode="idle"}[2m]))) > 90',
        summary="Processors are busy to {{ $value | printf \"%.0f\" }} %",
        means="All cores together were idle for less than a tenth of five minutes. Orders then leave late.",
        look="`top`; a backtest, a sweep or a backup on the bot's machine can wait or run with `nice`.",
    ),
    PrometheusRule(
        name="HostMemoryLow", scope=HOST, severity=WARNING, for_s=300,
        expr='100 * (1 - node_memory_MemAvailable_bytes{job="host"} / node_memory_MemTotal_bytes) > 85',
        summary="Memory is used to {{ $value | printf \"%.0f\" }} %",
        means="Less than 15 % can be given to programs. When none is left the kernel ends one of them.",
        look="`./coin status` shows each process' memory; `ps aux --sort=-rss | head` all others'.",
    ),
    PrometheusRule(
        name="DiskFilling", scope=HOST, severity=WARNING, for_s=600, expr=_disk_over(80),
        summary="{{ $labels.mountpoint }} is full to {{ $value | printf \"%.0f\" }} %",
        means="A file system has been more than four fifths full for ten minutes.",
        look="`du -xh --max-depth=2 / | sort -h | tail`; old backups and logs first. `./coin doctor` shows what the "
        "bot's own files take.",
    ),
    PrometheusRule(
        name="DiskFull", scope=HOST, severity=CRITICAL, for_s=300, expr=_disk_over(95),
        summary="{{ $labels.mountpoint }} is full to {{ $value | printf \"%.0f\" }} %",
        means="Soon nothing can be written. A bot that cannot write its ledger sends nothing.",
        look="Make room now: old backups, logs, package caches. Never delete `ledger.db` or its `-wal`.",
    ),
    PrometheusRule(
        name="OutOfMemoryKill", scope=HOST, severity=CRITICAL, for_s=0,
        expr='increase(node_vmstat_oom_kill{job="host"}[10m]) > 0',
        summary="The kernel ended a process for want of memory",
        means="It may have been the bot, which PM2 starts again, or its database.",
        look="`journalctl -k | grep -i 'out of memory'` names the process; then HostMemoryLow.",
    ),
    PrometheusRule(
        name="WatcherSilent", scope=HOST, severity=CRITICAL, expr="coin_watcher_up == 0", for_s=30,
        summary="COIN-WATCH does not look: nobody would tell of a bot's trouble",
        means="Its document is older than ten seconds, or it never ran, although WATCH is on. The bot trades on.",
        look="`./coin status` and `./coin logs watch`; `./coin start` starts it.",
    ),
    PrometheusRule(
        name="AlertsNotDelivered", scope=HOST, severity=CRITICAL, for_s=0,
        expr="increase(alertmanager_notifications_failed_total[10m]) > 0",
        summary="Alertmanager could not deliver to {{ $labels.integration }}",
        means="An alert of the host was not taken by the sink it was sent to.",
        look="`data/monitoring/alertmanager.log` has the sink's answer.",
    ),
)  # fmt: skip

BOT_RULES = (
    PrometheusRule(
        name="BotDown", scope=BOT, severity=CRITICAL, expr="bot_up == 0", for_s=60,
        summary="The bot is not able to trade: its file is not fresh, or it may not send",
        means="`bot_up` is 1 while the bot writes its state, owns its lock and can write its ledger.",
        look="`./coin status` says which word holds (offline, stale, hung, locked out, ledger gone) and the way out.",
    ),
    PrometheusRule(
        name="BotNoDecisions", scope=BOT, severity=WARNING, for_s=60,
        expr="bot_decision_age_seconds > 2 * bot_bar_seconds",
        summary="No product was decided on for {{ $value | humanizeDuration }}",
        means="Two bars and a minute passed without a decision on any product, while the bot trades.",
        look="The page *Why* and *Health*: candles late, a strategy that does not answer, or a market that is closed.",
    ),
    PrometheusRule(
        name="BotEquityDrop", scope=BOT, severity=WARNING, for_s=60,
        expr="100 * (1 - bot_time_weighted_index / max_over_time(bot_time_weighted_index[1h])) > 5",
        summary="Equity fell by {{ $value | printf \"%.1f\" }} % within an hour",
        means="The time-weighted curve, which deposits and withdrawals do not move, lost more than 5 % of its highest "
        "value of the last hour.",
        look="*Positions* and *Performance*. `./coin pause` makes no entries, `./coin flatten` sells everything.",
    ),
    PrometheusRule(
        name="BotKilled", scope=BOT, severity=CRITICAL, expr="bot_killed == 1", for_s=0,
        summary="The kill latch holds: nothing is sent",
        means="A person, the file KILL, the dashboard's kill switch or the risk rules engaged it.",
        look="`./coin status` says who and when. `./coin reset-kill` lifts the latch once the cause is known.",
    ),
    PrometheusRule(
        name="BotEntriesLatched", scope=BOT, severity=WARNING, expr="bot_risk_limit_tripped == 1", for_s=60,
        summary="The limit {{ $labels.limit }} has tripped: no entries",
        means="A limit of docs/risk.md is over its value; exits go on.",
        look="The page *Risk* shows the value, the limit and when it opens: by itself, at 00:00 UTC, or by Start.",
    ),
    PrometheusRule(
        name="BotOrderUnknown", scope=BOT, severity=CRITICAL, expr="bot_orders_unknown > 0", for_s=60,
        summary="{{ $value }} order(s) were sent and have had no answer for a minute",
        means="The exchange may have made the order or not; the bot looks it up and never sends it twice.",
        look="*Orders*; the exchange's status page. It clears by itself once the exchange answers.",
    ),
    PrometheusRule(
        name="BotFeedStale", scope=BOT, severity=WARNING, expr="bot_ws_age_seconds > 5", for_s=15,
        summary="The stream has been silent for {{ $value | humanizeDuration }}",
        means="Heartbeats come each second: five without one, and the connection is dead.",
        look="*Health*, *Feeds*; it reconnects by itself. Exits are judged on the last known price meanwhile.",
    ),
    PrometheusRule(
        name="BotBlind", scope=BOT, severity=CRITICAL, expr="bot_blind_seconds > 0", for_s=30,
        summary="The bot has had no data from the exchange for {{ $value | humanizeDuration }}",
        means="Stream or REST is gone for longer than five seconds: no entry is made on old prices.",
        look="`./coin status`; this machine's network; the exchange's status page.",
    ),
    PrometheusRule(
        name="BotLedgerUnwritable", scope=BOT, severity=CRITICAL, expr="bot_ledger_writable == 0", for_s=0,
        summary="The ledger cannot be written: nothing is sent",
        means="The disk is full, the file is gone, or the database server does not answer.",
        look="`./coin status` has the error. Make room, or follow docs/ledger.md for a file that is gone.",
    ),
    PrometheusRule(
        name="BotRateLimited", scope=BOT, severity=WARNING, for_s=0,
        expr="increase(bot_rest_rate_limited_total[5m]) > 5",
        summary="The exchange refused {{ $value | printf \"%.0f\" }} requests in five minutes: too many (429)",
        means="The bot halves its own rate at each 429; another program may use the same key or address.",
        look="*Health*: budget and requests. Give each program a key of its own.",
    ),
    PrometheusRule(
        name="BotApiSlow", scope=BOT, severity=WARNING, for_s=60,
        expr="histogram_quantile(0.9, sum without (instance, job) (rate(bot_rest_request_seconds_bucket[5m]))) > 2",
        summary="One request in ten takes longer than {{ $value | printf \"%.1f\" }} s",
        means="Of five minutes' requests to the exchange, a tenth took more than two seconds.",
        look="The exchange's status page, then this machine's network and load (HostCpuBusy).",
    ),
    PrometheusRule(
        name="BotCommitSlow", scope=BOT, severity=WARNING, for_s=60,
        expr="histogram_quantile(0.99, sum without (instance, job) (rate(bot_ledger_commit_seconds_bucket[5m]))) > 0.1",
        summary="A commit of the ledger takes {{ $value | printf \"%.2f\" }} s",
        means="An order waits for the commit of its record: one in a hundred took more than 100 ms.",
        look="The disk (`iostat -x 1`), a backup or another program that reads the ledger at length.",
    ),
    PrometheusRule(
        name="BotLoopLag", scope=BOT, severity=WARNING, for_s=0,
        # Counted, no percentile: a loop that stalls has few samples, and thousands in between that are short.
        expr="increase(bot_loop_lag_seconds_count[5m])"
        ' - ignoring (le) increase(bot_loop_lag_seconds_bucket{le="1.0"}[5m]) > 2',
        summary="The bot's event loop stalled {{ $value | printf \"%.0f\" }} times in five minutes",
        means="For more than a second each, in which nothing is judged. A slow strategy runs beside the loop: that is "
        "not the cause.",
        look="HostCpuBusy and HostMemoryLow; a process that was stopped by a signal; a program that locks the ledger; "
        "a machine that sleeps.",
    ),
    PrometheusRule(
        name="BotClockOff", scope=BOT, severity=WARNING, expr="abs(bot_clock_offset_milliseconds) > 2000", for_s=60,
        summary="This machine's clock differs from the exchange's by {{ $value | printf \"%.0f\" }} ms",
        means="Beyond five seconds no entry is made, and the exchange refuses signed requests.",
        look="`timedatectl`: time synchronisation must be on.",
    ),
)  # fmt: skip

RULES = (*HOST_RULES, *BOT_RULES)


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert of `source` fires, those of `targets` with the same `equal` labels are not told."""

    source: str
    targets: tuple[str, ...]
    equal: tuple[str, ...]


INHIBITIONS = (
    Inhibition("DiskFull", ("DiskFilling",), ("instance", "mountpoint")),
    Inhibition("RestartLoop", ("ProcessDown",), ("process",)),
    Inhibition(
        "BotDown", tuple(rule.name for rule in BOT_RULES if rule.name not in ("BotDown", "BotKilled")), ("bot",)
    ),
    Inhibition("BotKilled", ("BotNoDecisions", "BotEntriesLatched"), ("bot",)),
    Inhibition("BotBlind", ("BotFeedStale", "BotNoDecisions", "BotApiSlow"), ("bot",)),
)


def groups() -> Iterator[tuple[str, tuple[PrometheusRule, ...]]]:
    """(name, rules) of each group of the rules file."""
    yield "host", HOST_RULES
    yield "bot", BOT_RULES
