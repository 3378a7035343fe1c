"""Every command of `./coin`: its name, where it is, and its line in the help. A new command is one entry here."""

from cli.lazy import CommandEntry as Entry
from shared.command_table import COMMANDS as RULES
from shared.command_table import Cmd

RUN, WATCH, ORDERS, KEEP, MAKE, RESEARCH = "Run", "Watch", "Command the bot", "Maintain", "Develop", "Research"
_RESEARCH_PACKAGES = ("numpy", "numba", "pyarrow")


def _research(name: str, target: str, summary: str, panel: str | None = None, *, audited: bool = False) -> Entry:
    return Entry(name, f"research.commands.{target}", summary, panel, audited=audited, needs=_RESEARCH_PACKAGES)


def _to_the_bot(cmd: Cmd) -> Entry:
    """A command as `shared.command_table` has it."""
    return Entry(cmd.value.replace("_", "-"), f"cli.plain_commands:{cmd.value}", RULES[cmd].help, ORDERS)


# Those with an entry at their place below; a new one follows the drill by itself.
_PLACED = frozenset(Cmd) - {Cmd.RELOAD, Cmd.MOVE_TAKE, Cmd.MOVE_STOP, Cmd.SELL_PART}

COMMANDS = (
    Entry(
        "start", "cli.start:start",
        "Start everything (installing what is missing), wait until the bot trades, print a login link.", RUN,
        audited=True,
    ),
    Entry("stop", "cli.start:stop", "Stop the watcher, the bot, the simulator, then the dashboard.", RUN, audited=True),
    Entry("restart", "cli.start:restart", "Stop everything and start it with the current settings.", RUN, audited=True),
    Entry(
        "setup", "cli.pm2_process:setup",
        "Only install what is missing (Python environment, Node.js, npm packages); start nothing.", RUN,
    ),
    Entry(
        "status", "cli.status:status", "Show what is running, how old its data is, and the open positions.", WATCH,
        "Exit code by the verdict: 0 running · 1 starting, paused, stopping, stopped · 3 offline · 4 blind (no data "
        "from the exchange) · 5 stale · 6 hung · 7 unreadable · 8 locked out · 9 ledger cannot be written · 10 killed "
        "· 11 safe · 12 error · 13 second writer · 14 the data folder is not adopted (live).",
    ),
    Entry("logs", "cli.logs:logs", "Show the processes' logs.", WATCH),
    Entry(
        "doctor", "cli.doctor.run:doctor",
        "Check the whole installation and say how to fix what is wrong. Exit code 1 if anything is broken.", WATCH,
    ),
    Entry(
        "alerts", "cli.alerts:alerts", "Show what fires, since when, and who was told. 1 = something fires.", WATCH,
        "Alerts are found by COIN-WATCH and sent to the sinks that are set: docs/operations.md.",
    ),
    Entry("alerts list", "cli.alerts:show", "Show what fires, since when, and who was told. 1 = something fires."),
    Entry(
        "alerts ack", "cli.alerts:acknowledge", "Acknowledge an alert: it is not repeated for a day.", audited=True
    ),
    Entry("alerts history", "cli.alerts:show_history", "List the newest alerts of the last 90 days."),
    Entry("alerts test", "cli.alerts:test", "Send a test through each sink, and show what came back.", audited=True),
    Entry("alerts rules", "cli.alerts:rules", "List every rule: what it sees now, and when it fires."),
    Entry(
        "report", "cli.report:report", "Show the last daily report (--week: the weekly one), or that of a day or week.",
        WATCH,
    ),
    Entry(
        "tax", "cli.tax:tax",
        "Show the gains of a year's sales by accounting method; --csv FILE writes each disposal.", WATCH,
    ),
    Entry(
        "checklist", "cli.checklist:checklist",
        "Show the weekly or monthly checklist, filled in by what is known now. 1 = a line failed.", WATCH,
    ),
    Entry(
        "settings", "cli.settings_view:show",
        "List every setting: value, default, where it was set, description. Secrets are masked.", WATCH,
    ),
    Entry("strategy", "cli.strategy:strategy", "List what can be chosen, show a card, choose a strategy.", WATCH),
    Entry("strategy list", "cli.strategy:list_all", "List the strategies by what one is after, and which one is set."),
    Entry(
        "strategy show", "cli.strategy:show",
        "Show a strategy's card: idea, source, what must be true, what was measured, what choosing it changes.",
    ),
    Entry(
        "strategy use", "cli.strategy:use", "Choose a strategy: shows what changes in .env and writes it.", audited=True
    ),
    Entry(
        "login", "cli.login:login", "Print a login link for a browser: single use, valid for five minutes.", WATCH,
        audited=True,
    ),
    Entry(
        "token", "cli.access:token",
        "Create a bearer token for machines (Prometheus, curl), shown once; list or revoke tokens.", WATCH,
    ),
    Entry(
        "sessions", "cli.access:sessions",
        "List who is signed in to the dashboard (role, method, address, last use), or end sessions.", WATCH,
    ),
    Entry(
        "password", "cli.login:password",
        "Create the hash for a password login, for .env. Login links work without one.", WATCH,
    ),
    Entry(
        "audit", "cli.audit:show",
        "Show the newest entries of audit.jsonl: who gave which command, by dashboard, shell, file or API.", WATCH,
    ),
    Entry(
        "audit verify", "cli.audit:check",
        "Check audit.jsonl for entries that were edited, removed, moved or added, and a cut-off end. 1 = a finding.",
    ),
    Entry("run", "cli.commands:run", 'Let the bot trade (sets the level "run").', ORDERS),
    Entry("pause", "cli.commands:pause", "No new entries; exits continue.", ORDERS),
    Entry(
        "halt", "cli.commands:halt",
        'The level "stop": cancel entry orders and make no trading decisions; the process keeps running. '
        "(./coin stop ends the processes.)", ORDERS,
    ),
    Entry(
        "kill", "cli.kill:kill",
        "Block all order sending and cancel every order of the bot, even if the bot is dead. Latched until reset-kill.",
        ORDERS,
    ),
    Entry("reset-kill", "cli.commands:reset_kill", RULES[Cmd.RESET_KILL].help, ORDERS),
    Entry("flatten", "cli.commands:flatten", RULES[Cmd.FLATTEN].help, ORDERS),
    _to_the_bot(Cmd.CLOSE_LOT),
    Entry("close-product", "cli.commands:close_product", RULES[Cmd.CLOSE_PRODUCT].help, ORDERS),
    _to_the_bot(Cmd.CANCEL),
    Entry(
        "adopt", "cli.commands:adopt", RULES[Cmd.ADOPT].help, ORDERS,
    ),
    Entry(
        "enable-live", "cli.enable_live:enable",
        "Run the live checklist, ask for a typed confirmation, and allow live entries for LIVE_PERMISSION_DAYS.",
        ORDERS, audited=True,
    ),
    Entry(
        "disable-live", "cli.enable_live:disable",
        "Revoke the permission for live entries at once; exits of open lots continue.", ORDERS, audited=True,
    ),
    Entry(
        "adopt-folder", "cli.data_folder:adopt",
        "Accept a copied or restored data folder as this bot's own; until then a live bot sends no orders from it.",
        ORDERS,
    ),
    _to_the_bot(Cmd.DRILL),
    *(_to_the_bot(cmd) for cmd in RULES if cmd not in _PLACED),
    Entry(
        "pm2", "cli.pm2_process:pm2", "Run PM2 itself, even if it is installed only in this folder: ./coin pm2 list.",
        KEEP, audited=True, passes_on=True,
    ),
    Entry(
        "backup", "cli.backup:backup",
        "Copy the ledger and the documents into one archive while the bot runs. It contains no key or password.", KEEP,
        audited=True,
    ),
    Entry(
        "restore", "cli.backup:restore",
        "Restore a backup, a rescued ledger or a moment (--at); the current files are kept aside. The bot must be "
        "stopped.", KEEP,
        "It never loosens a restriction: a kill, pause, stop, SAFE and tripped limits stay on, and audit.jsonl is "
        "kept. If the present ledger cannot be read, the bot comes up paused. Orders since the backup are fetched from "
        "the exchange.",
    ),
    Entry(
        "incident", "cli.incident:incident",
        "Collect states, logs, ledger extract, settings and checks of the last hours into one archive without secrets.",
        KEEP,
    ),
    Entry(
        "restore-drill", "cli.backup:restore_drill",
        "Restore an archive into a scratch folder and check every row of its ledger. 1 = it can't be restored.", KEEP,
    ),
    Entry("ledger", "", "Check the ledger, export it, rebuild it from its journal.", KEEP),
    Entry(
        "ledger verify", "cli.ledger:verify",
        "Check every row: keys, amounts, the journal's hash chain, fills against orders, lots and days. 1 = a finding.",
    ),
    Entry(
        "ledger replay", "cli.ledger:replay_journal",
        "Rebuild the ledger from its journal alone and compare the two, byte for byte. 1 = they differ.",
    ),
    Entry(
        "ledger export", "cli.ledger:export_tables", "Write every table as a file into FOLDER, amounts as exact text."
    ),
    Entry("sim", "", "Run COIN-SIM, the local exchange, on its own.", KEEP),
    Entry("sim start", "cli.sim:start", "Start only COIN-SIM.", audited=True),
    Entry("sim stop", "cli.sim:stop", "Stop only COIN-SIM.", audited=True),
    Entry("sim status", "cli.sim:status", "Show prices, orders, streams and injected faults."),
    Entry("sim faults", "cli.sim:faults", "Show, set or clear the faults that COIN-SIM injects.", audited=True),
    Entry("sim key", "cli.sim:key", "Create an API key as a file in Coinbase's format.", audited=True),
    Entry("sim deposit", "cli.sim:deposit", "Add play money to the account.", audited=True),
    Entry(
        "sim reset", "cli.sim:reset", "Start a new account. Nothing is deleted: the old one is set aside.", audited=True
    ),
    Entry("monitoring", "", "Run Prometheus, Alertmanager and node-exporter beside the bot: docs/monitoring.md.", KEEP),
    Entry(
        "monitoring start", "cli.monitoring:start",
        "Start all three on loopback, with the alert rules and a token of their own for the dashboard.", audited=True,
    ),
    Entry("monitoring stop", "cli.monitoring:stop", "Stop all three and revoke their token.", audited=True),
    Entry(
        "monitoring status", "cli.monitoring:status",
        "Show what runs, what is scraped and which alerts fire. 1 = something does not answer.",
    ),
    Entry(
        "monitoring grafana", "cli.monitoring:grafana",
        "Write data source and dashboards for a Grafana on this machine into FOLDER.",
    ),
    Entry("events", "", "Convert event logs (JSON lines).", KEEP),
    Entry("events to-csv", "cli.events:to_csv", "Convert an event log to a CSV table; missing fields are left blank."),
    Entry(
        "completion", "cli.complete:completion",
        "Print the script that lets Tab complete commands, options and settings: see docs/command-line.md.", KEEP,
    ),
    Entry(
        "test", "cli.dev:test",
        "Install what the tests need and run them; other arguments go to pytest: ./coin test tests/cli -k login.", MAKE,
        "--services runs those with a browser, PM2, real servers and Lighthouse; --long runs seeds, planted bugs, "
        "kills and a soak for hours, keeps finished results and resumes from them (--long --help).",
        passes_on=True,
    ),
    Entry(
        "new-strategy", "cli.new_strategy:create",
        "Write strategies/NAME.py, a working strategy to edit, and its test.", MAKE,
    ),
    Entry("lint", "cli.dev:lint", "Check lint, format, strict types and the import contract.", MAKE),
    Entry(
        "audit-packages", "cli.audit_packages:audit_packages",
        "Check every locked package for known vulnerabilities. 0 = none, 1 = some, 3 = could not be checked.", MAKE,
    ),
    Entry(
        "simulate", "cli.simulate:simulate",
        "Run the whole bot under seeded faults in virtual time and check the result: --seeds N, --seed S, --minutes M.",
        MAKE, passes_on=True,
    ),
    Entry(
        "prove", "cli.prove:prove",
        "Kill the real bot at named points, repeatedly, and check what it does afterwards: kill9 --each N --lanes N.",
        MAKE, passes_on=True,
    ),
    Entry(
        "bench", "cli.dev:bench", "Measure performance on a separate system beside yours.", MAKE,
        "boot, control, engine, model, writes, resources and cli by default; boot10k, install, watch, bot, ledger, "
        "sim, dashboard, lighthouse, research, learned and lab if named.",
    ),
    _research(
        "backtest", "backtest:backtest",
        "Backtest the bot's trading rules: prints a table, writes report.html, trades.csv and run.json.", RESEARCH,
    ),
    _research(
        "sweep", "sweep:sweep",
        "Backtest many combinations of settings. If interrupted, the same command resumes.", RESEARCH,
    ),
    _research(
        "walkforward", "walkforward:walkforward",
        "Choose settings on one period, test them on the next, and roll forward.", RESEARCH,
    ),
    _research(
        "lab", "lab:lab",
        "Judge a run or a sweep: GO or NO-GO, with reasons and a report. Counts every trial. Exit code 1 = NO-GO.",
        RESEARCH,
    ),
    _research(
        "check-strategy", "check_strategy:check_strategy",
        "Check a strategy for lookahead bias, and for using more history than the bot keeps. Exit code 1 if found.",
        RESEARCH,
    ),
    _research(
        "evidence", "evidence:evidence",
        "Run every family of strategies on your recordings at two fee tiers, beside buy and hold: a table as text.",
        RESEARCH,
    ),
    _research(
        "parity", "parity:parity",
        "Compare what the bot did with a backtest: signals, decisions (RECORD=true), results; explain differences.",
        RESEARCH,
    ),
    Entry("model", "", "Train models on history, compare them in shadow, promote and retire them.", RESEARCH),
    _research(
        "model train", "model:train",
        "Fit a model walk forward beside the baselines, and keep it as a candidate: docs/learning.md.",
    ),
    _research("model list", "model:list_models", "List the models with state and result out of sample."),
    _research("model show", "model:show", "Show a model: what it rests on, its results, its answers in shadow."),
    _research(
        "model shadow", "model:shadow", "Let a model answer beside the strategy: recorded, never traded.", audited=True
    ),
    _research(
        "model promote", "model:promote",
        "Let STRATEGY=learned trade a model. One that did not beat the baselines needs --why.", audited=True,
    ),
    _research("model retire", "model:retire", "Neither ask nor trade a model any more.", audited=True),
    Entry("data", "", "Import, download and list candles.", RESEARCH),
    _research(
        "data import", "data:import_files",
        "Import candles from any source; shows how they were read, and leaves out what can't be trusted.",
    ),
    _research(
        "data products", "data:products",
        "Fetch the exchange's list of products: increments and minimum order sizes, for imports.",
    ),
    _research(
        "data download", "data:download", "Download Coinbase's public candles. Resumes where the last download ended."
    ),
    _research(
        "data recorded", "data:recorded",
        "Take the bars that the bot itself saw as a candle set. Run again, it adds what is new.",
    ),
    _research("data lock", "data:lock", "Lock the newest unseen part of a set as the holdout of ./coin lab."),
    _research("data list", "data:list_sets", "List the candle sets."),
    _research("runs", "runs:runs", "Stored backtest runs: list (the default), show, compare, repeat.", RESEARCH),
    _research("runs list", "runs:list_runs", "List stored runs, oldest first, with their main figures."),
    _research("runs show", "runs:show", "Show one run: its options, verdict, every figure, and its files."),
    _research("runs compare", "runs:compare", "Compare two runs: differing settings and data, and every figure."),
    _research(
        "runs repeat", "runs:repeat",
        "Run the same backtest again with the current data and code, and say whether the figures are equal.",
    ),
)  # fmt: skip
