"""What research says in the terminal: tables, progress with the time that is left, one line for what went wrong."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import orjson
import typer

from shared import terminal as fitted
from shared.exits import Exit


def say(text: str = "") -> None:
    typer.echo(text)


def give_up(text: str, *ways_out: str, code: int = Exit.FAILED) -> typer.Exit:
    """Print what is wrong and what helps; raise what this returns."""
    typer.echo(f"  ✗ {text}", err=True)
    for way in ways_out:
        typer.echo(f"    {way}", err=True)
    return typer.Exit(code)


def say_json(document: object) -> None:
    """The same for scripts: one JSON document."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    typer.echo(orjson.dumps(document, default=str, option=options).decode())


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1, kinds: str = "") -> None:
    """A table that fits the terminal; `kinds`: a letter for each column (`shared.terminal.CellKind`).

    Without it the first `left` columns are texts, the others numbers.
    """
    kinds = kinds or "t" * left + "#" * (len(titles) - left)
    for line in fitted.table(fitted.columns(titles, kinds), rows, fitted.width(), indent=0):
        typer.echo(line)


class ProgressReporter(Protocol):
    """Tell how far the work is."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


@contextmanager
def slowly(title: str) -> Iterator[ProgressReporter]:
    """`progress` for what mostly takes a moment: nothing is made ready unless somebody tells how far it is."""
    opened: list[Any] = []
    with ExitStack() as stack:

        def step(done: int, total: int | None = None) -> None:
            if not opened:
                opened.append(stack.enter_context(progress(title, total)))
            opened[0](done, total)

        yield step


@contextmanager
def progress(title: str, whole: int | None) -> Iterator[ProgressReporter]:
    """A bar with what is done and the time that is left; it appears only where the work takes longer than a moment."""
    # Loaded when a bar is drawn: most backtests are over before.
    from rich import progress as bars  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    parts: list[Any] = [bars.TextColumn(title), bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeRemainingColumn()]
    with bars.Progress(*parts, console=Console(highlight=False), transient=True) as bar:
        task = bar.add_task(title, total=whole)

        def step(done: int, total: int | None = whole) -> None:
            bar.update(task, completed=done, total=total)

        yield step
