"""`python -m shared.pm2_plan DATA_DIR PM2_HOME MODE`: what `ecosystem.config.js` asks before PM2 starts anything.

It checks the folders' rule (exit 78 = refused, the reason on stderr) and prints one JSON object: `processes`, each with
its name and the Python module that it runs, in the order in which they start, and `settings`, the names that a process
is given from the shell.
"""

import json
import sys
from pathlib import Path

from shared import data_folder, pm2_home
from shared.bots import DASHBOARD, DEFAULT_BOT, SIMULATOR
from shared.exits import Exit
from shared.setting_table import Mode, handed_over

MODULES = {DASHBOARD: "dashboard", DEFAULT_BOT.process: "bot", SIMULATOR: "simulator"}
ORDER_OF_STOP = (DEFAULT_BOT.process, SIMULATOR, DASHBOARD)  # the bot ends before the exchange that it trades on


def processes(mode: str) -> tuple[str, ...]:
    """What runs in that mode. Live trades on the real exchange: no simulator."""
    return tuple(name for name in MODULES if name != SIMULATOR or mode != Mode.LIVE)


def main(data: str, pm2: str, mode: str) -> int:
    """Say what is wrong with either folder, or print the plan; make nothing."""
    for found in (pm2_home.refusal(Path(pm2)), data_folder.refusal(Path(data))):
        if found is not None:
            sys.stderr.write("\n    ".join((found.problem, *found.ways)) + "\n")
            return Exit.SETTINGS
    plan = [{"name": name, "module": MODULES[name]} for name in processes(mode)]
    sys.stdout.write(json.dumps({"processes": plan, "settings": [*handed_over(), "PRODUCT_ID"]}) + "\n")
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
