"""Click to receipt, and the kill file to the shut gate."""

import time

from bench.measurement import Measurement, measured
from cli.rig import Rig, rig
from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.control import ReceiptState
from shared.documents.state import BotState
from shared.documents.status import Phase, Status

CLICKS = 100
KILLS = 10


def measure() -> list[Measurement]:
    """Over the files, as the dashboard does it: command written to receipt readable; KILL made to gate shut."""
    with rig() as made:
        made.start()
        made.wait_trading()
        clicks = [_click(made, Cmd.PAUSE if number % 2 == 0 else Cmd.START) for number in range(CLICKS)]
        made.wait(lambda state: state.status is Status.RUNNING)
        shut, cleared = zip(*(_kill(made) for _ in range(KILLS)), strict=True)
    return [
        Measurement("click to receipt, p50", measured(clicks, 50), "ms", note=f"n={CLICKS}"),
        Measurement("click to receipt, p99", measured(clicks, 99), "ms", note=f"n={CLICKS}"),
        Measurement("touch KILL to gate shut, p50", measured(shut, 50), "ms", note=f"n={KILLS}"),
        Measurement("touch KILL to gate shut, worst", max(shut), "ms", 50.0, f"n={KILLS}"),
        Measurement("gate shut to no order left (seen twice), worst", max(cleared), "ms", 1000.0, f"n={KILLS}"),
    ]


def _click(made: Rig, cmd: Cmd) -> float:
    """Milliseconds from before the write to the receipt "done" in the state file."""
    before = made.state()
    assert before is not None
    seen = [receipt.id for receipt in before.receipts]
    began = time.perf_counter()
    sent = send_command(made.paths, cmd, by="bench", seen_ids=seen)

    def done(state: BotState) -> bool:
        return any(receipt.id == sent.id and receipt.state is ReceiptState.DONE for receipt in state.receipts)

    made.wait(done, timeout_s=10, every_s=0.001)
    return (time.perf_counter() - began) * 1000


def _kill(made: Rig) -> tuple[float, float]:
    """Milliseconds (KILL made to gate shut, latch to nothing left), by the clock that both processes share."""
    made.paths.kill.touch(mode=0o600)
    made_ms = made.paths.kill.stat().st_mtime_ns / 1e6
    killed = made.wait(lambda state: state.kill is not None and state.kill.cleared_ms is not None, every_s=0.005)
    assert killed.kill is not None
    assert killed.kill.cleared_ms is not None
    shut_ms = killed.kill.at_ms + killed.kill.gate_shut_ms - made_ms
    send_command(made.paths, Cmd.RESET_KILL, {"latch_id": killed.kill.latch_id}, by="bench")
    made.wait(lambda state: state.kill is None and state.status is Status.STOPPED)
    send_command(made.paths, Cmd.START, by="bench")
    made.wait(lambda state: state.phase is Phase.TRADING and state.status is Status.RUNNING)
    return shut_ms, killed.kill.cleared_ms
