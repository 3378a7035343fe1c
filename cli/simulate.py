"""`./coin simulate`: the whole bot under seeded faults in virtual time."""

import typer

from cli import usage
from simtest import cli as program


def simulate(context: typer.Context) -> int:
    """The program with the arguments as typed; its exit code."""
    usage.refuse_twice(context.args)
    return program.main(context.args)
