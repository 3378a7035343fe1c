"""What a person does about each rule, for docs/operations.md. The process does not load it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunbookEntry:
    """`means`: what is wrong and what is not; `look`: what to look at, in order; `act`: what mends it."""

    means: str
    look: str
    act: str


RUNBOOK: Mapping[str, RunbookEntry] = {
    "bot_dead": RunbookEntry(
        "The bot's process is gone and nobody ended it. Take profits that rest at the exchange can still fill; stops "
        "and "
        "trailing stops are kept by the bot and wait. PM2 starts it again; the alert is over when the next run trades.",
        "`./coin status`; `./coin logs bot`: the last lines, and those of the next start, which say how the run ended.",
        "Nothing, if it came back. Else `./coin start`. Killed by the kernel: see oom_kill.",
    ),
    "bot_silent": RunbookEntry(
        "The process lives and has not written its state for 5 s: it is held by a signal, its disk hangs, or its loop "
        "stands still. After WATCHDOG_SEC it is ended by itself and started again.",
        "`./coin status` (STALE, later HUNG); `./coin logs bot` names where the loop stood; `df -h`, `iostat`.",
        "Wait 15 s. If it stays HUNG: Restart on the dashboard, or `./coin restart`.",
    ),
    "state_unreadable": RunbookEntry(
        "`bot_state.json` exists and is no document of this version. The bot may well trade; nothing can be told of "
        "it.",
        "`./coin doctor`; is the bot of another checkout or version?",
        "The bot's next write repairs a damaged file. Different versions: `./coin restart` from one checkout.",
    ),
    "restart_loop": RunbookEntry(
        "More than three runs in 15 minutes ended without an orderly end. After SAFE_STARTS of them the bot starts in "
        "SAFE.",
        "`./coin logs bot -n 200`: each start says how the run before ended.",
        "`./coin pause` while you look; mend what the log names; a bug: `./coin incident` packs what is needed.",
    ),
    "bot_ended": RunbookEntry(
        "It ended with a code that no restart mends: 75, another instance holds the data folder; 78 or ERROR, a "
        "setting, "
        "the key, the clock or the folder must be changed by a person. PM2 leaves it stopped.",
        "`./coin doctor` names it; `./coin logs bot`.",
        "Change what is named, then `./coin start`.",
    ),
    "bot_safe": RunbookEntry(
        "It ended badly too often within ten minutes. In SAFE no strategy runs and nothing is bought or sold; it "
        "answers, "
        "and kill, cancel and flatten work.",
        "`./coin logs bot`: how each of the last runs ended.",
        "`./coin run` when the cause is gone.",
    ),
    "killed": RunbookEntry(
        "Somebody or something killed it: a person, the file KILL, or the settings. Its orders are cancelled, nothing "
        "is "
        "sent, and it stays so over restarts. Lots stay open without an exit.",
        "`./coin status` and `./coin audit` say who; the Orders page shows that none is left.",
        "`./coin reset-kill`, then `./coin run`. Or `./coin flatten` after the reset.",
    ),
    "may_not_send": RunbookEntry(
        "Its lock was replaced, its data folder is a copy that nobody adopted, or another bot trades under its name. "
        "It "
        "sends nothing, or enters nothing, as two writers would sell twice.",
        "`./coin doctor`; who started the other bot, and from which folder?",
        "End the other one. A copy: `./coin adopt-folder`. A second writer: `./coin run` after it is gone.",
    ),
    "slow_boot": RunbookEntry(
        "It has been starting for more than two minutes. It waits for what the phase's note names, most often the "
        "exchange.",
        "`./coin status` shows phase and note; `./coin doctor --json`.",
        "What the note names. It goes on by itself when it is there.",
    ),
    "entries_latched": RunbookEntry(
        "A limit, a failed check or a difference keeps entries shut. Exits go on. Some open by themselves, others wait "
        "for Start.",
        "The Risk page; `./coin status`.",
        "`./coin run` once you know why.",
    ),
    "strategy_silent": RunbookEntry(
        "The strategy has not answered for longer than WATCHDOG_SEC. No entry is made; exits, commands and kill go on.",
        "`./coin logs bot` names the line where it stands.",
        "Mend the strategy; `./coin restart` ends the hanging call.",
    ),
    "model_unusable": RunbookEntry(
        "`STRATEGY=learned` says nothing: its model has expired, its features drifted away from those of training, its "
        "files were changed, it knows another product or bar length, or none is promoted. What is held is kept.",
        "`./coin model list`; `./coin model show NAME`.",
        "Train a new one and promote it after its time in shadow (docs/learning.md), or choose another `STRATEGY`.",
    ),
    "no_decision": RunbookEntry(
        "Bars close and no decision is made on them: candles come late, the strategy needs more bars, or it fails.",
        "The Strategy and Why pages; the ages of candles on the Health page.",
        "`./coin logs bot` says what failed.",
    ),
    "records_still": RunbookEntry(
        "The bot says that it trades, and nothing reaches its ledger or its market records, of which equity alone is "
        "a row "
        "a minute.",
        "`ls -l` of the data folder; `df -h`; `./coin doctor`.",
        "A full or read-only disk: make room. Else `./coin restart`.",
    ),
    "control_damaged": RunbookEntry(
        "`control.json` cannot be read, so commands do not reach the bot; the last valid request stays in force.",
        "`./coin status`; who edits the file by hand?",
        "Any command writes it anew, such as `./coin run`. The file `KILL` works in any case.",
    ),
    "day_loss": RunbookEntry(
        "The day's loss reached its limit. Entries are shut until the next UTC day; exits go on.",
        "The Performance and Positions pages.",
        "Nothing, or `./coin flatten`. Do not raise the limit today.",
    ),
    "drawdown": RunbookEntry(
        "The fall from the highest equity reached its limit. Entries are latched until Start.",
        "The Performance page: which lots, which product, since when.",
        "`./coin run` counts the fall from there, so look first.",
    ),
    "pnl": RunbookEntry(
        "The day's result passed the figure that you set. It shuts nothing.",
        "The Performance page.",
        "Another ALERT_PNL_THRESHOLD, or `./coin pause`.",
    ),
    "order_unknown": RunbookEntry(
        "An order was sent and no answer came for a minute. It is looked up by its id, never sent again; it holds its "
        "capital and blocks its product.",
        "The Orders page; the same order on the exchange's own page.",
        "It settles by itself when the exchange answers. See exchange_gone.",
    ),
    "order_lost": RunbookEntry(
        "Three complete searches found no trace of an order that the exchange had accepted. Entries wait.",
        "The exchange's own page and its status page.",
        "`./coin cancel ID` ends it, where the exchange holds no funds for it.",
    ),
    "order_stands": RunbookEntry(
        "An entry is neither filled nor given up, or an order is sent or cancelling for more than a minute.",
        "The Orders page; `./coin logs bot`.",
        "`./coin cancel ID`; then see exchange_gone and slow_exchange.",
    ),
    "order_errors": RunbookEntry(
        "Too many of the last orders were refused or not answered.",
        "The Log page: the exchange's words for each.",
        "What they name: funds, increments, rights. `./coin run` afterwards.",
    ),
    "fill_rate": RunbookEntry(
        "Fewer than a quarter of the newest entries were filled: prices run away, or the quotes are too far off.",
        "The Orders page; the spread on the Chart page.",
        "ENTRY_ORDER, MAKER_TIMEOUT_SEC, MAKER_REPRICE_SEC.",
    ),
    "audit_differs": RunbookEntry(
        "The daily comparison of orders, fills and balances with the exchange found a difference twice. Entries are "
        "shut.",
        "The Health page shows what differs; `./coin ledger verify`.",
        "Do not trade over it: find out what it was. `./coin adopt` books a difference of balances.",
    ),
    "account_differs": RunbookEntry(
        "The account holds more or less than the bot's own trades explain: a deposit, a withdrawal, a trade by hand.",
        "The Health page names the amounts; the exchange's own history.",
        "`./coin adopt`, where you know what it was.",
    ),
    "flat_balance": RunbookEntry(
        "Lots are open, and equity has not moved by a cent for an hour: prices do not reach the books.",
        "The Health page: ages of prices and of the stream.",
        "`./coin restart`, if the stream lives and marks do not move.",
    ),
    "no_trades": RunbookEntry(
        "The strategy wanted to buy ten times or more and no lot was opened or closed for three days.",
        "The Why page: which gate is shut, and what opens it.",
        "Funds, limits or filters that never open.",
    ),
    "exchange_gone": RunbookEntry(
        "The bot lives and has not heard the exchange for 5 s. It opens nothing. Takes rest at the exchange; stops "
        "wait. "
        "It reconnects by itself, and asks orders, fills and balances before it trades.",
        "Are several bots blind? `./coin doctor`; the exchange's status page; COIN-SIM: `./coin sim status`.",
        "COIN-SIM stopped: `./coin sim start`. Coinbase: wait. Kill is not needed, as entries are shut.",
    ),
    "requests_fail": RunbookEntry(
        "Too large a share of the last minute's requests failed while the stream lives.",
        "The Health page: the last error.",
        "Wait; a refused key: see key_rights.",
    ),
    "feed_stale": RunbookEntry(
        "The price of something that is held, or watched, is older than STALE_DATA_SEC, though the connection lives.",
        "The Health page: ages by channel and product; is the product halted?",
        "Wait, or take the product out of PRODUCTS.",
    ),
    "rate_limited": RunbookEntry(
        "The exchange answered 429 more than ten times in five minutes. The bot halves its rate each time.",
        "Does another program use the same key?",
        "Fewer PRODUCTS; a key of its own for the other program.",
    ),
    "slow_exchange": RunbookEntry(
        "Answers have taken more than 2 s for a minute. Orders leave and return late.",
        "The exchange's status page; `ping`; the machine's load.",
        "Wait; `./coin pause` where entries must not be late.",
    ),
    "clock_off": RunbookEntry(
        "This machine's clock is more than 5 s off the exchange's: signatures would be refused, and entries are shut.",
        "`timedatectl`.",
        "`timedatectl set-ntp true`, or start chrony.",
    ),
    "key_rights": RunbookEntry(
        "The key may transfer money, may not trade any more, or belongs to another portfolio. Entries are shut.",
        "The key's page at the exchange; who changed it?",
        "A key with View and Trade only; then `./coin run`.",
    ),
    "permission_ends": RunbookEntry(
        "The permission for live entries ends within a day. Without one no entry is made; exits go on.",
        "`./coin doctor`.",
        "`./coin enable-live`.",
    ),
    "key_old": RunbookEntry(
        "The key's file is older than 90 days.",
        "The key's page at the exchange.",
        "Make a new key, replace the file (0600), `./coin restart`, delete the old key there.",
    ),
    "ledger_unwritable": RunbookEntry(
        "Nothing can be recorded, so nothing is sent: what is not recorded cannot be settled after a crash.",
        "`df -h`, `df -i`, `mount` (read-only?); LEDGER_URL: does the server answer?",
        "Make room or mend the mount; it goes on by itself. A vanished ledger: the verdict names the way.",
    ),
    "state_unwritable": RunbookEntry(
        "A document beside the ledger cannot be written; what readers show grows old.",
        "`df -h`; owner and mode of the data folder.",
        "Make room, or mend the owner.",
    ),
    "cpu": RunbookEntry(
        "All cores were more than 90 % busy for five minutes. Orders may leave late.",
        "`top`.",
        "A sweep, backtest or backup can wait, or run with `nice`.",
    ),
    "memory": RunbookEntry(
        "More than 85 % of memory was in use for five minutes.",
        "`./coin status`; `ps aux --sort=-rss | head`.",
        "End what is not needed, before the kernel does.",
    ),
    "disk": RunbookEntry(
        "The data folder's file system was more than 80 % full for ten minutes.",
        "`du -xh --max-depth=2 / | sort -h | tail`.",
        "Old backups, runs and logs away. Never delete `ledger.db` or its `-wal`.",
    ),
    "disk_full": RunbookEntry(
        "More than 95 % for five minutes. When it is full no ledger can be written and no order is sent.",
        "As disk.",
        "Make room now.",
    ),
    "oom_kill": RunbookEntry(
        "The kernel ended a process for want of memory; it may have been the bot.",
        "`journalctl -k | grep -i 'out of memory'` names it.",
        "More memory, or fewer programs. The alert stays until COIN-WATCH is restarted.",
    ),
    "network": RunbookEntry(
        "No byte came from another machine for a minute, while a bot needs one.",
        "`ip addr`; `ping`; the provider.",
        "Mend the network. The bot reconnects by itself.",
    ),
    "backup_old": RunbookEntry(
        "The newest archive in `backups/` is older than 36 hours. Bots that trade play money need none unless one was "
        "made.",
        "`ls -l` of `backups/`; `jq . data/backups/record.json` says what became of the last one; BACKUP_EVERY_H.",
        "`./coin backup`.",
    ),
    "backup_failed": RunbookEntry(
        "The backup of the schedule could not be made. The one before it is still there. It is tried again every hour.",
        "`jq . data/backups/record.json`; `df -h`; `./coin ledger verify`.",
        "Make room, or mend what is named; `./coin backup` makes one at once and shows the reason where it cannot.",
    ),
    "drill_failed": RunbookEntry(
        "The newest backup was restored into a scratch folder and did not hold: the archive cannot be read, or rows of "
        "its ledger are not what they must be. Nothing in place was touched.",
        "`./coin restore-drill` repeats it; `./coin ledger verify` checks the ledger that is in use; `ls -l` of "
        "`backups/`.",
        "Where the ledger in use holds, `./coin backup` and another drill. Where it does not, keep the older archives "
        "aside before the schedule removes them, and see docs/ledger.md.",
    ),
    "copy_behind": RunbookEntry(
        "The copy of the ledger that goes to BACKUP_URL has been behind for five minutes, Litestream does not run, the "
        "place does not answer or does not take our key, the settings of it do not hold, or no restore of what is "
        "there has been proven for a day. The bot's ledger is not touched by any of it.",
        "`jq . data/backups/continuous.json`; `data/backups/continuous/litestream.log`; `df -h` of the folder; the "
        "bucket's or the other machine's own page.",
        "Make BACKUP_URL there and writable again, and it goes on by itself; a new key goes into `.env`, then "
        "`./coin restart`. `./coin backup` meanwhile.",
    ),
    "sentinel_acted": RunbookEntry(
        "A bot was dead or hung for SENTINEL_AFTER_S, and nothing brought it back. A process of its own ended what "
        "hung, held the bot's lock and cancelled its resting entries, by what the exchange lists. With "
        "SENTINEL=cancel, takes and exits rest on; stops and trailing stops are kept by nobody until the bot runs. "
        "With SENTINEL=flatten, resting exits were cancelled too and the lots sold at market; the message says what, "
        "and what is left. It is over when the bot answers.",
        "`./coin status`; `./coin logs watch` (sentinel.ended says what was found); `./coin logs bot`; "
        "`data/incidents/`.",
        "`./coin start`. If it says that entries may still rest: look at the exchange's own page, `./coin kill`.",
    ),
    "update_waits": RunbookEntry(
        "The checkout was updated an hour ago or more, and the bot still runs the build from before.",
        "`git log`; the Health page shows both builds.",
        "`./coin restart`, when it suits. An update of the live strategy's files voids the live permission.",
    ),
    "dashboard_gone": RunbookEntry(
        "COIN does not answer. The bots trade on, and `./coin` commands them; who had it stopped by PM2 is not told.",
        "`./coin logs dashboard`; `./coin doctor`: is its port taken?",
        "`./coin start`.",
    ),
    "pm2_gone": RunbookEntry(
        "PM2's daemon does not answer. All goes on, and what ends now is not started again.",
        "`./coin doctor`.",
        "`./coin start` starts a daemon and takes over what was left running.",
    ),
    "simulator_down": RunbookEntry(
        "COIN-SIM does not run while a bot trades on it.",
        "`./coin logs sim`.",
        "`./coin sim start`. The bot is back within seconds.",
    ),
    "sink_failing": RunbookEntry(
        "Five tries in a row failed at a sink. Its messages wait, and come together when it takes them.",
        "`./coin alerts`: its own words of why; the token or the URL may be revoked.",
        "Mend `.env`, `./coin restart`, `./coin alerts test`.",
    ),
    "chat_down": RunbookEntry(
        "COIN-CHAT does not run, or Slack or Telegram does not answer it: commands from there are not heard. "
        "The bots, their alerts and the dashboard go on.",
        "`./coin alerts` and `./coin logs chat`: the platform's own words; 409 means that another program reads the "
        "same bot's messages; 401 or invalid_auth that the token was revoked.",
        "Mend what is named in `.env`, `./coin restart`.",
    ),
    "chat_refused": RunbookEntry(
        "Somebody wrote to the bot, or pressed a button, who may not. They were told so once, with nothing but their "
        "own id. Of one person it is told once an hour.",
        "`./coin audit` (what: refused); a Telegram bot can be found by anybody.",
        "Nothing, where it was a stranger. Somebody of yours: put the id into CHAT_USERS; it holds within seconds.",
    ),
    "heartbeat_failing": RunbookEntry(
        "HEARTBEAT_URL did not answer three times. The service behind it will soon say that this machine is gone.",
        "Is the network there? Does the check still exist at the service?",
        "Mend what is found.",
    ),
    "watcher_late": RunbookEntry(
        "COIN-WATCH itself did not look for more than ten seconds: the machine slept, or was overloaded.",
        "`top`; did a laptop or a VM sleep?",
        "A machine that trades must not sleep.",
    ),
    "alerts_not_kept": RunbookEntry(
        "`watch/alerts.db` cannot be written. Alerts are told from memory; what waits is lost if COIN-WATCH ends now.",
        "`df -h`; owner and mode of `watch/`.",
        "Make room. It is kept again by itself.",
    ),
}  # fmt: skip
