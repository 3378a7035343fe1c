"""Commands that are loaded when they are asked for: the table names them, and typer builds one at a time."""

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info, get_group_from_info
from typer.models import CommandInfo, TyperInfo

from cli import ui, usage


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command. `name`: as it is typed, such as "sim start".

    `target`: "module:function"; the function's parameters are the command's, and it returns its exit code or None for
    0. A group, which is an entry whose name others begin with, has a target only where it does something by itself.
    `summary`: the line in the list of commands; `details`: more of its own help. `audited`: what was typed, and how it
    ended, is written into audit.jsonl. `passes_on`: its options are those of another program. `needs`: packages that
    are no part of the default installation.
    """

    name: str
    target: str
    summary: str
    panel: str | None = None
    details: str = ""
    audited: bool = False
    passes_on: bool = False
    needs: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        return "\n\n".join(filter(None, (self.summary, self.details)))


class LazyGroup(TyperGroup):
    """A group that knows its commands as entries: listed without loading them, loaded where one is called."""

    entries: Mapping[str, CommandEntry]
    table: tuple[CommandEntry, ...]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load(self.entries[name], self.table), rest


def group(entry: CommandEntry, table: Iterable[CommandEntry], **more: Any) -> TyperGroup:
    """The group `entry` with a stub for each entry of the table that is directly below it."""
    rows = tuple(table)
    before = f"{entry.name} " if entry.name else ""
    below = {
        row.name.removeprefix(before): row
        for row in rows
        if row is not entry and row.name.startswith(before) and " " not in row.name.removeprefix(before)
    }
    info = TyperInfo(
        typer.Typer(), name=entry.name.rpartition(" ")[2], cls=LazyGroup, help=entry.help,
        callback=_work(entry) if entry.target else None, invoke_without_command=bool(entry.target),
        no_args_is_help=not entry.target, rich_help_panel=entry.panel, **more,
    )  # fmt: skip
    made = get_group_from_info(info, pretty_exceptions_short=False, suggest_commands=True, rich_markup_mode="rich")
    assert isinstance(made, LazyGroup)
    made.table, made.entries = rows, below
    made.commands = {
        name: TyperCommand(name, help=row.help, rich_help_panel=row.panel, rich_markup_mode="rich")
        for name, row in below.items()
    }
    return made


def load(entry: CommandEntry, table: tuple[CommandEntry, ...]) -> Any:
    """The whole command, with its module imported."""
    if any(row.name.startswith(f"{entry.name} ") for row in table):
        return group(entry, table)
    passed = {"allow_extra_args": True, "ignore_unknown_options": True} if entry.passes_on else None
    info = CommandInfo(
        name=entry.name.rpartition(" ")[2], cls=usage.OnceCommand, callback=_work(entry), help=entry.help,
        context_settings=passed, rich_help_panel=entry.panel,
    )  # fmt: skip
    return get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode="rich")


def _work(entry: CommandEntry) -> Callable[..., None]:
    _demand(entry.needs)
    module, _, name = entry.target.partition(":")
    found = _ending(getattr(importlib.import_module(module), name))
    if not entry.audited:
        return found
    # Loaded as commands are, since it needs the settings: the list of commands must not wait for them.
    audited: Callable[..., Callable[..., None]] = importlib.import_module("cli.audited").audited
    return audited(entry.name, found)


def _demand(packages: Iterable[str]) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        ui.give_up(
            f"This command needs packages that are not installed ({', '.join(missing)}).",
            ".venv/bin/python -m pip install --require-hashes --only-binary :all: -r requirements-research.txt",
        )


def _ending(work: Callable[..., int | None]) -> Callable[..., None]:
    """`work`, whose result is the exit code."""

    @wraps(work)
    def run(*given: Any, **named: Any) -> None:
        code = work(*given, **named)
        if code:
            raise typer.Exit(code)

    return run
