"""COIN-WATCH: what it costs, and how soon a real fault is told at a real sink.

`python -m bench.system.watch --each 100 --keep FILE` goes on for as long as that takes: each result is a line of FILE,
and the same command goes on where it was interrupted.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measurement import Measurement, measured
from cli.rig import NotReached, Rig, rig
from shared.bots import DEFAULT_BOT, SIMULATOR
from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.alerts import RuleState, decode_alerts
from shared.documents.state import BotState
from shared.documents.status import Phase, Status
from shared.files import Unreadable
from shared.paths import ROOT

EACH = 3
COST_S = 30.0
LIMIT_S = 60.0
GOAL_S = 5.0  # after the fault's own threshold
_START = "import sys; from pathlib import Path; from watch.__main__ import main; sys.exit(main(Path(sys.argv[1])))"


class LoopbackSink:
    """Takes what the webhook sink posts; remembers when each message came, by the monotonic clock."""

    def __init__(self) -> None:
        self.came: list[tuple[float, dict[str, Any]]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.came += [(time.monotonic(), message) for message in body["messages"]]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, name: str, kind: str, since_s: float) -> float:
        """When a message of that alert came. Raises NotReached."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            for at_s, message in self.came:
                if at_s >= since_s and message["name"] == name and message["kind"] == kind:
                    return at_s
            time.sleep(0.005)
        raise NotReached(f"{name} {kind} was not told in {LIMIT_S:g} s: {[m['title'] for _, m in self.came]}")


@dataclass(slots=True)
class Beside:
    """A rig with a watch beside it, whose sink is ours."""

    rig: Rig
    sink: LoopbackSink
    env_file: Path
    watch: "subprocess.Popen[bytes] | None" = None

    def begin(self) -> None:
        """A watch that knows nothing of the fault before, and has seen that all is well."""
        self.end()
        shutil.rmtree(self.rig.paths.watch, ignore_errors=True)
        env = {name: value for name, value in self.rig.env.items() if name != "PM2_HOME"}
        command = [sys.executable, "-c", _START, str(self.env_file)]
        self.watch = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + LIMIT_S
        while not self._all_well():
            if time.monotonic() > until_s:
                raise NotReached("the watch does not see that all is well")
            time.sleep(0.05)

    def _all_well(self) -> bool:
        assert self.watch is not None
        with contextlib.suppress(OSError, Unreadable):
            found = decode_alerts(self.rig.paths.alerts.read_bytes())
            urgent = [r for r in found.rules if r.name in ("bot_dead", "bot_silent", "exchange_gone", "killed")]
            return found.pid == self.watch.pid and {r.state for r in urgent} == {RuleState.QUIET}
        return False

    def end(self) -> None:
        if self.watch is not None:
            self.watch.terminate()
            self.watch.wait(10)
            self.watch = None


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """`inject` makes it and returns what ends it; `threshold_s`: from when on it counts as one."""

    name: str
    alert: str
    threshold_s: float
    inject: Callable[[Rig], Callable[[], None]] = field(compare=False)


def _kill_bot(made: Rig) -> Callable[[], None]:
    before = made.state()
    os.kill(made.pid(DEFAULT_BOT.process), signal.SIGKILL)
    boot_id = before.boot_id if before is not None else ""
    return lambda: _trades(made, other_than=boot_id)


def _hold(process: str) -> Callable[[Rig], Callable[[], None]]:
    def inject(made: Rig) -> Callable[[], None]:
        pid = made.pid(process)
        os.kill(pid, signal.SIGSTOP)

        def go_on() -> None:
            with contextlib.suppress(ProcessLookupError):  # a bot that is held is ended by its watchdog
                os.kill(pid, signal.SIGCONT)
            _trades(made)

        return go_on

    return inject


def _pull_kill(made: Rig) -> Callable[[], None]:
    made.paths.kill.touch(mode=0o600)

    def reset() -> None:
        killed = made.wait(lambda state: state.kill is not None and state.kill.cleared_ms is not None)
        assert killed.kill is not None
        latch = {"latch_id": killed.kill.latch_id}
        send_command(made.paths, Cmd.RESET_KILL, latch, by="bench", seen_ids=_answered(killed))
        stopped = made.wait(lambda state: state.kill is None and state.status is Status.STOPPED)
        send_command(made.paths, Cmd.START, by="bench", seen_ids=_answered(stopped))
        _trades(made)

    return reset


def _answered(state: BotState) -> list[str]:
    """The commands that the bot has a receipt for: their places in the ring are free again."""
    return [receipt.id for receipt in state.receipts]


def _trades(made: Rig, other_than: str = "") -> None:
    made.wait(
        lambda s: s.boot_id != other_than and s.phase is Phase.TRADING and s.status is Status.RUNNING and s.ws_ok, 60
    )


FAULTS = (
    InjectedFault("dead", "process.main", 1.0, _kill_bot),
    InjectedFault("hung", "process.main", 5.0, _hold(DEFAULT_BOT.process)),
    InjectedFault("killed", "kill.main", 0.0, _pull_kill),
    InjectedFault("exchange gone", "exchange.sim", 5.0, _hold(SIMULATOR)),
)


@contextlib.contextmanager
def beside() -> Iterator[Beside]:
    with rig() as made:
        sink = LoopbackSink()
        env_file = made.home.parent / "watch.env"
        env_file.touch(mode=0o600)
        env_file.write_text(f"ALERT_WEBHOOK_URL=http://127.0.0.1:{sink.port}/\n")
        made.start("COIN", SIMULATOR, DEFAULT_BOT.process)
        made.wait_trading()
        watched = Beside(made, sink, env_file)
        try:
            yield watched
        finally:
            watched.end()
            sink.server.shutdown()
            sink.server.server_close()


def injected(watched: Beside, fault: InjectedFault) -> float:
    """Seconds from the fault to its message at the sink. Raises NotReached."""
    watched.begin()
    began_s = time.monotonic()
    undo = fault.inject(watched.rig)
    told_s = watched.sink.wait(fault.alert, "fired", began_s) - began_s
    undo()
    watched.sink.wait(fault.alert, "resolved", began_s)
    kinds = [m["kind"] for at_s, m in watched.sink.came if at_s >= began_s and m["name"] == fault.alert]
    if kinds != ["fired", "resolved"]:
        raise NotReached(f"{fault.name} was told as {kinds}")
    return told_s


def _cost(watched: Beside) -> list[Measurement]:
    """Of a watch that has nothing to tell, with one sink of the standard library."""
    watched.begin()
    assert watched.watch is not None
    pid = watched.watch.pid
    before_s, began_s = _cpu_s(pid), time.monotonic()
    time.sleep(COST_S)
    share = (_cpu_s(pid) - before_s) / (time.monotonic() - began_s) * 100
    return [
        Measurement("COIN-WATCH memory", _rss_mb(pid), "MB", 45.0),
        Measurement("COIN-WATCH processor, of one core", share, "%", 1.0, f"over {COST_S:g} s"),
    ]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _figures(results: dict[str, list[float]]) -> list[Measurement]:
    found = []
    for fault in FAULTS:
        late = [max(0.0, told_s - fault.threshold_s) for told_s in results.get(fault.name, [])]
        if late:
            note = f"n={len(late)}, threshold {fault.threshold_s:g} s"
            found.append(
                Measurement(f"{fault.name}: told after its threshold, p50", measured(late, 50), "s", None, note)
            )
            found.append(
                Measurement(f"{fault.name}: told after its threshold, p99", measured(late, 99), "s", GOAL_S, note)
            )
    return found


def measure() -> list[Measurement]:
    """Cost, and a few injections of each fault."""
    with beside() as watched:
        cost = _cost(watched)
        return cost + _figures({fault.name: [injected(watched, fault) for _ in range(EACH)] for fault in FAULTS})


def _row(watched: Beside, fault: InjectedFault) -> dict[str, Any]:
    """One injection: when it was told, or why it was not told as it should be; what else was told meanwhile."""
    came = len(watched.sink.came)
    told_s, problem = None, None
    try:
        told_s = round(injected(watched, fault), 3)
    except NotReached as error:
        problem = str(error)
    others = sorted({m["name"] for _, m in watched.sink.came[came:] if m["name"] != fault.alert})
    return {"fault": fault.name, "told_s": told_s, "problem": problem, "others": others}


def _next(rows: list[dict[str, Any]], each: int) -> InjectedFault | None:
    """The fault that was injected least, in their order; None = there are enough of each."""
    counts = {fault.name: sum(row["fault"] == fault.name for row in rows) for fault in FAULTS}
    fault = min(FAULTS, key=lambda one: counts[one.name])
    return fault if counts[fault.name] < each else None


def main(
    each: Annotated[int, typer.Option(help="Injections of each fault.")] = EACH,
    keep: Annotated[Path | None, typer.Option(help="File of results; those that are there count.")] = None,
) -> None:
    """Inject faults until there are enough of each, and print how soon they were told, how often not, and what else."""
    rows: list[dict[str, Any]] = []
    if keep is not None and keep.exists():
        rows = [json.loads(line) for line in keep.read_text().splitlines()]
    while _next(rows, each) is not None:
        with beside() as watched:
            while (fault := _next(rows, each)) is not None:
                row = _row(watched, fault)
                rows.append(row)
                if keep is not None:
                    with keep.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                said = row["problem"] or f"told after {row['told_s']:.2f} s"
                sys.stdout.write(f"{fault.name}: {said}\n")
                sys.stdout.flush()
                if row["problem"]:
                    break  # what follows begins with a system of its own
    told = [row for row in rows if row.get("told_s") is not None]
    for figure in _figures({f.name: [row["told_s"] for row in told if row["fault"] == f.name] for f in FAULTS}):
        sys.stdout.write(f"{figure.line}\n")
    others = sorted({name for row in rows for name in row.get("others", ())})
    sys.stdout.write(f"{len(rows)} injections, {len(rows) - len(told)} not told once and over once; also told: ")
    sys.stdout.write(f"{', '.join(others) or 'nothing'}\n")


if __name__ == "__main__":
    typer.run(main)
