"""`python -m bot`: the trading bot."""

import os
import sys

from bot.app.main import run

if __name__ == "__main__":
    code = run()
    sys.stdout.flush()
    # Threads that hang in a request must not hold up the end: everything that matters is on disk.
    os._exit(code)
