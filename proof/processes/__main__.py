"""`python -m proof.processes`."""

import sys

from proof.processes.cli import main

if __name__ == "__main__":
    sys.exit(main())
