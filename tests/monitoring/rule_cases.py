"""For each rule of Prometheus a course of figures at which it fires, and a near miss at which it is silent.

Values are written as promtool takes them, one each 15 seconds: "0x4" is a value and four more, "1+2x4" rises by two.
"""

from dataclasses import dataclass, field

BOT = 'bot="main",instance="d:1",job="cointrader"'
AT_BOT = {"bot": "main", "instance": "d:1", "job": "cointrader"}
HOST = 'instance="h:1",job="host"'
AT_HOST = {"instance": "h:1", "job": "host"}
Series = dict[str, str]


@dataclass(frozen=True)
class RuleCase:
    """`at`: when it is looked at; `labels`, `summary`: of the alert that fires then."""

    at: str
    fires: Series
    labels: dict[str, str]
    summary: str
    silent: Series = field(default_factory=dict)


def _bot(name: str, values: str, more: str = "") -> Series:
    return {f"{name}{{{BOT}{more}}}": values}


def _host(name: str, values: str, more: str = "") -> Series:
    return {f"{name}{{{HOST}{more}}}": values}


def _disk(free: str, read_only: int = 0) -> Series:
    more = ',device="/dev/a",fstype="ext4",mountpoint="/"'
    return {
        **_host("node_filesystem_avail_bytes", free, more),
        **_host("node_filesystem_size_bytes", "100x60", more),
        **_host("node_filesystem_readonly", f"{read_only}x60", more),
    }


def _slow(name: str, limit: str, fast: str, slow: str) -> Series:
    """A histogram of one bound, ten seconds and all; `fast`: counts up to the bound."""
    return {
        **_bot(f"{name}_count", slow),
        **_bot(f"{name}_bucket", fast, f',le="{limit}"'),
        **_bot(f"{name}_bucket", slow, ',le="10"'),
        **_bot(f"{name}_bucket", slow, ',le="+Inf"'),
    }


_DISK_LABELS = {**AT_HOST, "device": "/dev/a", "fstype": "ext4", "mountpoint": "/"}

CASES = {
    "TargetDown": RuleCase(
        "2m", {'up{job="host",instance="h:1"}': "1 0x8"}, AT_HOST, "host on h:1 does not answer",
        {'up{job="host",instance="h:1"}': "1 0x3 1 0x3"},
    ),
    "ProcessDown": RuleCase(
        "2m", _bot("coin_process_up", "0x8", ',process="COIN-BOT"'), {**AT_BOT, "process": "COIN-BOT"},
        "COIN-BOT does not run", _bot("coin_process_up", "1x4 0x3", ',process="COIN-BOT"'),
    ),
    "RestartLoop": RuleCase(
        "16m", _bot("coin_process_restarts_total", "0x30 1x5 2x5 3x5 4x20", ',process="COIN-BOT"'),
        {**AT_BOT, "process": "COIN-BOT"}, "COIN-BOT was restarted more than three times in 15 minutes",
        _bot("coin_process_restarts_total", "0x30 1x10 2x20 2x20", ',process="COIN-BOT"'),
    ),
    "HostCpuBusy": RuleCase(
        "9m", _host("node_cpu_seconds_total", "0+1x60", ',cpu="0",mode="idle"'), {"instance": "h:1"},
        "Processors are busy to 93 %", _host("node_cpu_seconds_total", "0+1x16 16+3x44", ',cpu="0",mode="idle"'),
    ),
    "HostMemoryLow": RuleCase(
        "6m", {**_host("node_memory_MemAvailable_bytes", "14x60"), **_host("node_memory_MemTotal_bytes", "100x60")},
        AT_HOST, "Memory is used to 86 %",
        {**_host("node_memory_MemAvailable_bytes", "16x60"), **_host("node_memory_MemTotal_bytes", "100x60")},
    ),
    "DiskFilling": RuleCase("11m", _disk("19x60"), _DISK_LABELS, "/ is full to 81 %", _disk("19x60", read_only=1)),
    "DiskFull": RuleCase("6m", _disk("4x60"), _DISK_LABELS, "/ is full to 96 %", _disk("6x60")),
    "OutOfMemoryKill": RuleCase(
        "6m", _host("node_vmstat_oom_kill", "3x10 4x30"), AT_HOST, "The kernel ended a process for want of memory",
        _host("node_vmstat_oom_kill", "3x60"),
    ),
    "WatcherSilent": RuleCase(
        "1m", _bot("coin_watcher_up", "1 0x8"), AT_BOT,
        "COIN-WATCH does not look: nobody would tell of a bot's trouble", _bot("coin_watcher_up", "0 0 1 0 0"),
    ),
    "AlertsNotDelivered": RuleCase(
        "6m", {'alertmanager_notifications_failed_total{instance="a:1",job="alertmanager",integration="slack"}':
               "0x10 1x30"},
        {"instance": "a:1", "job": "alertmanager", "integration": "slack"}, "Alertmanager could not deliver to slack",
        {'alertmanager_notifications_failed_total{instance="a:1",job="alertmanager",integration="slack"}': "5x60"},
    ),
    "BotDown": RuleCase(
        "2m", _bot("bot_up", "1 0x8"), AT_BOT,
        "The bot is not able to trade: its file is not fresh, or it may not send", _bot("bot_up", "0x3 1 0x4"),
    ),
    "BotNoDecisions": RuleCase(
        "4m", {**_bot("bot_decision_age_seconds", "0+15x20"), **_bot("bot_bar_seconds", "60x20")}, AT_BOT,
        "No product was decided on for 4m 0s",
        {**_bot("bot_decision_age_seconds", "0+15x20"), **_bot("bot_bar_seconds", "300x20")},
    ),
    "BotEquityDrop": RuleCase(
        "30m", _bot("bot_time_weighted_index", "1x60 0.94x60"), AT_BOT, "Equity fell by 6.0 % within an hour",
        _bot("bot_time_weighted_index", "1x60 0.96x60"),
    ),
    "BotKilled": RuleCase(
        "1m", _bot("bot_killed", "0 1x8"), AT_BOT, "The kill latch holds: nothing is sent", _bot("bot_killed", "1 0x8"),
    ),
    "BotEntriesLatched": RuleCase(
        "2m", _bot("bot_risk_limit_tripped", "1x8", ',limit="drawdown"'), {**AT_BOT, "limit": "drawdown"},
        "The limit drawdown has tripped: no entries",
        _bot("bot_risk_limit_tripped", "1x2 0x2 1x5", ',limit="drawdown"'),
    ),
    "BotOrderUnknown": RuleCase(
        "2m", _bot("bot_orders_unknown", "2x8"), AT_BOT, "2 order(s) were sent and have had no answer for a minute",
        _bot("bot_orders_unknown", "0x4 1x4"),
    ),
    "BotFeedStale": RuleCase(
        "1m", _bot("bot_ws_age_seconds", "1 16 31 46 61"), AT_BOT, "The stream has been silent for 1m 1s",
        _bot("bot_ws_age_seconds", "1 6 1 6 4.9"),
    ),
    "BotBlind": RuleCase(
        "1m", _bot("bot_blind_seconds", "0 5 20 35 50"), AT_BOT,
        "The bot has had no data from the exchange for 50s", _bot("bot_blind_seconds", "5 20 0 0 6"),
    ),
    "BotLedgerUnwritable": RuleCase(
        "1m", _bot("bot_ledger_writable", "1 0x8"), AT_BOT, "The ledger cannot be written: nothing is sent",
        _bot("bot_ledger_writable", "0 1x8"),
    ),
    "BotRateLimited": RuleCase(
        "6m", _bot("bot_rest_rate_limited_total", "0+1x30"), AT_BOT,
        "The exchange refused 20 requests in five minutes: too many (429)",
        _bot("bot_rest_rate_limited_total", "0x10 0 1 2 3 4x20"),
    ),
    "BotApiSlow": RuleCase(
        "8m", _slow("bot_rest_request_seconds", "2", "0+8x40", "0+10x40"), {"bot": "main"},
        "One request in ten takes longer than 6.0 s", _slow("bot_rest_request_seconds", "2", "0+19x40", "0+20x40"),
    ),
    "BotCommitSlow": RuleCase(
        "8m", _slow("bot_ledger_commit_seconds", "0.1", "0+90x40", "0+100x40"), {"bot": "main"},
        "A commit of the ledger takes 9.01 s", _slow("bot_ledger_commit_seconds", "0.1", "0+199x40", "0+200x40"),
    ),
    "BotLoopLag": RuleCase(
        "6m", _slow("bot_loop_lag_seconds", "1.0", "0+100x40", "0+101x40"), AT_BOT,
        "The bot's event loop stalled 20 times in five minutes",
        _slow("bot_loop_lag_seconds", "1.0", "0+100x4 500+100x40", "0+100x4 502+100x40"),
    ),
    "BotClockOff": RuleCase(
        "2m", _bot("bot_clock_offset_milliseconds", "-2100x8"), AT_BOT,
        "This machine's clock differs from the exchange's by 2100 ms", _bot("bot_clock_offset_milliseconds", "1900x8"),
    ),
}  # fmt: skip
