"""Commands that are written into the audit trail as they are called: what was typed, and how it ended.

Commands to the bot, `token`, `sessions`, `restore` and `adopt-folder` write what they did themselves.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import typer

from cli import audit
from cli.context import data_paths


def audited(name: str, work: Callable[..., None]) -> Callable[..., None]:
    """`work`, which writes the command `name` with its arguments before it begins, and its exit code at its end."""

    @wraps(work)
    def run(*given: Any, **named: Any) -> None:
        facts: dict[str, Any] = {"cmd": name, "args": _typed(work, given, named)}
        if name == "sim faults" and not facts["args"]:
            work(*given, **named)  # only shows them
            return
        there = audit.ours(data_paths())
        if there:
            audit.written("command", facts)
        code = 1
        try:
            work(*given, **named)
            code = 0
        except (SystemExit, typer.Exit) as ended:
            found = ended.exit_code if isinstance(ended, typer.Exit) else ended.code
            code = found if isinstance(found, int) else int(found is not None)
            raise
        finally:
            # A first start makes the folder: then this is the only line.
            audit.written("command_ended" if there else "command", {**facts, "code": code})

    return run


def _typed(work: Callable[..., Any], given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, str]:
    """What was typed beside the defaults. No command takes a secret on its line."""
    signature = inspect.signature(work)
    found = {}
    for key, value in signature.bind_partial(*given, **named).arguments.items():
        said = " ".join(value.args) if isinstance(value, typer.Context) else value
        if said not in (None, False, "", signature.parameters[key].default):
            found[key] = str(said)[:200]
    return found
