"""`./coin …`: the command line, built from the table of commands."""

import os
import sys

from typer.core import TyperGroup

from cli import complete, usage
from cli.command_table import COMMANDS
from cli.lazy import CommandEntry, group
from shared.exits import Exit

_ROOT = CommandEntry(
    "",
    "",
    "CoinTrader: a self-hosted trading bot for Coinbase Advanced Trade, with dashboard, simulator and backtests.",
)


def application() -> TyperGroup:
    """`./coin` itself, to be called with arguments."""
    return group(_ROOT, COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}, epilog=usage.codes())


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback."""
    if complete.VARIABLE in os.environ:
        complete.prepare()
    try:
        application()(prog_name="./coin", complete_var=complete.VARIABLE)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
