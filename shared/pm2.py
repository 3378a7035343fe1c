"""PM2 read and asked over its own socket, in pure Python.

PM2's command line starts a daemon whenever none runs, even to answer `pm2 list`; two of them at once can lose a
process. This client only connects to `$PM2_HOME/rpc.sock`, so it can never start one, and one reading costs a
millisecond. The protocol is PM2's internal one (AMP frames, axon-rpc calls): it is checked against the daemon's
version, and whoever asks must be ready for `Pm2Unavailable`.
"""

import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from shared import pm2_home

# Majors whose protocol and fields a test has seen.
KNOWN_MAJORS = frozenset({5, 6, 7})
MAX_ANSWER_BYTES = 32 * 1024 * 1024


class Trouble(StrEnum):
    """Why PM2 can't be read; each has another way out."""

    OPEN = "open"  # others may command it
    OFFLINE = "offline"  # no daemon runs
    DENIED = "denied"  # another user's daemon
    HUNG = "hung"  # the daemon doesn't answer
    UNKNOWN = "unknown"  # it answers something that we don't understand


class Pm2Unavailable(Exception):
    """PM2 can't be read or refused; `trouble` says why in one word, the text in a sentence."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


class Effective(StrEnum):
    """What a process of PM2 really is. PM2's own word is wrong after a stop code and after kill -9 of a waiting one."""

    ONLINE = "online"
    LAUNCHING = "launching"
    STOPPING = "stopping"
    WAITING = "waiting restart"
    STOPPED = "stopped"
    ERRORED = "errored"
    DEAD = "dead"  # PM2 says online, but no such process lives


@dataclass(frozen=True, slots=True)
class Pm2Process:
    """One process of PM2: an allow-list of its fields. PM2's `env` never gets this far, as it may hold secrets."""

    name: str
    pm_id: int
    pid: int  # 0 = none; stale while waiting for a restart
    status: str  # PM2's own word
    effective: Effective
    label: str  # for people: the effective state, with the exit code where it explains the state
    restarts: int
    started_ms: int | None  # epoch
    memory_bytes: int
    cpu_pct: float  # since anybody's last reading
    cwd: str
    exit_code: int | None  # 0 also for a death by signal
    restart_delay_ms: int
    kill_timeout_ms: int
    out_log: str
    error_log: str


def home(environ: Mapping[str, str] | None = None) -> Path:
    """PM2's folder: PM2_HOME, which PM2 hands to its processes, else ~/.pm2."""
    environ = os.environ if environ is None else environ
    given = environ.get("PM2_HOME")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".pm2"


def pid_alive(pid: int) -> bool:
    """True where a process of that id lives (a zombie doesn't)."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no /proc here: the signal's word stands
    return state not in ("Z", "X")


def pid_stopped(pid: int) -> bool:
    """True where a signal holds the process: it lives and does nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def effective_state(
    status: str,
    pid: int,
    exit_code: int | None,
    stop_exit_codes: frozenset[int],
    alive: Callable[[int], bool] = pid_alive,
) -> tuple[Effective, str]:
    """(state, label) from PM2's own fields.

    With a restart delay PM2 leaves a finally stopped process on "waiting restart" for ever; only its pid of 0
    tells it from one that really waits (whose pid is that of the dead process).
    """
    if status == "waiting restart":
        if pid:
            return Effective.WAITING, "waiting restart"
        if exit_code in stop_exit_codes:
            return Effective.STOPPED, f"stopped ({exit_code})"
        return Effective.ERRORED, "errored"
    if status == "online":
        return (Effective.ONLINE, "online") if alive(pid) else (Effective.DEAD, "dead")
    if status == "stopped":
        stopped_by_code = exit_code in stop_exit_codes
        return Effective.STOPPED, f"stopped ({exit_code})" if stopped_by_code else "stopped"
    try:
        return Effective(status), status
    except ValueError:
        return Effective.ERRORED, status


class Pm2Client:
    """Asks one PM2 daemon. Every method raises Pm2Unavailable; none blocks longer than its time limit."""

    def __init__(self, folder: Path | None = None, timeout_s: float = 1.0) -> None:
        self.folder = home() if folder is None else folder
        self.timeout_s = timeout_s

    def version(self) -> str:
        """The daemon's version, such as "7.0.4"."""
        answer = self.call("getVersion", {})
        if not isinstance(answer, str):
            raise Pm2Unavailable(Trouble.UNKNOWN, "PM2 gave no version")
        return answer

    def processes(self) -> list[Pm2Process]:
        """Every process but PM2's own modules, in PM2's order."""
        answer = self.call("getMonitorData", {})
        if not isinstance(answer, list):
            raise Pm2Unavailable(Trouble.UNKNOWN, "PM2 gave no list of processes")
        try:
            return [_process(raw) for raw in answer if not raw.get("pm2_env", {}).get("pmx_module")]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Pm2Unavailable(Trouble.UNKNOWN, f"PM2's list of processes can't be read: {error!r}") from error

    def find(self, name: str) -> Pm2Process | None:
        """The process of that name; None = PM2 doesn't know it."""
        return next((p for p in self.processes() if p.name == name), None)

    def start(self, name: str) -> None:
        """Start a known process; does nothing to one that runs."""
        process = self._known(name)
        if process.effective is Effective.WAITING:
            # PM2 refuses to start what waits for its restart, since the dead pid still stands in its table.
            self._stop(process)
        elif process.effective in (Effective.ONLINE, Effective.LAUNCHING):
            return
        self.call("startProcessId", process.pm_id, timeout_s=self.timeout_s + 5)

    def stop(self, name: str) -> None:
        """Stop it: SIGINT, after its kill_timeout SIGKILL. Returns when it is gone."""
        self._stop(self._known(name))

    def restart(self, name: str) -> None:
        """Stop gracefully and start again, with the environment that it had."""
        process = self._known(name)
        if process.effective is not Effective.ONLINE:
            self.start(name)
            return
        self.call("restartProcessId", {"id": process.pm_id}, timeout_s=self._stop_limit_s(process))

    def delete(self, name: str) -> None:
        """Stop it and take it off PM2's list."""
        process = self._known(name)
        self.call("deleteProcessId", process.pm_id, timeout_s=self._stop_limit_s(process))

    def _stop(self, process: Pm2Process) -> None:
        self.call("stopProcessId", process.pm_id, timeout_s=self._stop_limit_s(process))

    def _stop_limit_s(self, process: Pm2Process) -> float:
        return process.kill_timeout_ms / 1000 + self.timeout_s + 2

    def _known(self, name: str) -> Pm2Process:
        process = self.find(name)
        if process is None:
            raise Pm2Unavailable(Trouble.UNKNOWN, f"PM2 doesn't know {name}: ./coin start")
        return process

    def call(self, method: str, argument: object, timeout_s: float | None = None) -> Any:
        """One call over a connection of its own; returns the answer's value. Never hand it to a browser whole."""
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        request: dict[str, object] = {"type": "call", "method": method, "args": [argument]}
        unsafe = pm2_home.refusal(self.folder)
        if unsafe is not None:
            raise Pm2Unavailable(Trouble.OPEN, "; ".join((unsafe.problem, *unsafe.ways)))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                link.connect(str(self.folder / "rpc.sock"))
                link.sendall(_frame(request))
                answer = _read_answer(link, deadline)
            except (FileNotFoundError, ConnectionRefusedError) as error:
                raise Pm2Unavailable(Trouble.OFFLINE, "no PM2 daemon runs: ./coin start") from error
            except PermissionError as error:
                text = f"the PM2 daemon in {self.folder} is another user's"
                raise Pm2Unavailable(Trouble.DENIED, text) from error
            except TimeoutError as error:
                raise Pm2Unavailable(Trouble.HUNG, f"PM2 doesn't answer {method}") from error
            except OSError as error:
                raise Pm2Unavailable(Trouble.OFFLINE, f"PM2's socket: {error.strerror or error}") from error
        if not isinstance(answer, dict):
            raise Pm2Unavailable(Trouble.UNKNOWN, f"PM2 answered {method} with something else")
        if answer.get("error"):
            raise Pm2Unavailable(Trouble.UNKNOWN, f"PM2 refused {method}: {answer['error']}")
        values = answer.get("args") or [None]
        return values[0]


def supported(version: str) -> bool:
    """True where this protocol is known to hold for the daemon of that version."""
    major = version.partition(".")[0]
    return major.isdecimal() and int(major) in KNOWN_MAJORS


def _frame(request: dict[str, object]) -> bytes:
    """One AMP message: version 1 and two arguments, the call and the id that the answer repeats."""
    parts = [b"j:" + orjson.dumps(request), b"s:coin:0"]
    return bytes([0x10 | len(parts)]) + b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _read_answer(link: socket.socket, deadline: float) -> object:
    """The first argument of the answer. Raises TimeoutError past the deadline, OSError for a broken stream."""
    head = _read_exactly(link, 1, deadline)[0]
    if head >> 4 != 1:
        raise Pm2Unavailable(Trouble.UNKNOWN, "PM2 speaks another protocol")
    values: list[object] = []
    for _ in range(head & 0x0F):
        (length,) = struct.unpack(">I", _read_exactly(link, 4, deadline))
        if length > MAX_ANSWER_BYTES:
            raise Pm2Unavailable(Trouble.UNKNOWN, f"PM2's answer of {length} bytes is too large")
        part = _read_exactly(link, length, deadline)
        try:
            values.append(orjson.loads(part[2:]) if part[:2] == b"j:" else part[2:].decode("utf-8", "replace"))
        except orjson.JSONDecodeError as error:
            raise Pm2Unavailable(Trouble.UNKNOWN, "PM2's answer isn't JSON") from error
    return values[0] if values else None


def _read_exactly(link: socket.socket, count: int, deadline: float) -> bytes:
    found = bytearray()
    while len(found) < count:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        link.settimeout(left_s)
        chunk = link.recv(min(65_536, count - len(found)))
        if not chunk:
            raise ConnectionResetError("PM2 closed the connection")
        found += chunk
    return bytes(found)


def _process(raw: Mapping[str, Any]) -> Pm2Process:
    env = raw["pm2_env"]
    pid = int(raw.get("pid") or 0)  # absent for a stopped process after `pm2 resurrect`
    status = str(env.get("status", "unknown"))
    exit_code = env.get("exit_code")
    exit_code = exit_code if isinstance(exit_code, int) else None
    codes = env.get("stop_exit_codes") or []
    stop_codes = frozenset(int(code) for code in (codes if isinstance(codes, list) else [codes]))
    state, label = effective_state(status, pid, exit_code, stop_codes)
    monit = raw.get("monit") or {}
    started = env.get("pm_uptime")
    return Pm2Process(
        name=str(raw["name"]),
        pm_id=int(raw["pm_id"]),
        pid=pid,
        status=status,
        effective=state,
        label=label,
        restarts=int(env.get("restart_time") or 0),
        started_ms=started if isinstance(started, int) and state is Effective.ONLINE else None,
        memory_bytes=int(monit.get("memory") or 0),
        cpu_pct=float(monit.get("cpu") or 0.0),
        cwd=str(env.get("pm_cwd", "")),
        exit_code=exit_code,
        restart_delay_ms=int(env.get("prev_restart_delay") or 0),
        kill_timeout_ms=int(env.get("kill_timeout") or 1600),
        out_log=str(env.get("pm_out_log_path", "")),
        error_log=str(env.get("pm_err_log_path", "")),
    )
