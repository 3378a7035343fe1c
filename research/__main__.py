"""`python -m research …`: the research commands alone."""

import typer

from research.cli import register

app = typer.Typer(name="research", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
register(app)

if __name__ == "__main__":
    app(prog_name="python -m research")
