"""What research says in the terminal: tables, progress with the time that is left, one line for what went wrong."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.console import Console


@functools.cache
def console() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False)


def say(text: str = "") -> None:
    typer.echo(text)


def give_up(text: str, *ways_out: str) -> typer.Exit:
    """Print what is wrong and what helps; raise what this returns."""
    typer.echo(f"  ✗ {text}", err=True)
    for way in ways_out:
        typer.echo(f"    {way}", err=True)
    return typer.Exit(1)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1, wrap: int = -1) -> None:
    """A table; the first `left` columns are texts, the others numbers. Only the column `wrap` is broken into lines."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = Table(box=None, pad_edge=False, header_style="dim")
    for i, name in enumerate(columns):
        shown.add_column(name, justify="left" if i < left else "right", no_wrap=i != wrap)
    for row in rows:
        shown.add_row(*(Text(cell) for cell in row))
    console().print(shown)


class Step(Protocol):
    """Tell how far the work is."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


@contextmanager
def slowly(title: str) -> Iterator[Step]:
    """`progress` for what mostly takes a moment: nothing is made ready unless somebody tells how far it is."""
    opened: list[Any] = []
    with ExitStack() as stack:

        def step(done: int, total: int | None = None) -> None:
            if not opened:
                opened.append(stack.enter_context(progress(title, total)))
            opened[0](done, total)

        yield step


@contextmanager
def progress(title: str, whole: int | None) -> Iterator[Step]:
    """A bar with what is done and the time that is left; it appears only where the work takes longer than a moment."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    parts: list[Any] = [TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*parts, console=console(), transient=True) as bar:
        task = bar.add_task(title, total=whole)

        def step(done: int, total: int | None = whole) -> None:
            bar.update(task, completed=done, total=total)

        yield step
