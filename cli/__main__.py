"""`python -m cli`, which is what the script `coin` hands over to."""

from cli.app import main

if __name__ == "__main__":
    main()
