"""Faults by their real causes: signals, crashes, a KILL, the kernel's limit on how large the bot's files may grow."""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.system.watch_rig import LIMIT_S, NOBODY_WATCHES, Beside
from cli.rig import NotReached
from shared.bots import DEFAULT_BOT, SIMULATOR
from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.alerts import WATCHER_GONE_S
from shared.documents.state import BotState
from shared.documents.status import Phase, Status

ROOM_BYTES = 64 * 1024  # more than the largest document: those go on being written, the ledger does not
CRASHES = 2


@dataclass(frozen=True, slots=True)
class FaultBegun:
    """`at_s`: monotonic, from when on the fault was there. `undo` ends it and waits until the bot trades again."""

    at_s: float
    undo: Callable[[], None]


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """`threshold_s`: how long after its begin it counts as one. `settings`: of the bot, without which it is none."""

    name: str
    alert: str
    threshold_s: float
    inject: Callable[[Beside], FaultBegun] = field(compare=False)
    settings: Mapping[str, str] = field(default_factory=dict)


def _dead(watched: Beside) -> FaultBegun:
    at_s, boot_id = _crash(watched)
    return FaultBegun(at_s, lambda: _trades(watched, boot_id))


def _crash(watched: Beside) -> tuple[float, str]:
    """(when, the run that it ended)."""
    before = watched.rig.state()
    at_s = time.monotonic()
    os.kill(watched.rig.pid(DEFAULT_BOT.process), signal.SIGKILL)
    return at_s, before.boot_id if before is not None else ""


def _trades(watched: Beside, other_than: str = "") -> None:
    watched.wait_trades(other_than)


def _hold(process: str) -> Callable[[Beside], FaultBegun]:
    def inject(watched: Beside) -> FaultBegun:
        pid, at_s = watched.rig.pid(process), time.monotonic()
        os.kill(pid, signal.SIGSTOP)

        def go_on() -> None:
            with contextlib.suppress(ProcessLookupError):  # a bot that is held is ended by its watchdog
                os.kill(pid, signal.SIGCONT)
            _trades(watched)

        return FaultBegun(at_s, go_on)

    return inject


def _pull_kill(watched: Beside) -> FaultBegun:
    made, at_s = watched.rig, time.monotonic()
    made.paths.kill.touch(mode=0o600)

    def reset() -> None:
        killed = made.wait(lambda state: state.kill is not None and state.kill.cleared_ms is not None)
        assert killed.kill is not None
        _send(watched, Cmd.RESET_KILL, killed, latch_id=killed.kill.latch_id)
        _send(watched, Cmd.START, made.wait(lambda state: state.kill is None and state.status is Status.STOPPED))
        _trades(watched)

    return FaultBegun(at_s, reset)


def _safe(watched: Beside) -> FaultBegun:
    """Crash after crash, until the next run comes up SAFE: that is when it begins. Crashes of before count as well."""
    for _ in range(CRASHES):
        _, boot_id = _crash(watched)
        begun = watched.rig.wait(_up_after(boot_id), LIMIT_S)
        if begun.status is Status.SAFE:
            break
    else:
        raise NotReached(f"{CRASHES} crashes, and no SAFE: {begun.status}")
    at_s = time.monotonic()

    def start() -> None:
        _send(watched, Cmd.START, watched.rig.state() or begun)
        _trades(watched)

    return FaultBegun(at_s, start)


def _up_after(boot_id: str) -> Callable[[BotState], bool]:
    return lambda state: state.boot_id != boot_id and (state.status is Status.SAFE or state.phase is Phase.TRADING)


def _ledger_full(watched: Beside) -> FaultBegun:
    """The kernel lets no file of the bot grow: its ledger's cannot, as on a full disk; nobody else's disk is filled."""
    made = watched.rig
    pid = made.pid(DEFAULT_BOT.process)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    most = max(path.stat().st_size for path in (made.paths.state, made.paths.positions) if path.exists())
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most + ROOM_BYTES, hard))
    limited = True

    def room() -> None:
        nonlocal limited
        if limited:
            limited = False
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))

    try:
        at_s = _until_a_write_fails(watched)
    except NotReached:
        room()
        raise

    def undo() -> None:
        room()
        _send(watched, Cmd.START, made.wait(lambda state: state.io.ledger_ok))
        _trades(watched)

    return FaultBegun(at_s, undo)


def _until_a_write_fails(watched: Beside) -> float:
    """Each command is a row or two: sooner or later the ledger's log is beyond the limit. Raises NotReached."""
    until_s, words = time.monotonic() + LIMIT_S, (Cmd.PAUSE, Cmd.START)
    sent = 0
    while time.monotonic() < until_s:
        state = watched.rig.wait(lambda _: True)
        if not state.io.ledger_ok:
            return time.monotonic()
        if not _waiting(watched, state):
            _send(watched, words[sent % 2], state)
            sent += 1
        time.sleep(0.01)
    raise NotReached(f"{sent} commands, and the ledger is still written")


def _waiting(watched: Beside, state: BotState) -> bool:
    """Whether the command that was sent last has not been read yet."""
    return watched.last_sent is not None and watched.last_sent not in _answered(state)


def _watcher_gone(watched: Beside) -> FaultBegun:
    assert watched.watch is not None
    at_s = time.monotonic()
    watched.watch.kill()
    watched.watch.wait(10)
    return FaultBegun(at_s, watched.start_watch)


def _answered(state: BotState) -> list[str]:
    """The commands that the bot has a receipt for: their places in the ring are free again."""
    return [receipt.id for receipt in state.receipts]


def _send(watched: Beside, cmd: Cmd, state: BotState, **args: str) -> None:
    sent = send_command(watched.rig.paths, cmd, args, by="bench", seen_ids=_answered(state))
    watched.last_sent = sent.id


FAULTS = (
    InjectedFault("dead", "process.main", 1.0, _dead),
    InjectedFault("hung", "process.main", 5.0, _hold(DEFAULT_BOT.process)),
    InjectedFault("killed", "kill.main", 0.0, _pull_kill),
    InjectedFault("exchange gone", "exchange.sim", 5.0, _hold(SIMULATOR)),
    InjectedFault("ledger full", "ledger.main", 0.0, _ledger_full),
    InjectedFault("watcher gone", NOBODY_WATCHES, WATCHER_GONE_S, _watcher_gone),
    InjectedFault("SAFE", "safe.main", 0.0, _safe, {"SAFE_STARTS": str(CRASHES)}),
)
