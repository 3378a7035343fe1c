"""`python -m tests.watch.watcher`: COIN-WATCH with the .env that WATCH_ENV names: no secret comes from elsewhere."""

import os
import sys
from pathlib import Path

from watch.__main__ import main

if __name__ == "__main__":
    sys.exit(main(Path(os.environ["WATCH_ENV"])))
