"""Exit codes of `./coin` and of the processes: one table, which the help and the documentation print.

`./coin status` has codes of its own beside them, one for each thing that a script would do differently.
"""

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """What a code means, everywhere."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNCHECKED = 3
    LOCKED = 75
    SETTINGS = 78
    INTERRUPTED = 130


MEANINGS: Mapping[Exit, str] = {
    Exit.DONE: "done, or nothing is wrong",
    Exit.FAILED: "it did not work, or a check found something",
    Exit.USAGE: "the command was typed wrong: an argument or option is missing, unknown, given twice or out of range",
    Exit.UNCHECKED: "audit-packages: there is no network, or a server did not answer: nothing was found or ruled out",
    Exit.LOCKED: "another instance holds the data folder (PM2 doesn't restart it)",
    Exit.SETTINGS: "a setting, key, clock or folder has to be changed by a person (PM2 doesn't restart it)",
    Exit.INTERRUPTED: "stopped with Ctrl-C",
}
