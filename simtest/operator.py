"""The operator: commands by the real file protocol, and damaged control files."""

import contextlib
import os
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

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
PURCHASE_US = 20_000_000
BID_STANDS_S = (0.05, 0.8)
LATE_S = 33.0  # more than any command but a level may wait
AT_A_LOSS, STOP_OFF = 0.3, 0.15  # how often a person confirms a loss, and turns a stop off
OF_PRODUCT = 0.25  # how often a part is sold of all lots of a product
OFF = "none"
LEVELS = {"start": Cmd.START, "pause": Cmd.PAUSE, "stop": Cmd.STOP, "kill": Cmd.KILL}


def _near(position: dict[str, Any], share: float) -> str:
    """A price so much above the mark, on the product's grid."""
    tick = Decimal(position["price_increment_text"])
    return str(Decimal(str(position["mark"] * (1 + share))) // tick * tick)


class Operator:
    """A person at the dashboard or the command line."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._good_control: bytes | None = None
        self._kill_stands = False  # in a damaged control.json, until somebody resets it
        self.acts = dict.fromkeys(LEVELS, self._level) | {
            "stop_at_bid": self._stop_at_bid,
            "kill_file": self._kill_file,
            "broken_kill": self._broken_kill,
            "reset_kill": self._reset_kill,
            "flatten": self._flatten,
            "drill": self._drill,
            "close_lot": self._close_lot,
            "cancel": self._cancel,
            "move_take": self._move_take,
            "move_stop": self._move_stop,
            "sell_part": self._sell_part,
            "repeat_command": self._repeat_command,
            "control_garbage": self._control_garbage,
            "state_garbage": self._state_garbage,
        }

    def send(
        self, cmd: Cmd, args: dict[str, str] | None = None, by: str = "operator", *, written_s: float = 0.0
    ) -> None:
        """Send a command by the real protocol, as the dashboard and the CLI do, written so many seconds ago."""
        run = self._run
        seen = [r[0] for r in run.truth.states[-1]["receipts"]] if run.truth.states else []
        with contextlib.suppress(NotSent):
            at = run.now() - timedelta(seconds=written_s)
            command = send_command(run.paths, cmd, args, by=by, seen_ids=seen, now=at)
            run.truth.acts[-1:] = [{**run.truth.acts[-1], "id": command.id}] if run.truth.acts else []
        run.change_signal.changed()

    def _level(self, act: Act, _random: Random) -> None:
        if act.kind == "start":
            self._adopt()
        self._run.truth.at_purchase = None
        if act.kind == "stop" and act.arg > 0.4:
            self._stop_beside_a_purchase(act)
        else:
            self.send(LEVELS[act.kind])

    def _stop_beside_a_purchase(self, act: Act) -> None:
        """Stop while the next purchase is under way, or after a while where there is none."""
        run = self._run
        events = run.loop.event_queue

        def stop() -> None:
            if run.truth.at_purchase is purchased:
                run.truth.at_purchase = None
                run.truth.acts.append({"us": run.loop.now_us, "kind": "stop", "arg": act.arg})
                self.send(Cmd.STOP)

        def purchased() -> None:
            events.at(run.loop.now_us, stop)

        run.truth.at_purchase = purchased
        events.at(run.loop.now_us + PURCHASE_US, stop)

    def _stop_at_bid(self, act: Act, random: Random) -> None:
        """Stop a moment after the next purchase reached the exchange; nothing where there is none in time."""
        run = self._run
        events = run.loop.event_queue

        def stop() -> None:
            run.truth.acts.append({"us": run.loop.now_us, "kind": "stop", "arg": act.arg})
            self.send(Cmd.STOP)

        def purchased() -> None:
            run.truth.at_purchase = None
            events.at(run.loop.now_us + round(random.uniform(*BID_STANDS_S) * 1e6), stop)

        def give_up() -> None:
            if run.truth.at_purchase is purchased:
                run.truth.at_purchase = None

        run.truth.at_purchase = purchased
        events.at(run.loop.now_us + PURCHASE_US, give_up)

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

    def _send_and_once_too_late(self, act: Act, cmd: Cmd, args: dict[str, str] | None = None) -> None:
        """Half of the time the same command comes again as one that waited for too long, and must do nothing."""
        self.send(cmd, args)
        if act.arg > 0.5:
            self.send(cmd, args, written_s=LATE_S + 100 * act.arg)

    def _flatten(self, act: Act, _random: Random) -> None:
        self._send_and_once_too_late(act, Cmd.FLATTEN)

    def _drill(self, act: Act, _random: Random) -> None:
        self._send_and_once_too_late(act, Cmd.DRILL)

    def _close_lot(self, act: Act, random: Random) -> None:
        try:
            lots = orjson.loads(self._run.paths.positions.read_bytes())["lots"]
        except (OSError, ValueError, KeyError):
            lots = []
        lot_id = random.choice(lots)["lot_id"] if lots else "none"
        self._send_and_once_too_late(act, Cmd.CLOSE_LOT, {"lot_id": lot_id})

    def _cancel(self, act: Act, random: Random) -> None:
        posts = self._run.truth.posts[-10:]
        coid = random.choice(posts)["client_order_id"] if posts else "none"
        self._send_and_once_too_late(act, Cmd.CANCEL, {"client_order_id": str(coid)})

    def _move_take(self, act: Act, random: Random) -> None:
        """A take at a price that a person may think of: also below break-even, or below the market."""
        found = self._shown_lot(random)
        if found is not None:
            position, lot = found
            price = _near(position, random.uniform(-0.002, 0.03))
            args = {"lot_id": lot["lot_id"], "price": price}
            if random.random() < AT_A_LOSS:
                args["at_a_loss"] = "yes"
            self._send_and_once_too_late(act, Cmd.MOVE_TAKE, args)

    def _move_stop(self, act: Act, random: Random) -> None:
        """A stop so near that it is often reached; sometimes none, sometimes above the market."""
        found = self._shown_lot(random)
        if found is not None:
            position, lot = found
            price = OFF if random.random() < STOP_OFF else _near(position, random.uniform(-0.006, 0.0005))
            self._send_and_once_too_late(act, Cmd.MOVE_STOP, {"lot_id": lot["lot_id"], "price": price})

    def _sell_part(self, act: Act, random: Random) -> None:
        """A part of a lot or of a product's lots; sometimes more than there is, or so little that nobody takes it."""
        found = self._shown_lot(random)
        if found is not None:
            position, lot = found
            whole = random.random() < OF_PRODUCT
            step = Decimal(position["base_increment_text"])
            held = Decimal((position if whole else lot)["base_size_text"])
            size = max(held * Decimal(str(round(random.uniform(0.05, 1.1), 2))) // step * step, step)
            target = {"product_id": position["product_id"]} if whole else {"lot_id": lot["lot_id"]}
            self._send_and_once_too_late(act, Cmd.SELL_PART, {"base_size": f"{size:f}", **target})

    def _shown_lot(self, random: Random) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """An open lot that bot_state.json shows, beside its product; None = it shows none with a price."""
        try:
            shown = orjson.loads(self._run.paths.state.read_bytes())["positions"]
            lots = [(position, lot) for position in shown for lot in position["lots"] if position["mark"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return random.choice(lots) if lots else None

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
