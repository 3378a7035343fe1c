"""`python -m shared.folder_check DATA_DIR PM2_HOME`: the folders' rule for `ecosystem.config.js`. Exit 78 = refused."""

import sys
from pathlib import Path

from shared import data_folder, pm2_home
from shared.exits import Exit


def main(data: str, pm2: str) -> int:
    """Say what is wrong with either folder; make nothing."""
    for found in (pm2_home.refusal(Path(pm2)), data_folder.refusal(Path(data))):
        if found is not None:
            sys.stderr.write("\n    ".join((found.problem, *found.ways)) + "\n")
            return Exit.SETTINGS
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
