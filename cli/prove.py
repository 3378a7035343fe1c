"""`./coin prove`: the real bot, killed at named points."""

import typer

from cli import usage
from simtest.processes import cli as program


def prove(context: typer.Context) -> int:
    """The program with the arguments as typed; its exit code."""
    usage.refuse_twice(context.args)
    return program.main(context.args)
