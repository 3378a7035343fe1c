"""`python -m incident [--since 2h] [--reason TEXT] [--out FILE]`: make a bundle and print one JSON object about it.

Exit code 0 where it was written, 1 where not.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from incident.bundle import FOLDER, file_name, forget_older, loaded_anyway, make
from incident.span import read_span
from shared.exits import Exit


def main(argv: Sequence[str] | None = None) -> int:
    """Make one, beside the data, and let the oldest go."""
    parser = argparse.ArgumentParser(prog="incident", description=__doc__)
    parser.add_argument("--since", type=read_span, default=read_span("2h"), help="how far back, such as 90m, 2h, 3d")
    parser.add_argument("--reason", default="asked for by a person", help="one sentence: why it is made")
    parser.add_argument("--out", type=Path, default=None, help="the file; data/incidents without it")
    args = parser.parse_args(argv)
    loaded, now = loaded_anyway(), datetime.now(UTC)
    folder = loaded.settings.paths.root / FOLDER
    out = args.out or folder / file_name(now)
    try:
        made = make(loaded, args.since, args.reason, now, out)
        if args.out is None:
            forget_older(folder)
    except OSError as error:
        sys.stdout.write(orjson.dumps({"problem": f"{out}: {error.strerror or error}"}).decode() + "\n")
        return Exit.FAILED
    told = {"path": str(made.path), "bytes": made.size, "files": made.files, "not_there": made.failed}
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
