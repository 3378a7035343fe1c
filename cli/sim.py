"""`./coin sim …`: COIN-SIM by itself, over its admin port and files."""

import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import orjson

from cli import ui
from cli.context import loaded
from cli.start import check_clash, known
from cli.witness import lock_holder
from shared.paths import DataPaths
from shared.pm2 import Effective, Pm2Client
from shared.settings import Mode, Settings

TIMEOUT_S = 5.0
# What a user's own account is: kept aside together, since the ledger's lots are that account's coins.
BOTS_FILES = (
    *("ledger.db", "ledger.db-wal", "ledger.db-shm", "positions.json", "live_positions.json"),
    *("market.db", "market.db-wal", "market.db-shm"),
)
ACCOUNT_FILES = ("account.db", "account.db-wal", "account.db-shm")


def start() -> None:
    """Start COIN-SIM alone."""
    from cli.start import start_only  # noqa: PLC0415

    found = _simulated()
    found.paths.prepare()
    start_only(["COIN-SIM"])


def stop() -> None:
    """Stop COIN-SIM alone."""
    client = Pm2Client()
    running = known(client)
    check_clash(running)
    if "COIN-SIM" not in running:
        ui.give_up("PM2 doesn't know COIN-SIM: ./coin start")
    client.stop("COIN-SIM")
    ui.line(ui.GOOD, "COIN-SIM stopped")


def status() -> None:
    """What it serves and to whom."""
    found = _ask("GET", "/status")
    ui.plain(f"  requests {found['requests']}  streams {found['streams']}  messages {found['messages']}")
    ui.plain(f"  orders {found['orders']}, open {found['open_orders']}  fills {found['fills']}")
    for name, market in found["products"].items():
        ui.plain(f"  {name:10} {market['price']:>14}  {market['status']} {market['status_message']}".rstrip())
    for name, count in found["faults"].items():
        ui.plain(f"  fault {name}: struck {count} times")


def faults(assignments: list[str], *, clear: bool) -> None:
    """Show, arm (`NAME=RATE` or `NAME={json}`) or clear the faults that COIN-SIM injects."""
    if clear:
        _ask("DELETE", "/faults")
    if assignments:
        _ask("PUT", "/faults", dict(_fault(text) for text in assignments))
    found = _ask("GET", "/faults")
    ui.plain(json.dumps(found["armed"], indent=2) if found["armed"] else "  no fault is armed")
    if not assignments and not clear:
        ui.plain("  known: " + ", ".join(found["known"]))
        ui.plain("  arm one: ./coin sim faults NAME=0.05   all off: ./coin sim faults --clear")


def _fault(text: str) -> tuple[str, dict[str, Any]]:
    name, equals, value = text.partition("=")
    try:
        parsed = json.loads(value)
    except json.JSONDecodeError:
        parsed = None
    if not equals or isinstance(parsed, bool) or not isinstance(parsed, int | float | dict):
        ui.give_up(f"{text!r} is no fault: NAME=RATE with a rate from 0 to 1, or NAME={{json}}", code=2)
    return name, parsed if isinstance(parsed, dict) else {"rate": parsed}


def key(rights: str, *, edwards: bool) -> None:
    """Issue a key of COIN-SIM, as a file of the form that Coinbase hands out."""
    from simulator.api.auth import Right  # noqa: PLC0415
    from simulator.server.files import SimFiles, issue_key  # noqa: PLC0415

    try:
        chosen = [Right(word.strip()) for word in rights.split(",")]
    except ValueError:
        ui.give_up(f"{rights!r}: rights are {', '.join(Right)}, comma separated", code=2)
    found = _simulated()
    files = SimFiles(found.paths.sim)
    files.prepare()
    ui.plain(str(issue_key(files, chosen, edwards=edwards)))


def reset(*, with_bot: bool) -> None:
    """A new account. The old one is kept aside; so is the bot's ledger, where asked: its lots were bought there."""
    found = _simulated()
    client = Pm2Client()
    running = known(client)
    check_clash(running)
    if lock_holder(found.paths.bot_lock) is not None:
        ui.give_up("The bot runs and trades on that account.", "./coin stop, then again")
    has_ledger = found.paths.ledger.exists()
    if has_ledger and not with_bot:
        ui.give_up(
            "The bot's ledger belongs to the account that would go: its lots would have no coins.",
            "./coin sim reset --with-bot sets both aside",
        )
    simulator = running.get("COIN-SIM")
    if simulator is not None and simulator.effective is not Effective.STOPPED:
        client.stop("COIN-SIM")
    aside = _set_aside(found.paths, with_bot=with_bot)
    ui.line(ui.GOOD, f"COIN-SIM starts with a new account. What was there is in {aside}")
    ui.line(ui.DOT, "./coin start")


def _set_aside(paths: DataPaths, *, with_bot: bool) -> str:
    aside = paths.root / f"before-reset-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    moved = [(paths.sim / name, aside / name) for name in ACCOUNT_FILES]
    moved += [(paths.root / name, aside / name) for name in BOTS_FILES if with_bot]
    for old, new in moved:
        if old.exists():
            os.replace(old, new)
    return str(aside)


def _simulated() -> Settings:
    found = loaded().settings
    if found.coin_mode is Mode.LIVE:
        ui.give_up("The mode is live: there is no COIN-SIM. Set COIN_MODE=sim first.")
    return found


def _ask(method: str, path: str, body: object = None) -> Any:
    """One request to the admin port. Ends with a sentence where it isn't answered."""
    found = _simulated()
    try:
        token = (found.paths.sim / "admin_token").read_text().strip()
    except OSError:
        ui.give_up("COIN-SIM has never run here.", "./coin sim start")
    request = urllib.request.Request(
        f"http://127.0.0.1:{found.sim_admin_port}{path}",
        method=method,
        data=None if body is None else orjson.dumps(body),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    # No proxy of the environment may get the token.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return orjson.loads(answer.read())
    except urllib.error.HTTPError as error:
        ui.give_up(f"COIN-SIM refused: {error.read().decode(errors='replace')[:300]}")
    except (OSError, orjson.JSONDecodeError) as error:
        ui.give_up(f"COIN-SIM doesn't answer on port {found.sim_admin_port}: {error}", "./coin sim start")
