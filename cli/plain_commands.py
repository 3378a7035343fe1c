"""Commands to the bot as the table has them: arguments, a typed word where one is asked for, the receipt.

`cli.plain_commands:<command>` is made on demand, so that a new command needs no function here.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from cli.commands import command
from cli.options import Yes
from shared.command_table import COMMANDS, Cmd
from shared.control import command_of


def __getattr__(name: str) -> Callable[..., None]:
    cmd = command_of(name)
    if cmd is None:
        raise AttributeError(name)
    return _made(cmd)


def _option(name: str, told: str) -> Any:
    """`--at-a-loss TEXT` of an argument that may be left out."""
    return Annotated[str, typer.Option(f"--{name.replace('_', '-')}", help=told, show_default=False)]


def _made(cmd: Cmd) -> Callable[..., None]:
    rule = COMMANDS[cmd]

    def run(**given: Any) -> None:
        yes, word = given.pop("yes", False), rule.typed.lower()
        if word and not yes and typer.prompt(f'{rule.help} Type "{word}"') != word:
            raise typer.Exit(1)
        command(cmd, {name: value for name, value in given.items() if value})

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    takes = [inspect.Parameter(name, kind, annotation=str) for name in rule.args]
    takes += [inspect.Parameter(one[0], kind, default="", annotation=_option(*one)) for one in rule.optional.items()]
    if rule.typed:
        takes.append(inspect.Parameter("yes", kind, default=False, annotation=Yes))
    run.__doc__ = rule.help
    run.__annotations__ = {one.name: one.annotation for one in takes}
    run.__signature__ = inspect.Signature(takes)  # type: ignore[attr-defined]  # what typer reads
    return run
