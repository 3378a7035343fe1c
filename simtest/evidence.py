"""What a run leaves for the judge: the ground truth as a document, every version of each order, peak resource use."""

import asyncio
import hashlib
import os
import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any

from shared.ledger.open import open_reader
from shared.ledger.replay import first_difference, replay_files
from shared.ledger.verify import verify
from shared.settings import GRANULARITY_S, Settings
from simtest.ground_truth import GroundTruth
from simtest.plan import Plan
from simtest.virtual_venue import VirtualVenue

# The ledger itself keeps every version of an order and of a command for the judge.
HISTORY = (
    "CREATE TABLE IF NOT EXISTS rig_orders (client_order_id TEXT, state TEXT, filled_size TEXT)",
    "CREATE TRIGGER IF NOT EXISTS rig_insert AFTER INSERT ON orders BEGIN "
    "INSERT INTO rig_orders VALUES (new.client_order_id, new.state, new.filled_size); END",
    "CREATE TRIGGER IF NOT EXISTS rig_update AFTER UPDATE ON orders BEGIN "
    "INSERT INTO rig_orders VALUES (new.client_order_id, new.state, new.filled_size); END",
    "CREATE TABLE IF NOT EXISTS rig_commands (id TEXT, state TEXT, done_ms INTEGER)",
    "CREATE TRIGGER IF NOT EXISTS rig_seen AFTER INSERT ON commands BEGIN "
    "INSERT INTO rig_commands VALUES (new.id, new.state, new.done_ms); END",
    "CREATE TRIGGER IF NOT EXISTS rig_ended AFTER UPDATE ON commands BEGIN "
    "INSERT INTO rig_commands VALUES (new.id, new.state, new.done_ms); END",
)
_TABLES = ("orders", "fills", "lots", "days", "latches", "commands", "activity_log", "key_values", "events")
BARS_BEFORE = 60  # closed before the run began: a slow average looks back so far
_STORAGE = (("journal_mode", "wal"), ("synchronous", 2))  # 2 = FULL: what is committed outlives a power cut


def storage_faults(engine: Any) -> list[str]:
    """Pragmas of the writer's connection that are not what they must be."""
    with engine.connect() as db:
        found = [(name, db.value(f"PRAGMA {name}"), want) for name, want in _STORAGE]
    return [f"{name} is {value}, not {want}" for name, value, want in found if value != want]


def open_files() -> int:
    """The number of open files of this process."""
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0


_FILES_OF_OTHERS = 0


def others_hold() -> None:
    """Count the files that are open now as not the bot's: a test process holds files of its own."""
    global _FILES_OF_OTHERS  # noqa: PLW0603  one run in a process at a time
    _FILES_OF_OTHERS = open_files()


def held(loop: asyncio.AbstractEventLoop, life: int, unread: int, backlog: int) -> dict[str, int]:
    """Tasks, files and queues that the bot's process holds now."""
    tasks: list[Any] = list(asyncio.all_tasks(loop))
    living = sum(bool(task._log_destroy_pending) for task in tasks)  # those of dead lives are kept, but marked
    files = open_files() - _FILES_OF_OTHERS
    return {"life": life, "tasks": living, "files": files, "unread": unread, "backlog": backlog}


def ledger_digest(path: Path) -> bytes:
    """Of the ledger's rows, but for the rows of the boots' own times."""
    if not path.exists():
        return b""
    out = hashlib.sha256()
    with sqlite3.connect(path) as db:
        for table in _TABLES:
            for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid"):  # noqa: S608
                out.update(repr(row).encode())
    db.close()
    return out.digest()


def ledger_faults(path: Path) -> dict[str, list[str]]:
    """What the ledger's own checks find, and the first difference after replaying the journal."""
    if not path.exists():
        return {"verify": [], "replay": []}
    engine = open_reader(path)
    findings = [f"{verdict.name}: {text}" for verdict in verify(engine) for text in verdict.findings]
    engine.dispose()
    again = path.with_name("replayed.db")
    before, after = replay_files(path, again)
    again.unlink(missing_ok=True)
    difference = first_difference(before, after)
    return {"verify": findings, "replay": [difference] if difference else []}


def kill_times_ms(truth: GroundTruth) -> list[float]:
    """How long each kill took, as the bot published it."""
    cleared = {state["latch"]: state["cleared_ms"] for state in truth.states if state["latch"]}
    return [float(ms) for ms in cleared.values() if ms is not None]


def document(plan: Plan, settings: Settings, venue: VirtualVenue, truth: GroundTruth, end_us: int) -> dict[str, Any]:
    """The ground truth: everything that the judge gets besides the ledger and the published files."""
    return {
        "plan": plan.to_json(),
        "bot_name": settings.bot_name,
        "stale_data_s": settings.stale_data_sec,
        "take_profit_order": settings.take_profit_order,
        "safe_starts": settings.safe_starts,
        "mark_to_market": settings.daily_breaker_mark_to_market,
        "live": plan.live,
        "max_order_usd": settings.max_order_usd,
        "max_orders_per_min": settings.max_orders_per_min,
        "settings": {
            name: value
            for name in (row.name for row in fields(settings))
            if isinstance(value := getattr(settings, name), bool | int | float | str)  # no secret is one of these
        }
        | {"strategies": settings.strategies},
        "end_us": end_us,
        "start_us": venue.start_us,
        "venue": venue.truth(),
        "bars": venue.bars(GRANULARITY_S[settings.granularity], BARS_BEFORE),
        "bar_s": GRANULARITY_S[settings.granularity],
        "ledger": ledger_faults(settings.paths.ledger),
        **truth.document(),
    }
