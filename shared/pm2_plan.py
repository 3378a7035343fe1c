"""`python -m shared.pm2_plan DATA_DIR PM2_HOME MODE WATCH CHAT_USERS LAB`: what `ecosystem.config.js` asks at a start.

It checks the folders' rule (exit 78 = refused, the reason on stderr) and prints one JSON object: `processes`, each with
its name, the Python module that it runs and whether it waits to be asked for, in the order in which they start, and
`settings`, the names that a process
is given from the shell.
"""

import json
import sys
from pathlib import Path

from shared import data_folder, pm2_home
from shared.bots import CHAT, DASHBOARD, DEFAULT_BOT, LAB, SIMULATOR, WATCHER
from shared.exits import Exit
from shared.setting_table import Mode, handed_over

MODULES = {DASHBOARD: "dashboard", DEFAULT_BOT.process: "bot", SIMULATOR: "simulator", WATCHER: "watch"}
OPTIONAL = {CHAT: "chat"}  # runs only where somebody set it up
ON_DEMAND = {LAB: "lab_worker"}  # known to PM2, stopped until the dashboard asks for it, and ends by itself
EVERY = MODULES | OPTIONAL | ON_DEMAND
# The watcher ends first, as it would tell of the others; the bot before the exchange that it trades on.
ORDER_OF_STOP = (WATCHER, CHAT, LAB, DEFAULT_BOT.process, SIMULATOR, DASHBOARD)
_NO = frozenset({"false", "0"})


def processes(mode: str, *, watch: bool = True, chat: bool = False) -> tuple[str, ...]:
    """What runs all the time in that mode. Live trades on the real exchange: no simulator.

    `watch`: the setting WATCH; `chat`: whether CHAT_USERS names anybody.
    """
    left_out = {SIMULATOR} if mode == Mode.LIVE else set()
    if not watch:
        left_out.add(WATCHER)
    return tuple(name for name in (MODULES | OPTIONAL if chat else MODULES) if name not in left_out)


def main(data: str, pm2: str, mode: str, watch: str = "true", chat_users: str = "", lab: str = "true") -> int:
    """Say what is wrong with either folder, or print the plan; make nothing."""
    for found in (pm2_home.refusal(Path(pm2)), data_folder.refusal(Path(data))):
        if found is not None:
            sys.stderr.write("\n    ".join((found.problem, *found.ways)) + "\n")
            return Exit.SETTINGS
    names = processes(mode, watch=watch.strip().lower() not in _NO, chat=bool(chat_users.strip()))
    waiting = () if lab.strip().lower() in _NO else tuple(ON_DEMAND)
    plan = [{"name": name, "module": EVERY[name], "on_demand": name in waiting} for name in (*names, *waiting)]
    sys.stdout.write(json.dumps({"processes": plan, "settings": [*handed_over(), "PRODUCT_ID"]}) + "\n")
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:7]))
