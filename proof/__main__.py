"""`python -m proof`."""

import sys

from proof.cli import main

if __name__ == "__main__":
    sys.exit(main())
