"""`python -m bench [NAME…]`, which `./coin bench` calls."""

from typing import Annotated

import typer

from bench import run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(names: Annotated[list[str] | None, typer.Argument(help="Which ones.")] = None) -> None:
    """Measure the figures that the project publishes."""
    raise typer.Exit(run.bench(names or []))


if __name__ == "__main__":
    app(prog_name="python -m bench")
