"""Order gate, instance lock, state writer, logs, offload: the small parts of the shell, each by itself."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.app.instance_lock import InstanceLock, LockHeld
from bot.app.order_gate import OrderGate
from bot.app.state_documents import state
from bot.app.state_writer import StateWriter
from bot.domain import events as ev
from bot.domain.intents import SaveLot
from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.orders import OrderSpec
from shared import logs
from shared.control import TradingState
from shared.documents.state import encode_state
from shared.paths import DataPaths
from shared.ports import SystemClock, SystemFs
from shared.settings import Mode, Settings
from tests.core.harness import D
from tests.runtime.bot_rig import BotRig, HandClock, Inline
from tests.runtime.test_ledger import lot

ROOT = Path(__file__).resolve().parents[2]
SPEC = OrderSpec(
    "ct-main-1", "BTC-USD", Side.BUY, OrderKind.MARKET, Purpose.ENTRY, None, D(10), None, False, None, D(100)
)
EXIT = replace(SPEC, side=Side.SELL, purpose=Purpose.EXIT, base_size=D(1), quote_size=None, reduce_only=True)
TAKE = replace(EXIT, purpose=Purpose.TAKE_PROFIT, kind=OrderKind.LIMIT, limit_price=D(103))
FLATTEN = replace(EXIT, purpose=Purpose.FLATTEN)
ORDERS = {"entry": SPEC, "exit": EXIT, "take": TAKE, "flatten": FLATTEN}


def gate(folder: Path, **settings: Any) -> OrderGate:
    made = OrderGate(Settings(**settings), DataPaths(folder), SystemFs(), lambda _spec: None)
    made.latches.level = TradingState.RUN
    return made


# What passes in each state: entry, exit, take, flatten.
PASSES: dict[str, str] = {
    "run": "entry exit take flatten",
    "pause": "exit take flatten",
    "stop": "flatten",
    "killed": "flatten",
    "KILL file": "flatten",
    "safe": "flatten",
    "ledger": "",
    "lock lost": "",
    "dry run": "",
    "live locked": "",
    "not told yet": "flatten",
}


@pytest.mark.parametrize("state", PASSES)
@pytest.mark.parametrize("which", ORDERS)
def test_what_passes_the_gate(tmp_path: Path, state: str, which: str) -> None:
    live = {"coin_mode": Mode.LIVE, "coinbase_key_file": "x"}
    made = gate(tmp_path, **(live if state in ("dry run", "live locked") else {}))
    if state == "live locked":
        made = OrderGate(Settings(**live, dry_run=False), DataPaths(tmp_path), SystemFs(), lambda _spec: None)  # type: ignore[arg-type]
        made.latches.level = TradingState.RUN
    match state:
        case "pause" | "stop":
            made.latches.level = TradingState[state.upper()]
        case "killed":
            made.latches.killed = True
        case "KILL file":
            (tmp_path / "KILL").touch()
        case "safe":
            made.latches.safe = True
        case "ledger":
            made.latches.ledger_ok = False
        case "lock lost":
            made.latches.lock_lost = True
        case "not told yet":
            made.latches.level = type(made.latches)().level
    reason = made.refusal(ORDERS[which])
    assert (reason is None) is (which in PASSES[state].split()), reason


def test_what_the_core_refuses_does_not_pass(tmp_path: Path) -> None:
    made = OrderGate(Settings(), DataPaths(tmp_path), SystemFs(), lambda spec: f"no {spec.purpose.value}")
    made.latches.level = TradingState.RUN
    assert [made.refusal(spec) for spec in ORDERS.values()] == ["no entry", "no exit", "no take", "no flatten"]


def test_a_flatten_only_reduces(tmp_path: Path) -> None:
    assert gate(tmp_path).refusal(replace(FLATTEN, side=Side.BUY, reduce_only=False)) is not None
    assert gate(tmp_path).refusal(replace(FLATTEN, reduce_only=False)) is not None


# The instance lock.

HOLDER = """
import asyncio, sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from bot.app.instance_lock import InstanceLock
from shared.ports import SystemClock
async def main():
    lock = InstanceLock(Path({path!r}))
    await lock.acquire(SystemClock(), 0)
    print("held", flush=True)
    time.sleep(30)
asyncio.run(main())
"""


async def test_one_bot_for_each_folder_and_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "bot.lock"
    program = textwrap.dedent(HOLDER.format(root=str(ROOT), path=str(path)))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeld, match=f"pid {holder.pid}"):
            await InstanceLock(path).acquire(SystemClock(), 0.2)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        lock = InstanceLock(path)
        await lock.acquire(SystemClock(), 2)
    assert lock.still_ours() and path.read_text().strip() == str(os.getpid())
    path.unlink()
    assert not lock.still_ours(), "a deleted lock file would let a second bot in"
    path.touch()
    assert not lock.still_ours(), "another file of that name is not ours"
    assert not lock.held_by_another(), "nobody holds it yet"
    second = InstanceLock(path)
    await second.acquire(SystemClock(), 0)
    assert lock.held_by_another()
    second.release()
    assert not lock.held_by_another()


# The state writer.


class FlakyFs(SystemFs):
    def __init__(self) -> None:
        self.fail: set[str] = set()

    def write_whole(self, path: Path, data: bytes, *, durable: bool) -> None:
        if path.name in self.fail:
            raise OSError(28, "No space left on device")
        super().write_whole(path, data, durable=durable)


async def test_failed_writes_are_counted_told_and_made_good(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data")
    rig.fs = fs = FlakyFs()
    rig.begin()
    fs.fail = {"bot_state.json", "positions.json"}
    await rig.bot.writer.write()
    assert rig.bot.writer.health.write_errors == 2 and not rig.bot.writer.health.positions_ok
    assert not list(rig.settings.paths.root.glob("*.tmp"))
    fs.fail = set()
    await rig.bot.writer.write()
    await rig.bot.writer.write()
    assert rig.bot.writer.health.positions_ok and rig.bot.writer.health.last_error is None
    assert rig.settings.paths.positions.exists() and rig.settings.paths.live_positions.exists()
    found = rig.state()
    assert found.io.write_errors == 2 and found.io.last_error is None


async def test_positions_of_the_last_run_stay_until_the_lots_are_known(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data")
    rig.settings.paths.positions.write_text('{"lots": ["of the last run"]}')
    rig.begin(trading=False)
    await rig.bot.writer.write()
    assert "of the last run" in rig.settings.paths.positions.read_text()
    rig.trade()
    await rig.bot.writer.write()
    assert "of the last run" not in rig.settings.paths.positions.read_text()


async def test_a_poke_writes_at_once_and_does_not_shift_the_beat(tmp_path: Path) -> None:
    written: list[float] = []
    clock = SystemClock()
    rig = BotRig(tmp_path / "data")
    rig.begin()

    class Noting(SystemFs):
        def write_whole(self, path: Path, data: bytes, *, durable: bool) -> None:
            if path.name == "bot_state.json":
                written.append(clock.monotonic_s())

    writer = StateWriter(rig.settings.paths, Noting(), clock, Inline(), lambda: state(rig.bot), lambda: None)
    task = asyncio.ensure_future(writer.run())
    began_s = clock.monotonic_s()
    await asyncio.sleep(0.2)
    writer.poke()
    await asyncio.sleep(1.0)
    task.cancel()
    beats = [round(at - began_s, 1) for at in written]
    assert beats[:4] == [0.0, 0.2, 0.5, 1.0], beats


@pytest.mark.parametrize("turns", range(6))
async def test_the_writer_ends_when_it_is_ended_at_the_moment_of_a_poke(tmp_path: Path, turns: int) -> None:
    rig = BotRig(tmp_path / "data")
    rig.begin()
    paths = rig.settings.paths
    writer = StateWriter(paths, SystemFs(), SystemClock(), Inline(), lambda: state(rig.bot), lambda: None)
    task = asyncio.ensure_future(writer.run())
    await asyncio.sleep(0.05)
    writer.poke()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=1.5)
    task.cancel()
    assert done


async def test_the_document_stays_below_64_kb_with_as_many_lots_as_the_default_allows(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data")
    rig.begin()
    held = [
        replace(lot(number + 1), lot_id=f"ct-main-{number:032x}", exit_reason=None, trail_active=False)
        for number in range(Settings().max_total_lots)
    ]
    assert rig.bot.ledger is not None
    rig.bot.ledger.commit([SaveLot(one) for one in held], 1)
    rig.begin()
    assert rig.bot.engine is not None and len(rig.bot.engine.view.positions.lots()) == len(held)
    rig.bot.dispatch(ev.PriceUpdate("BTC-USD", Decimal(83_000), Decimal(82_999), Decimal(83_001)))
    for _ in range(60):
        rig.bot.dispatch(ev.Tick())
    size = len(encode_state(state(rig.bot)))
    assert size < 64 * 1024, f"{size} bytes"


# Logs.

FORGERIES = [
    "a\nb", "a\r\nb", "a\x1b[31mred", "a\x00b", "a\x07b", "a\x7fb", "a\x85b", "a\x9bb", "a\u2028b", "a\u2029b",
    "a\u202eb",
    "a\u2066b", "a\u2069b", "\x0c", "\x0b",
]  # fmt: skip


@pytest.mark.parametrize("text", FORGERIES)
def test_no_line_can_be_forged(text: str) -> None:
    record = logging.LogRecord("orders", logging.INFO, "f", 1, "%s", (text,), None)
    line = logs.LineFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029\u202e\u2066\u2069" for c in line)


def test_a_traceback_cannot_forge_a_line_either() -> None:
    try:
        raise ValueError("bad\x1b[2J\n2026-11-20T00:00:00.000Z INFO    bot all is well")
    except ValueError:
        record = logging.LogRecord("bot", logging.ERROR, "f", 1, "failed", (), sys.exc_info())
    line = logs.LineFormatter().format(record)
    assert "\x1b" not in line
    assert not any(part.startswith("2026-11-20T00:00:00.000Z INFO") for part in line.splitlines()), line


def test_log_files_are_private_and_bounded(tmp_path: Path) -> None:
    handler = logs.PrivateRotatingFile(tmp_path / "x.log", maxBytes=1000, backupCount=2)
    for number in range(600):
        handler.emit(logging.LogRecord("x", logging.INFO, "f", 1, f"line {number}", (), None))
    handler.close()
    found = sorted(tmp_path.iterdir())
    assert len(found) == 3 and all(p.stat().st_size <= 1000 and p.stat().st_mode & 0o777 == 0o600 for p in found)


def test_the_hand_clock_is_honest() -> None:
    clock = HandClock()
    before = clock.utc()
    clock.turn(1.5)
    assert (clock.utc() - before).total_seconds() == 1.5
