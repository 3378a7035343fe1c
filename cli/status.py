"""`./coin status`: what runs, how old it is, and what the bot says of itself."""

import time

from cli import ui
from cli.context import data_paths
from cli.pm2_process import APPS
from cli.witness import BotSeen, look
from shared.documents import BotState
from shared.paths import ROOT
from shared.pm2 import Effective, Pm2Client, Pm2Unavailable
from shared.presence import Presence

OK, NOT_TRADING, NOT_THERE = 0, 1, 3


def status(*, as_json: bool = False) -> int:
    """Print it; the answer is the exit code: 0 trading, 1 there but not trading, 3 not there."""
    paths = data_paths()
    seen = look(paths, watch_s=0.05)
    if as_json:
        _print_json(seen)
    else:
        _print_processes()
        _print_bot(seen)
    if seen.presence is not Presence.FRESH or seen.state is None:
        return NOT_THERE
    return OK if seen.state.status == "running" else NOT_TRADING


def _print_json(seen: BotSeen) -> None:
    import orjson  # noqa: PLC0415

    state = seen.state
    document = {
        "shown": seen.shown.lower(),
        "presence": seen.presence,
        "age_s": seen.age_s,
        "error": seen.error or (state.error if state else None),
        "status": state.status if state else None,
        "phase": state.phase if state else None,
        "portfolio_value": state.portfolio_value if state else None,
        "pid": state.pid if state else None,
    }
    ui.plain(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _print_processes() -> None:
    try:
        processes = {p.name: p for p in Pm2Client().processes() if p.name in APPS}
    except Pm2Unavailable as error:
        ui.plain(f"  PM2       {error}")
        return
    for name in APPS:
        process = processes.get(name)
        if process is None:
            ui.plain(f"  {name:9} –")
            continue
        mark = ui.GOOD if process.effective is Effective.ONLINE else ui.BAD
        since = f"up {ui.ago(time.time() - process.started_ms / 1000)}" if process.started_ms else ""
        other = "" if process.cwd == str(ROOT) else f"  of {process.cwd}"
        ui.plain(
            f"  {name:9} {mark} {process.label:16} pid {process.pid:<8} {process.memory_bytes / 1e6:5.0f} MB"
            f"  restarts {process.restarts:<3} {since}{other}"
        )


def _print_bot(seen: BotSeen) -> None:
    ui.plain()
    state = seen.state
    if state is None:
        ui.plain(f"  Bot       {seen.shown}: {seen.error or 'no state file yet'}")
        return
    age = f"data {ui.ago(seen.age_s)} old" if seen.age_s is not None else ""
    ui.plain(f"  Bot       {seen.shown}  mode {state.mode.upper()}  phase {state.phase}  {age}")
    if seen.presence is not Presence.FRESH:
        ui.plain(
            f"            The last thing that it said ({state.status}) is shown below; the process is gone or silent."
        )
    if state.error:
        ui.plain(f"  Error     {state.error}")
    _print_figures(state)


def _print_figures(state: BotState) -> None:
    if state.kill is not None:
        ui.plain(f"  Killed    {state.kill.at} by {state.kill.source}, latch {state.kill.latch_id}")
    if not state.control.ok:
        ui.plain(f"  Control   {state.control.error}")
    if state.portfolio_value is not None:
        day = f"  day {state.account.day_pnl:+,.2f} USD" if state.account else ""
        ui.plain(f"  Equity    {state.portfolio_value:,.2f} USD{day}")
    if state.positions is None:
        ui.plain("  Positions not known yet")
        return
    for position in state.positions:
        pnl = f"{position.unrealized_pnl:+,.2f} USD" if position.unrealized_pnl is not None else "no price yet"
        size = f"{position.size_usd:,.2f} USD" if position.size_usd is not None else "–"
        ui.plain(f"  {position.product_id:9} {position.base_size_text} = {size}  {pnl}  lots {len(position.lots)}")
    if not state.positions:
        ui.plain("  Positions none")
