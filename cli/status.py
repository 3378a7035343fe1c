"""`./coin status`: what runs, how old it is, and what the bot says of itself."""

import time

import orjson

from cli import ui
from cli.context import data_paths
from cli.options import Json
from shared import live_permission
from shared.bots import DEFAULT_BOT
from shared.documents.events import FOLDER_NOT_OWN
from shared.documents.state import BotState, alert_of
from shared.files import Unreadable, read_bytes
from shared.liveness import BotSeen, look
from shared.paths import ROOT
from shared.pm2 import Effective, Pm2Client, Pm2Process, Pm2Unavailable
from shared.pm2_plan import EVERY, ON_DEMAND, OPTIONAL
from shared.presence import Presence
from shared.unwatched import unwatched
from shared.verdict import Judged, Verdict

# One code for each thing that a script would do differently. `./coin status --help` and README.md name them.
EXIT = {
    Verdict.RUNNING: 0,
    Verdict.STARTING: 1,
    Verdict.PAUSED: 1,
    Verdict.STOPPING: 1,
    Verdict.STOPPED: 1,
    Verdict.LOADING: 3,
    Verdict.OFFLINE: 3,
    Verdict.BLIND: 4,
    Verdict.STALE: 5,
    Verdict.HUNG: 6,
    Verdict.UNREADABLE: 7,
    Verdict.LOCKED_OUT: 8,
    Verdict.LEDGER_GONE: 9,
    Verdict.KILLED: 10,
    Verdict.SAFE: 11,
    Verdict.ERROR: 12,
    Verdict.SECOND_WRITER: 13,
}
NOT_OWN = 14  # its data folder is not adopted: nothing is sent, whatever else it says
# A process that is there and does nothing.
_SILENT = frozenset({Verdict.STALE, Verdict.HUNG})


def status(json: Json = False) -> int:
    """Print it; the answer is the exit code of the verdict (`EXIT`)."""
    paths = data_paths()
    seen = look(paths, watch_s=0.05)
    processes, trouble = _processes()
    bot = processes.get(DEFAULT_BOT.process)
    verdict = seen.verdict(bot.effective.value if bot is not None else None)
    if json:
        _print_json(seen, verdict)
    else:
        print_processes(processes, trouble, verdict)
        _print_bot(seen, verdict)
    if seen.presence is Presence.FRESH and alert_of(seen.state, FOLDER_NOT_OWN) is not None:
        return NOT_OWN
    return EXIT[verdict.word]


def _print_json(seen: BotSeen, verdict: Judged) -> None:
    state = seen.state
    document = {
        "shown": verdict.word.shown,
        "verdict": verdict.word,
        "reason": verdict.reason or None,
        "seconds": verdict.seconds,
        "figures_age_s": verdict.figures_age_s,
        "parts": verdict.parts,
        "presence": seen.presence,
        "age_s": seen.age_s,
        "error": seen.error or (state.error if state else None),
        "status": state.status if state else None,
        "phase": state.phase if state else None,
        "portfolio_value": state.portfolio_value if state else None,
        "pid": state.pid if state else None,
        "live_lock": state.live_lock if state else None,
        "alerts": state.alerts if state else [],
    }
    ui.plain(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _processes() -> tuple[dict[str, Pm2Process], str | None]:
    """Our processes in PM2's table by name, and why it cannot be read."""
    try:
        return {p.name: p for p in Pm2Client().processes() if p.name in EVERY}, None
    except Pm2Unavailable as error:
        return {}, str(error)


def print_processes(processes: dict[str, Pm2Process], trouble: str | None, verdict: Judged) -> None:
    """One line for each of our processes; `trouble`: why PM2 could not be asked."""
    if trouble is not None:
        ui.plain(f"  PM2        {trouble}")
        return
    for name in EVERY:
        process = processes.get(name)
        if process is None and name in (*OPTIONAL, *ON_DEMAND):
            continue
        if process is not None and name in ON_DEMAND and process.effective is Effective.STOPPED:
            ui.plain(f"  {name:10} {ui.marked(ui.DOT)} waits until it is asked for")
            continue
        if process is None:
            ui.plain(f"  {name:10} –")
            continue
        mark = ui.marked(ui.GOOD if process.effective is Effective.ONLINE else ui.BAD)
        if name == DEFAULT_BOT.process and process.effective is Effective.ONLINE and verdict.word in _SILENT:
            mark = ui.marked(ui.WARN)  # PM2 sees that it exists, not that it works
        since = f"up {ui.ago(time.time() - process.started_ms / 1000)}" if process.started_ms else ""
        other = "" if process.cwd == str(ROOT) else f"  of {process.cwd}"
        ui.plain(
            f"  {name:10} {mark} {process.label:16} pid {process.pid:<8} {process.memory_bytes / 1e6:5.0f} MB"
            f"  restarts {process.restarts:<3} {since}{other}"
        )


def _print_bot(seen: BotSeen, verdict: Judged) -> None:
    ui.plain()
    state, word = seen.state, verdict.word.shown.upper()
    if state is None:
        ui.plain(f"  Bot       {ui.paint(word, *_style(verdict.word))}: {seen.error or 'no state file yet'}")
        return
    if verdict.seconds is not None:
        word += f" {ui.ago(verdict.seconds)}"
    age = f"data {ui.ago(seen.age_s)} old" if seen.age_s is not None else ""
    word = ui.paint(word, *_style(verdict.word))
    ui.plain(f"  Bot       {word}  mode {state.mode.upper()}  phase {state.phase}  {age}")
    if verdict.reason:
        ui.plain(f"            {ui.sentence(verdict.reason)}.")
        left = unwatched(state)
        if left is not None and left.lots:
            ui.plain(f"            {left.sentence()}.")
    if seen.presence is not Presence.FRESH:
        ui.plain(f"            Its last report ({state.status}) is shown below.")
    elif verdict.blind:
        ui.plain(f"            The figures below are {ui.ago(verdict.figures_age_s or 0.0)} old.")
    if state.error:
        ui.plain(f"  Error     {state.error}")
    if state.live_lock:
        ui.plain(f"  Live      {state.live_lock}")
        for text in live_permission.lab_lines(_permission()):
            ui.plain(f"  Lab       {text}")
    for alert in state.alerts:
        ui.plain(f"  {ui.paint('Alert', 'bold', 'red')}     {alert.text}")
    _print_figures(state)


def _permission() -> bytes | None:
    try:
        return read_bytes(data_paths().live_permission, trusted=True)
    except (OSError, Unreadable):
        return None


def _style(word: Verdict) -> tuple[str, ...]:
    """Green only where it trades; what is no trouble but no trading either is yellow."""
    return ("green",) if EXIT[word] == 0 else ("yellow",) if EXIT[word] == 1 else ("bold", "red")


def _print_figures(state: BotState) -> None:
    if state.kill is not None:
        ui.plain(f"  Killed    {state.kill.at}, {state.kill.source}, latch {state.kill.latch_id}")
    if not state.control.ok:
        ui.plain(f"  Control   {state.control.error}")
    if state.portfolio_value is not None:
        day_pnl = state.account.day_pnl if state.account else 0.0
        day = f"  day {ui.signed(f'{day_pnl:+,.2f} USD', day_pnl)}" if state.account else ""
        ui.plain(f"  Equity    {state.portfolio_value:,.2f} USD{day}")
    if state.positions is None:
        ui.plain("  Positions not known yet")
        return
    for position in state.positions:
        result = position.unrealized_pnl
        pnl = ui.signed(f"{result:+,.2f} USD", result) if result is not None else "no price yet"
        size = f"{position.size_usd:,.2f} USD" if position.size_usd is not None else "–"
        ui.plain(f"  {position.product_id:9} {position.base_size_text} = {size}  {pnl}  lots {len(position.lots)}")
    if not state.positions:
        ui.plain("  Positions none")
