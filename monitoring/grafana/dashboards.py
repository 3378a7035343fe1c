"""The four dashboards: Bot, Fleet, Infrastructure, Exchange."""

from monitoring.grafana.panel import GrafanaDashboard, GrafanaPanel, PanelKind, PanelQuery, PanelUnit

Q, P, U, K = PanelQuery, GrafanaPanel, PanelUnit, PanelKind
_B = 'bot=~"$bot"'
_I = 'instance=~"$instance"'
_DISK_USED = f"100 * (1 - node_filesystem_avail_bytes{{{_I}}} / node_filesystem_size_bytes{{{_I}}})"
_ALARM = ((0.0, "green"), (1.0, "red"))
_GOOD = ((0.0, "red"), (1.0, "green"))


def _quantiles(metric: str) -> tuple[PanelQuery, ...]:
    """Median and 99th percentile of a histogram, for each bot."""
    return tuple(
        Q(
            f"histogram_quantile({share}, sum by (bot, le) (rate({metric}_bucket{{{_B}}}[$__rate_interval])))",
            f"{{{{bot}}}} {name}",
        )
        for share, name in ((0.5, "median"), (0.99, "99th"))
    )


BOT = GrafanaDashboard(
    "coin-bot", "Bot", "Money, decisions and orders of one bot.",
    (
        P("Able to trade", "1 while its file is fresh and it may send orders.", (Q(f"bot_up{{{_B}}}", "{{bot}}"),),
          U.YES_NO, K.NUMBER, 4, 4, _GOOD),
        P("Killed", "1 while the kill latch holds.", (Q(f"bot_killed{{{_B}}}", "{{bot}}"),), U.YES_NO, K.NUMBER, 4, 4,
          _ALARM),
        P("Equity", "Cash and holdings at their marks.", (Q(f"bot_equity_usd{{{_B}}}", "{{bot}}"),), U.USD, K.NUMBER, 4,
          4),
        P("Today", "Result of the UTC day after fees.", (Q(f"bot_day_pnl_usd{{{_B}}}", "{{bot}}"),), U.USD, K.NUMBER, 4,
          4),
        P("Drawdown", "Fall of the curve from its peak.", (Q(f"bot_drawdown_percent{{{_B}}}", "{{bot}}"),),
          U.PERCENT, K.NUMBER, 4, 4),
        P("Open lots", "Lots that wait for their exit.", (Q(f"bot_lots{{{_B}}}", "{{bot}}"),), U.NONE, K.NUMBER, 4, 4),
        P("Equity and cash", "The account's balance over time.",
          (Q(f"bot_equity_usd{{{_B}}}", "{{bot}} equity"), Q(f"bot_cash_usd{{{_B}}}", "{{bot}} cash")), U.USD),
        P("Result of the day", "Everything, what is realised of it, and the fees.",
          (Q(f"bot_day_pnl_usd{{{_B}}}", "all"), Q(f"bot_day_realized_usd{{{_B}}}", "realised"),
           Q(f"bot_open_pnl_usd{{{_B}}}", "open lots"), Q(f"-bot_day_fees_usd{{{_B}}}", "fees")), U.USD),
        P("Prices and what the strategy computes", "Last price of each product with its moving averages or bands.",
          (Q(f"bot_price_usd{{{_B}}}", "{{product_id}}"),
           Q(f'bot_signal_value{{{_B},name!~".*(pct|ratio|score).*"}}', "{{product_id}} {{name}}")), U.USD, K.LINES, 24,
          10),
        P("Trades", "Lots opened, and closed with a gain or a loss, in each interval.",
          (Q(f"increase(bot_trades_total{{{_B}}}[$__rate_interval])", "{{result}}"),)),
        P("Decisions", "Signals of the strategy in each interval.",
          (Q(f"increase(bot_decisions_total{{{_B}}}[$__rate_interval])", "{{signal}}"),)),
        P("Exposure", "Value of the open lots of each product.", (Q(f"bot_position_usd{{{_B}}}", "{{product_id}}"),),
          U.USD),
        P("Open orders", "Orders by state; those without an answer apart.",
          (Q(f"bot_orders_working{{{_B}}}", "{{state}}"), Q(f"bot_orders_unknown{{{_B}}}", "no answer"))),
        P("Limits that tripped", "1 where a risk limit shuts entries; the kill latch with it.",
          (Q(f"bot_risk_limit_tripped{{{_B}}}", "{{limit}}"), Q(f"bot_killed{{{_B}}}", "killed")), U.YES_NO, K.STATES),
        P("Volatility factor", "By which the size of an entry is multiplied.",
          (Q(f"bot_vol_risk_factor{{{_B}}}", "{{bot}}"),)),
        P("From decision to accepted order", "The exchange's yes included.", _quantiles("bot_order_ack_seconds"),
          U.SECONDS),
        P("Ledger commits", "An order waits for the commit of its record.", _quantiles("bot_ledger_commit_seconds"),
          U.SECONDS),
    ),
    ("bot", "bot_up"),
)  # fmt: skip

FLEET = GrafanaDashboard(
    "coin-fleet", "Fleet", "Every bot side by side, and what fires.",
    (
        P("Bots that can trade", "Of all that are scraped.", (Q(f"sum(bot_up{{{_B}}})", "able"),
          Q(f"count(bot_up{{{_B}}})", "all")), U.NONE, K.NUMBER, 6, 4),
        P("Equity of all", "Their accounts together; two bots on one account count it twice.",
          (Q(f"sum(bot_equity_usd{{{_B}}})", "equity"),), U.USD, K.NUMBER, 6, 4),
        P("Today", "Results of the UTC day together.", (Q(f"sum(bot_day_pnl_usd{{{_B}}})", "today"),), U.USD, K.NUMBER,
          6, 4),
        P("Alerts that fire", "Of Prometheus' rules.", (Q('count(ALERTS{alertstate="firing"}) or vector(0)', "now"),),
          U.NONE, K.NUMBER, 6, 4, _ALARM),
        P("Verdict", "The one word for each bot, over time.", (Q(f"bot_verdict{{{_B}}} == 1", "{{bot}} {{verdict}}"),),
          U.NONE, K.STATES, 24, 6),
        P("Equity", "Of each bot.", (Q(f"bot_equity_usd{{{_B}}}", "{{bot}}"),), U.USD),
        P("Growth", "Of one unit of money since each ledger began, transfers left out.",
          (Q(f"bot_time_weighted_index{{{_B}}}", "{{bot}}"),)),
        P("Drawdown", "Of each bot.", (Q(f"bot_drawdown_percent{{{_B}}}", "{{bot}}"),), U.PERCENT),
        P("Open lots", "Of each bot.", (Q(f"bot_lots{{{_B}}}", "{{bot}}"),)),
        P("Bots' memory", "Resident, as each bot reports it.",
          (Q(f"bot_rss_megabytes{{{_B}}} * 1024 * 1024", "{{bot}}"),), U.BYTES),
        P("Bots' processors", "Share of a core.", (Q(f"100 * rate(bot_cpu_seconds_total{{{_B}}}[$__rate_interval])",
          "{{bot}}"),), U.PERCENT),
        P("Age of the newest decision", "Since the end of the newest bar that was decided on.",
          (Q(f"bot_decision_age_seconds{{{_B}}}", "{{bot}}"),), U.SECONDS),
        P("Alerts", "Every alert over time.", (Q('ALERTS{alertstate="firing"}', "{{alertname}} {{bot}}{{process}}"),),
          U.NONE, K.STATES),
    ),
    ("bot", "bot_up"),
)  # fmt: skip

INFRASTRUCTURE = GrafanaDashboard(
    "coin-infrastructure", "Infrastructure", "The host and every process on it.",
    (
        P("Up since", "When the host started.", (Q(f"node_boot_time_seconds{{{_I}}} * 1000", "{{instance}}"),), U.SINCE,
          K.NUMBER, 6, 4),
        P("Processor", "Busy share of all cores.",
          (Q(f'100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{{{_I},mode="idle"}}[$__rate_interval])))',
             "{{instance}}"),), U.PERCENT, K.NUMBER, 6, 4, ((0.0, "green"), (90.0, "red"))),
        P("Memory", "Share that is used.",
          (Q(f"100 * (1 - node_memory_MemAvailable_bytes{{{_I}}} / node_memory_MemTotal_bytes{{{_I}}})",
             "{{instance}}"),), U.PERCENT, K.NUMBER, 6, 4, ((0.0, "green"), (85.0, "red"))),
        P("Fullest disk", "Share that is used.",
          (Q(f"max by (instance) ({_DISK_USED})", "{{instance}}"),), U.PERCENT, K.NUMBER, 6, 4,
          ((0.0, "green"), (80.0, "orange"), (95.0, "red"))),
        P("Processors by mode", "All cores together.",
          (Q(f'sum by (mode) (rate(node_cpu_seconds_total{{{_I},mode!="idle"}}[$__rate_interval]))', "{{mode}}"),)),
        P("Load", "Processes that run or wait, over one and fifteen minutes.",
          (Q(f"node_load1{{{_I}}}", "one minute"), Q(f"node_load15{{{_I}}}", "fifteen"))),
        P("Memory", "What can still be given to programs, of all there is.",
          (Q(f"node_memory_MemAvailable_bytes{{{_I}}}", "available"), Q(f"node_memory_MemTotal_bytes{{{_I}}}", "all")),
          U.BYTES),
        P("Disks", "Used share of each file system.",
          (Q(_DISK_USED, "{{mountpoint}}"),), U.PERCENT),
        P("Network", "Bytes received, and sent below the line.",
          (Q(f"rate(node_network_receive_bytes_total{{{_I}}}[$__rate_interval])", "{{device}} in"),
           Q(f"-rate(node_network_transmit_bytes_total{{{_I}}}[$__rate_interval])", "{{device}} out")),
          U.BYTES_PER_SECOND),
        P("Out of memory", "Processes that the kernel ended.", (Q(f"node_vmstat_oom_kill{{{_I}}}", "{{instance}}"),)),
        P("Our processes", "1 while PM2's process runs.", (Q("coin_process_up", "{{process}}"),), U.YES_NO, K.STATES),
        P("Restarts", "Since each process was started by hand.", (Q("coin_process_restarts_total", "{{process}}"),)),
        P("Memory of our processes", "Resident, as PM2 sees it.", (Q("coin_process_resident_bytes", "{{process}}"),),
          U.BYTES),
        P("Uptime of our processes", "Since each last started.",
          (Q("time() - coin_process_start_time_seconds", "{{process}}"),), U.SECONDS),
        P("Files between the processes", "Ledger, market, state.", (Q("coin_file_bytes", "{{file}}"),), U.BYTES),
        P("Scrapes", "How long each page of figures took.", (Q("scrape_duration_seconds", "{{job}}"),), U.SECONDS),
    ),
    ("instance", "node_memory_MemTotal_bytes"),
)  # fmt: skip

EXCHANGE = GrafanaDashboard(
    "coin-exchange", "Exchange", "Streams, requests, limits and clocks.",
    (
        P("Stream", "1 while it is connected.", (Q(f"bot_ws_connected{{{_B}}}", "{{bot}}"),), U.YES_NO, K.NUMBER, 6, 4,
          _GOOD),
        P("Blind for", "Without data from the exchange.", (Q(f"bot_blind_seconds{{{_B}}}", "{{bot}}"),), U.SECONDS,
          K.NUMBER, 6, 4, _ALARM),
        P("Budget", "Request budget that is left.", (Q(f"bot_rest_budget_percent{{{_B}}}", "{{bot}}"),), U.PERCENT,
          K.NUMBER, 6, 4),
        P("Clock", "The exchange's minus ours.", (Q(f"bot_clock_offset_milliseconds{{{_B}}} / 1000", "{{bot}}"),),
          U.SECONDS, K.NUMBER, 6, 4),
        P("Age of each channel", "Since its last message; the user channel is silent without orders.",
          (Q(f"bot_channel_age_seconds{{{_B}}}", "{{channel}} {{product_id}}"),), U.SECONDS),
        P("Age of the stream", "Since the last message of any kind; heartbeats come each second.",
          (Q(f"bot_ws_age_seconds{{{_B}}}", "{{bot}}"),), U.SECONDS),
        P("Age of prices", "Since each price came.", (Q(f"bot_price_age_seconds{{{_B}}}", "{{product_id}}"),),
          U.SECONDS),
        P("Breaks of the stream", "Reconnections and gaps in each interval.",
          (Q(f"increase(bot_ws_reconnects_total{{{_B}}}[$__rate_interval])", "reconnections"),
           Q(f"increase(bot_ws_gaps_total{{{_B}}}[$__rate_interval])", "gaps"))),
        P("Requests", "Each second: all, failed, and refused as too many (429).",
          (Q(f"rate(bot_rest_calls_total{{{_B}}}[$__rate_interval])", "all"),
           Q(f"rate(bot_rest_errors_total{{{_B}}}[$__rate_interval])", "failed"),
           Q(f"rate(bot_rest_rate_limited_total{{{_B}}}[$__rate_interval])", "429")), U.PER_SECOND),
        P("Time of requests", "Whatever came back.", _quantiles("bot_rest_request_seconds"), U.SECONDS),
        P("Messages", "Of the streams, each second.", (Q(f"rate(bot_ws_messages_total{{{_B}}}[$__rate_interval])",
          "{{bot}}"),), U.PER_SECOND),
        P("Lag of the bot's loop", "A busy machine or a stall shows here first.", _quantiles("bot_loop_lag_seconds"),
          U.SECONDS),
    ),
    ("bot", "bot_up"),
)  # fmt: skip

DASHBOARDS = (BOT, FLEET, INFRASTRUCTURE, EXCHANGE)
