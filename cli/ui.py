"""How the terminal is talked to: one console, marks that differ in shape as well as colour, and one way to give up."""

import functools
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

GOOD, WARN, BAD, DOT = "✓", "!", "✗", "·"
_COLOURS = {GOOD: "green", WARN: "yellow", BAD: "red", DOT: "dim"}


@functools.cache
def console() -> "Console":
    from rich.console import Console  # noqa: PLC0415  a tenth of a second that plain commands need not pay

    return Console(highlight=False, soft_wrap=True)


def line(mark: str, text: str) -> None:
    """One line with its mark."""
    from rich.markup import escape  # noqa: PLC0415

    colour = _COLOURS.get(mark, "default")
    console().print(f"  [{colour}]{mark}[/{colour}] {escape(text)}")


def plain(text: str = "") -> None:
    """Text for people and scripts, as it stands."""
    typer.echo(text)


def give_up(text: str, *ways_out: str, code: int = 1) -> NoReturn:
    """Say what is wrong and how to get out of it, and end with `code`."""
    typer.echo(f"  {BAD} {text}", err=True)
    for way in ways_out:
        typer.echo(f"    {way}", err=True)
    raise typer.Exit(code)


def ago(seconds: float) -> str:
    """A span as people say it: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
