"""`python -m reports KEY`: make the report of that day (2026-11-29) or week (2026-W48), keep it, print its file's name.

Exit code 0 where it is kept, 1 where it cannot be, 2 for a key that is none, 78 where the settings do not hold.
"""

import os
import sys
from collections.abc import Sequence

from reports.make import make_and_keep
from reports.period import period_of
from shared import settings as settings_module
from shared.exits import Exit
from shared.settings import SettingsError


def main(argv: Sequence[str]) -> int:
    """At the lowest priority: it must not be felt by what trades."""
    os.umask(0o077)
    os.nice(19)
    try:
        period = period_of(argv[0] if len(argv) == 1 else "")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.USAGE
    try:
        path = make_and_keep(settings_module.load().settings, period)
    except SettingsError as error:
        sys.stderr.write("; ".join(error.problems) + "\n")
        return Exit.SETTINGS
    except OSError as error:
        sys.stderr.write(f"the report cannot be kept: {error.strerror or error}\n")
        return Exit.FAILED
    sys.stdout.write(f"{path.name}\n")
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
