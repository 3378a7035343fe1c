"""`python -m simtest.processes`."""

import sys

from simtest.processes.cli import main

if __name__ == "__main__":
    sys.exit(main())
