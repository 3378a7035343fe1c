"""Runs every check and prints the table."""

import textwrap
from dataclasses import asdict

from cli import data_folder, enable_live, ui
from cli.context import data_paths
from cli.doctor import data, machine, server, strategies, watcher
from cli.doctor.check import DiagnosticRow, bad, good, note
from cli.options import Json
from shared import settings, terminal
from shared.ledger.location import ledger_location
from shared.liveness import look
from shared.paths import DataPaths
from shared.pm2 import Pm2Client
from shared.settings import Settings, SettingsError

_WORDS = {ui.GOOD: "good", ui.WARN: "warn", ui.BAD: "bad", ui.DOT: "note"}


def doctor(json: Json = False) -> int:
    """Print the table; the exit code is 1 where something is bad."""
    checks = every_check()
    if json:
        ui.say_json([{**asdict(check), "mark": _WORDS[check.mark]} for check in checks])
        return 1 if any(check.mark == ui.BAD for check in checks) else 0
    _print(checks)
    failed = [check for check in checks if check.mark == ui.BAD]
    warned = [check for check in checks if check.mark == ui.WARN]
    ui.plain()
    if failed:
        ui.line(ui.BAD, f"{len(failed)} broken, {len(warned)} warning{'' if len(warned) == 1 else 's'}")
    elif warned:
        ui.line(ui.WARN, f"nothing broken, {len(warned)} warning{'' if len(warned) == 1 else 's'}")
    else:
        ui.line(ui.GOOD, "everything is fine")
    return 1 if failed else 0


def every_check() -> list[DiagnosticRow]:
    """All of it, in the order in which trouble is best looked for."""
    client = Pm2Client()
    found, checks = _settings()
    mode = found.coin_mode if found is not None else None
    paths = data_paths()
    seen = look(paths, watch_s=0.6)
    checks = [machine.python(), machine.node(), *machine.pm2(client), *checks, *machine.processes(client, mode)]
    if found is not None:
        checks += [strategies.strategy(found), *machine.port_checks(client, found), machine.sign_ins(found)]
    checks += data.folder(paths)
    if paths.root.exists():
        checks += [*data.bot(paths, seen), *data.documents(paths), _ledger(found, paths)]
    if found is not None:
        checks += [
            *data.keys(found),
            *data.certificates(paths, found),
            *watcher.alerts(paths, found),
            *watcher.copies(paths, found),
        ]
        checks += _of_live(found)
    return checks


def _ledger(found: Settings | None, paths: DataPaths) -> DiagnosticRow:
    if found is None or not found.ledger_url:
        return data.ledger(paths)
    return server.ledger(ledger_location(found))


def _of_live(found: Settings) -> list[DiagnosticRow]:
    """The folder's identity and, in live, what the settings as they are now do to the permission."""
    return [data_folder.check(found), *enable_live.permission_checks(found)]


def _settings() -> tuple[Settings | None, list[DiagnosticRow]]:
    try:
        loaded = settings.load()
    except SettingsError as error:
        return None, [bad("settings", problem, "Fix .env or the shell's variable") for problem in error.problems]
    own = sum(1 for source in loaded.sources.values() if source != "default")
    mode = loaded.settings.coin_mode
    remarks = [note(name, sentence) for name, sentence in loaded.kept.items()]
    return loaded.settings, [good("settings", f"mode {mode}, {own} set, the rest at their defaults"), *remarks]


def _print(checks: list[DiagnosticRow]) -> None:
    """Mark, name, what was found, and below it what helps; what is found wraps at the terminal's width."""
    left = max(len(check.name) for check in checks)
    room = terminal.width()
    for check in checks:
        found = _wrapped(check.found, room, left + 6)
        ways_out = _wrapped(f"→ {check.way_out}", room, left + 6) if check.way_out else []
        ui.plain(f" {ui.marked(check.mark)}  {check.name:{left}}  {found[0]}")
        for text in (*found[1:], *(ui.paint(way, "cyan") for way in ways_out)):
            ui.plain(" " * (left + 6) + text)


def _wrapped(text: str, room: int | None, indent: int) -> list[str]:
    if room is None:
        return [text]
    return textwrap.wrap(text, max(room - indent, 20), break_on_hyphens=False, break_long_words=False) or [""]
