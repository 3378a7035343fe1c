"""`python -m chat`: COIN-CHAT; with --read FILE, what it may know of that .env, as JSON.

Exit 78: settings are wrong; 75: another one serves this folder; 0: asked to stop."""

import importlib
import sys
from pathlib import Path

from chat.handed import HANDED, READ


def main(arguments: list[str]) -> int:
    """The two halves load nothing of each other: the second one must not know how settings are read."""
    word, value = (*arguments, "", "")[:2]
    half = importlib.import_module("chat.process" if word == HANDED else "chat.handover")
    code: int = half.main(int(value)) if word == HANDED else half.read_out(Path(value)) if word == READ else half.main()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
