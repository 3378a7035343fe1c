"""`python -m simtest.judge FOLDER`: the verdicts as JSON; the exit code says whether all held."""

import json
import sys
from pathlib import Path

from simtest.judge import verdict

if __name__ == "__main__":
    found = verdict(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    sys.exit(1 if any(found.values()) else 0)
