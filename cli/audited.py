"""Which commands of the shell are written into the audit trail as they are called. Light: read at every start."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import typer

# Commands to the bot, `token`, `sessions`, `restore` and `adopt-folder` write what they did themselves.
NAMES = frozenset(
    {"start", "stop", "restart", "login", "enable-live", "disable-live", "backup", "pm2", "sim start", "sim stop",
     "sim reset", "sim faults", "sim key", "sim deposit"}
)  # fmt: skip


def write_down(app: typer.Typer, before: str = "") -> None:
    """Make the commands of `NAMES` write what was typed before they begin, and how they ended."""
    for command in app.registered_commands:
        name = f"{before}{command.name or command.callback.__name__.replace('_', '-')}" if command.callback else ""
        if command.callback is not None and name in NAMES:
            command.callback = _audited(name, command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            write_down(group.typer_instance, f"{before}{group.name or ''} ")


def _audited(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(work)
    def run(*given: Any, **named: Any) -> Any:
        from cli import audit  # noqa: PLC0415
        from cli.context import data_paths  # noqa: PLC0415

        facts: dict[str, Any] = {"cmd": name, "args": _typed(work, given, named)}
        if name == "sim faults" and not facts["args"]:
            return work(*given, **named)  # only shows them
        there = audit.ours(data_paths())
        if there:
            audit.written("command", facts)
        code = 1
        try:
            result = work(*given, **named)
            code = 0
            return result
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
