"""`python -m simtest`."""

import sys

from simtest.cli import main

if __name__ == "__main__":
    sys.exit(main())
