"""`./coin sim …`: COIN-SIM by itself."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import ui
from cli.context import loaded, own_folder
from cli.options import Json
from cli.pm2_process import pm2_trouble_said
from cli.start import check_clash, known, start_only
from shared.bots import SIMULATOR
from shared.errors import first_line
from shared.ledger.connect import ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger
from shared.ledger.postgres import set_aside
from shared.liveness import bot_pid
from shared.paths import DataPaths
from shared.pm2 import Effective, Pm2Client
from shared.settings import Mode, Settings
from simulator import admin
from simulator.admin import SimError

READY_S = 15.0


@pm2_trouble_said
def start() -> None:
    """Start COIN-SIM alone, wait until it answers, and say where."""
    settings = _simulated()
    own_folder(settings.paths)
    start_only([SIMULATOR])
    ends = time.monotonic() + READY_S
    while _ask(lambda: admin.status(settings.paths, settings)) is None:
        if time.monotonic() > ends:
            ui.give_up(f"COIN-SIM doesn't answer after {READY_S:.0f} s.", "Its log says why: ./coin logs sim")
        time.sleep(0.1)
    ui.line(ui.GOOD, f"COIN-SIM serves https://127.0.0.1:{settings.sim_port} and wss://127.0.0.1:{settings.sim_port}")
    if settings.sim_plain_port:
        ui.line(
            ui.GOOD, f"without TLS http://127.0.0.1:{settings.sim_plain_port}, ws://127.0.0.1:{settings.sim_plain_port}"
        )
    ui.plain(f"    certificate {settings.paths.sim / 'ca.pem'}")
    ui.plain(f"    API key     {settings.paths.sim / 'key.json'}")


@pm2_trouble_said
def stop() -> None:
    """Stop COIN-SIM alone."""
    client = Pm2Client()
    running = known(client)
    check_clash(running)
    if SIMULATOR not in running:
        ui.give_up("PM2 doesn't know COIN-SIM: ./coin sim start")
    client.stop(SIMULATOR)
    ui.line(ui.GOOD, "COIN-SIM stopped")


def status(json: Json = False) -> None:
    """What it serves and to whom."""
    settings = _simulated()
    found = _ask(lambda: admin.status(settings.paths, settings))
    if found is None:
        ui.give_up(f"COIN-SIM doesn't answer on port {settings.sim_admin_port}.", "./coin sim start")
    if json:
        ui.say_json(found)
        return
    ui.plain(f"  requests {found['requests']:,}  streams {found['streams']:,}  messages {found['messages']:,}")
    ui.plain(f"  orders {found['orders']:,}, open {found['open_orders']:,}  fills {found['fills']:,}\n")
    rows = [
        (name, market["price"], f"{market['status']} {market['status_message']}".strip())
        for name, market in found["products"].items()
    ]
    ui.table(("product", "price", "status"), "n#t", rows)
    for name, count in found["faults"].items():
        ui.plain(f"  fault {name}: injected {count} times")


def faults(
    assignments: Annotated[list[str] | None, typer.Argument(help="NAME=RATE or NAME={json}")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Turn all faults off.")] = False,
) -> None:
    """Show, arm (`NAME=RATE` or `NAME={json}`) or clear the faults that COIN-SIM injects."""
    settings = _simulated()
    wanted = dict(_fault(text) for text in assignments or ())
    if clear:
        _ask(lambda: admin.clear_faults(settings.paths, settings))
    if wanted:
        _ask(lambda: admin.set_faults(settings.paths, settings, wanted))
    found = _ask(lambda: admin.get_faults(settings.paths, settings))
    ui.plain(json.dumps(found["armed"], indent=2) if found["armed"] else "  no fault is set")
    if not assignments and not clear:
        ui.plain("  known: " + ", ".join(found["known"]))
        ui.plain("  set one: ./coin sim faults NAME=0.05   all off: ./coin sim faults --clear")


def _fault(text: str) -> tuple[str, dict[str, Any]]:
    name, equals, value = text.partition("=")
    try:
        parsed = json.loads(value)
    except json.JSONDecodeError:
        parsed = None
    if not equals or isinstance(parsed, bool) or not isinstance(parsed, int | float | dict):
        ui.give_up(f"{text!r} is not a fault: NAME=RATE with a rate from 0 to 1, or NAME={{json}}", code=2)
    return name, parsed if isinstance(parsed, dict) else {"rate": parsed}


def key(
    rights: Annotated[str, typer.Option(help="view, trade, transfer")] = "view,trade",
    ed25519: Annotated[bool, typer.Option("--ed25519", help="Make an Ed25519 key instead of ES256.")] = False,
) -> None:
    """Issue a key of COIN-SIM, as a file of the form that Coinbase hands out."""
    paths = _simulated().paths
    own_folder(paths)
    chosen = [word.strip() for word in rights.split(",")]
    ui.plain(str(_ask(lambda: admin.make_key(paths, chosen, edwards=ed25519))))


def deposit(
    value: str,
    currency: Annotated[str, typer.Option(help="Of the account, such as USD or BTC.")] = "USD",
) -> None:
    """Add play money."""
    settings = _simulated()
    _ask(lambda: admin.deposit(settings.paths, settings, value, currency.upper()))
    ui.line(ui.GOOD, f"{value} {currency.upper()} deposited")


@pm2_trouble_said
def reset(
    with_bot: Annotated[bool, typer.Option("--with-bot", help="Set the bot's ledger aside as well.")] = False,
) -> None:
    """A new account. The old one is kept aside; so is the bot's ledger, where asked: its lots were bought there."""
    found = _simulated()
    paths = found.paths
    own_folder(paths)
    client = Pm2Client()
    running = known(client)
    check_clash(running)
    if bot_pid(paths) is not None:
        ui.give_up("The bot is running and trades on that account.", "./coin stop, then try again")
    location = ledger_location(found)
    if _there(location) and not with_bot:
        ui.give_up(
            "The bot's ledger belongs to this account: without it, its lots would have no coins.",
            "./coin sim reset --with-bot sets both aside",
        )
    simulator = running.get(SIMULATOR)
    if simulator is not None and simulator.effective is not Effective.STOPPED:
        client.stop(SIMULATOR)
    if admin.running(paths):
        ui.give_up("A COIN-SIM that PM2 doesn't know runs on that account.", "End it, then try again")
    aside = _set_aside(paths, with_bot=with_bot)
    ui.line(ui.GOOD, f"COIN-SIM will start with a new account. The old one is in {aside}")
    if with_bot and location.on_server:
        ui.line(ui.DOT, f"the server's ledger is kept as schema {set_aside(location, aside.name[-16:-1].lower())}")
    ui.line(ui.DOT, "Next: ./coin start, or ./coin sim start for only the exchange")


def _there(location: LedgerLocation) -> bool:
    try:
        return ledger_exists(location)
    except (LedgerError, DamagedLedger) as error:
        why = first_line(error)
        ui.give_up(f"The {location} can't be asked: {why}")


def _set_aside(paths: DataPaths, *, with_bot: bool) -> Path:
    aside = paths.root / f"before-reset-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    moved = _with_wal(paths.sim / f"account{paths.flavour}.db")
    if with_bot:
        moved += [*_with_wal(paths.ledger), *_with_wal(paths.market_db), paths.positions, paths.live_positions]
    for old in moved:
        if old.exists():
            os.replace(old, aside / old.name)
    return aside


def _with_wal(database: Path) -> list[Path]:
    """A SQLite file with its journal, which is part of it."""
    return [database.with_name(database.name + ending) for ending in ("", "-wal", "-shm")]


def _simulated() -> Settings:
    found = loaded().settings
    if found.coin_mode is Mode.LIVE:
        ui.give_up("COIN_MODE=live uses no COIN-SIM. Set COIN_MODE=sim first.")
    return found


def _ask(call: Callable[[], Any]) -> Any:
    """One call of COIN-SIM's administration. Ends with its sentence where it is refused."""
    try:
        return call()
    except SimError as error:
        ui.give_up(str(error))
