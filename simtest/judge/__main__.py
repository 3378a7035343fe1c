"""`python -m simtest.judge FOLDER`: the verdict as JSON; the exit code says whether all invariants held."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from simtest.judge import verdict

if __name__ == "__main__":
    found = verdict(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")
    sys.exit(1 if found.breaches else 0)
