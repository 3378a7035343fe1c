"""`python -m backups`: make the backup and the drill that are due, and print the record as JSON.

Exit code 0 where the last of both went well or nothing is due, 1 where one failed, 78 where the settings do not hold.
"""

import os
import sys
from datetime import UTC, datetime

import msgspec

from backups.run import run_due
from shared import settings as settings_module
from shared.exits import Exit
from shared.settings import SettingsError


def main() -> int:
    """At the lowest priority: it must not be felt by what trades."""
    os.umask(0o077)
    os.nice(19)
    try:
        settings = settings_module.load().settings
    except SettingsError as error:
        sys.stderr.write("; ".join(error.problems) + "\n")
        return Exit.SETTINGS
    try:
        record = run_due(settings, datetime.now(UTC))
    except OSError as error:
        sys.stderr.write(f"{settings.paths.backups}: {error.strerror or error}\n")
        return Exit.FAILED
    sys.stdout.write(msgspec.json.encode(record).decode() + "\n")
    return Exit.FAILED if record.problem or record.drill_problem else Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
