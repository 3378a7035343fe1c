"""How the terminal is talked to: marks that differ in shape as well as colour, tables, JSON, one way to give up."""

import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn

import typer

from shared import terminal
from shared.exits import Exit
from shared.figures import ago
from shared.terminal import harmless, paint

__all__ = [
    "BAD", "DOT", "GOOD", "WARN", "ago", "give_up", "line", "marked", "paint", "plain", "say_json", "signed", "table",
]  # fmt: skip

GOOD, WARN, BAD, DOT = "✓", "!", "✗", "·"
_STYLES = {GOOD: ("green",), WARN: ("yellow",), BAD: ("bold", "red"), DOT: ("dim",)}


def line(mark: str, text: str) -> None:
    """One line with its mark."""
    typer.echo(f"  {marked(mark)} {harmless(text)}")


def marked(mark: str) -> str:
    """The mark in its colour, where colours are seen."""
    return paint(mark, *_STYLES.get(mark, ()))


def signed(text: str, value: float) -> str:
    """A gain green, a loss red."""
    return paint(text, "green" if value > 0 else "red") if value else text


def plain(text: str = "") -> None:
    """Text for people and scripts."""
    typer.echo(harmless(text))


def table(titles: Sequence[str], kinds: str, rows: Iterable[Sequence[str]]) -> None:
    """A table that fits the terminal; `kinds` has a letter for each column (`shared.terminal.CellKind`)."""
    for text in terminal.table(terminal.columns(titles, kinds), rows, terminal.width()):
        typer.echo(text)


def sentence(text: str) -> str:
    """With a capital, unless it begins with the name of a file."""
    return text if "." in text.partition(" ")[0].rstrip(".") else text[:1].upper() + text[1:]


def say_json(document: object) -> None:
    """One JSON document, for scripts."""
    # Every command loads this module, the list of commands too, and few print JSON.
    import orjson  # noqa: PLC0415

    # JSON may have any of these as it is or as an escape.
    typer.echo(harmless(orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2).decode()))


def give_up(text: str, *ways_out: str, code: int = Exit.FAILED) -> NoReturn:
    """Say what is wrong and how to get out of it, and end with `code`."""
    typer.echo(f"  {paint(BAD, 'bold', 'red', stream=sys.stderr)} {harmless(text)}", err=True)
    for way in ways_out:
        typer.echo(f"    {harmless(way)}", err=True)
    raise typer.Exit(code)
