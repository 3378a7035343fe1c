"""The operator: commands by the real file protocol, and damaged control files."""

import contextlib
import os
from random import Random

import orjson

from shared import control
from shared.command_table import Cmd
from shared.control import NotSent, send_command
from shared.files import Unreadable, write_whole
from simtest.plan import Act
from simtest.run_context import RunContext

GARBAGE = (
    b"",
    b"{",
    b'{"command":"go"}',
    b'{"command":"start","version":99}',
    b"\x00\xff\xfe",
    b'{"commands":[{"id":1}]}',
)
# A kill in foreign or damaged forms; each must kill, and no later writer may lose it.
KILLS = (
    b'{"command":"start","kill_switch":true,"kill_switch":false}',
    b'{"command":"kill","command":"start"}',
    b'{"command":"start","kill_switch":"true"}',
    b'{"command":"Kill"}',
    b'{"commands":[{"cmd":"kill"}]}',
    b'{"command":"start"}{"command":"kill"}',
    b'{"command":"kill"',
)
LEVELS = {"start": Cmd.START, "pause": Cmd.PAUSE, "stop": Cmd.STOP, "kill": Cmd.KILL}


class Operator:
    """A person at the dashboard or the command line."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._good_control: bytes | None = None
        self._kill_stands = False  # in a damaged control.json, until somebody resets it
        self.acts = dict.fromkeys(LEVELS, self._level) | {
            "kill_file": self._kill_file,
            "broken_kill": self._broken_kill,
            "reset_kill": self._reset_kill,
            "flatten": self._flatten,
            "drill": self._drill,
            "close_lot": self._close_lot,
            "cancel": self._cancel,
            "repeat_command": self._repeat_command,
            "control_garbage": self._control_garbage,
            "state_garbage": self._state_garbage,
        }

    def send(self, cmd: Cmd, args: dict[str, str] | None = None, by: str = "operator") -> None:
        """Send a command by the real protocol, as the dashboard and the CLI do."""
        run = self._run
        seen = [r[0] for r in run.truth.states[-1]["receipts"]] if run.truth.states else []
        with contextlib.suppress(NotSent):
            command = send_command(run.paths, cmd, args, by=by, seen_ids=seen, now=run.now())
            run.truth.acts[-1:] = [{**run.truth.acts[-1], "id": command.id}] if run.truth.acts else []
        run.change_signal.changed()

    def _level(self, act: Act, _random: Random) -> None:
        if act.kind == "start":
            self._adopt()
        self.send(LEVELS[act.kind])

    def _adopt(self) -> None:
        """A person who presses Start has also adopted the balance differences."""
        try:
            shown = orjson.loads(self._run.paths.state.read_bytes()).get("differences")
        except (OSError, ValueError):
            return
        if shown:
            self.send(Cmd.ADOPT, {"differences": shown})

    def _kill_file(self, _act: Act, _random: Random) -> None:
        os.close(os.open(self._run.paths.kill, os.O_CREAT | os.O_WRONLY, 0o600))
        self._run.change_signal.changed()

    def _broken_kill(self, _act: Act, random: Random) -> None:
        """A foreign editor or program asks for a kill in an unusual or damaged form."""
        self._kill_stands = True
        self._run.paths.control.write_bytes(random.choice(KILLS))
        self._run.change_signal.changed()

    def _reset_kill(self, _act: Act, _random: Random) -> None:
        self._kill_stands = False
        states = self._run.truth.states
        latch = states[-1]["latch"] if states else None
        self.send(Cmd.RESET_KILL, {"latch_id": latch or "none"})

    def _flatten(self, _act: Act, _random: Random) -> None:
        self.send(Cmd.FLATTEN)

    def _drill(self, _act: Act, _random: Random) -> None:
        self.send(Cmd.DRILL)

    def _close_lot(self, _act: Act, random: Random) -> None:
        try:
            lots = orjson.loads(self._run.paths.positions.read_bytes())["lots"]
        except (OSError, ValueError, KeyError):
            lots = []
        lot_id = random.choice(lots)["lot_id"] if lots else "none"
        self.send(Cmd.CLOSE_LOT, {"lot_id": lot_id})

    def _cancel(self, _act: Act, random: Random) -> None:
        posts = self._run.truth.posts[-10:]
        coid = random.choice(posts)["client_order_id"] if posts else "none"
        self.send(Cmd.CANCEL, {"client_order_id": str(coid)})

    def _repeat_command(self, _act: Act, random: Random) -> None:
        """Repeat old commands of the ring, in another order."""
        run = self._run
        try:
            raw = orjson.loads(run.paths.control.read_bytes())
            old = raw["commands"]
            raw["commands"] = old + random.sample(old, len(old))
        except (OSError, ValueError, KeyError):
            return
        write_whole(run.paths.control, orjson.dumps(raw), durable=False)
        run.change_signal.changed()

    def _control_garbage(self, _act: Act, random: Random) -> None:
        """A torn or foreign control.json for some seconds, then the good one again."""
        run = self._run
        if self._kill_stands:
            return
        with contextlib.suppress(OSError):
            data = run.paths.control.read_bytes()
            with contextlib.suppress(Unreadable):
                control.decode_control(data)
                self._good_control = data
        run.paths.control.write_bytes(random.choice(GARBAGE))
        run.change_signal.changed()
        run.loop.event_queue.at(run.loop.now_us + round(random.uniform(0.02, 20) * 1e6), self.mend_control)

    def mend_control(self) -> None:
        """The good control.json again, unless a command mended it meanwhile."""
        run = self._run
        try:
            control.decode_control(run.paths.control.read_bytes())
        except (Unreadable, OSError):
            if self._kill_stands:
                return
            if self._good_control is not None:
                write_whole(run.paths.control, self._good_control, durable=False)
            run.change_signal.changed()

    def _state_garbage(self, _act: Act, random: Random) -> None:
        run = self._run
        path = random.choice((run.paths.state, run.paths.positions, run.paths.live_positions))
        path.write_bytes(random.choice(GARBAGE))
        if random.random() < 0.5:
            run.crash_soon()
