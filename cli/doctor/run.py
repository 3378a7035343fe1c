"""Runs every check and prints the table."""

from cli import ui
from cli.context import data_paths
from cli.doctor import data, machine
from cli.doctor.check import Check, bad, good, note
from cli.witness import look
from shared import settings
from shared.paths import DataPaths
from shared.pm2 import Pm2Client
from shared.settings import Settings, SettingsError


def doctor() -> int:
    """Print the table; the exit code is 1 where something is bad."""
    checks = every_check()
    _print(checks)
    failed = [check for check in checks if check.mark == ui.BAD]
    warned = [check for check in checks if check.mark == ui.WARN]
    ui.plain()
    if failed:
        ui.line(ui.BAD, f"{len(failed)} to mend, {len(warned)} to look at")
    elif warned:
        ui.line(ui.WARN, f"nothing broken, {len(warned)} to look at")
    else:
        ui.line(ui.GOOD, "all well")
    return 1 if failed else 0


def every_check() -> list[Check]:
    """All of it, in the order in which trouble is best looked for."""
    client = Pm2Client()
    found, checks = _settings()
    mode = found.coin_mode if found is not None else None
    paths = data_paths()
    seen = look(paths, watch_s=0.6)
    checks = [machine.python(), machine.node(), *machine.pm2(client), *checks, *machine.processes(client, mode)]
    if found is not None:
        checks += machine.port_checks(client, found)
    checks += data.folder(paths)
    if paths.root.exists():
        checks += [*data.bot(paths, seen), *data.documents(paths), _ledger(found, paths)]
    if found is not None:
        checks += [*data.keys(found), *data.certificates(paths, found)]
    return checks


def _ledger(found: Settings | None, paths: DataPaths) -> Check:
    if found is None or not found.ledger_url:
        return data.ledger(paths)
    from cli.doctor import server  # noqa: PLC0415  the database's library, only where there is one
    from shared.ledger.place import place_of  # noqa: PLC0415

    return server.ledger(place_of(found))


def _settings() -> tuple[Settings | None, list[Check]]:
    try:
        loaded = settings.load()
    except SettingsError as error:
        return None, [bad("settings", problem, "Mend .env or the shell's variable") for problem in error.problems]
    own = sum(1 for source in loaded.sources.values() if source != "default")
    mode = loaded.settings.coin_mode
    remarks = [note(name, sentence) for name, sentence in loaded.kept.items()]
    return loaded.settings, [good("settings", f"mode {mode}, {own} set, the rest at their defaults"), *remarks]


def _print(checks: list[Check]) -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    colours = {ui.GOOD: "green", ui.WARN: "yellow", ui.BAD: "bold red", ui.DOT: "dim"}
    table = Table(box=None, pad_edge=True, show_header=False)
    for check in checks:
        found = Text(check.found)
        if check.way_out:
            found.append(f"\n→ {check.way_out}", style="cyan")
        table.add_row(Text(check.mark, style=colours[check.mark]), Text(check.name), found)
    ui.console().print(table, soft_wrap=False)
