"""How a command that was typed wrong ends: always code 2, with one sentence. And the exit codes in the help."""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from shared.exits import MEANINGS, Exit


def codes() -> str:
    """The exit codes, for `./coin --help`."""
    lines = "\n\n".join(f"{int(code)}  {text}" for code, text in MEANINGS.items())
    return f"Exit codes:\n\n{lines}\n\n3 to 14  status only, by its verdict: ./coin status --help"


class OnceCommand(TyperCommand):
    """A command that refuses an option given twice, instead of taking the last one in silence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and args:
            _, _, given = self.make_parser(ctx).parse_args(args=list(args))
            seen: set[str] = set()
            for param in given:
                once = param.param_type_name == "option" and not getattr(param, "multiple", False)
                if once and param.name in seen:
                    ctx.fail(f"{param.opts[-1]} is given twice.")
                seen.add(param.name)
        return super().parse_args(ctx, args)


def refuse_twice(arguments: Sequence[str]) -> None:
    """The same for commands that read their options themselves; ends with code 2."""
    names = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        typer.echo(f"  ✗ {twice} is given twice.", err=True)
        raise typer.Exit(Exit.USAGE)
