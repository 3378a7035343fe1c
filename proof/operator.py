"""The people around the bot: an operator with the real file protocol, another trader, bad luck with files."""

import contextlib
import os
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from proof.plan import Act
from shared import control
from shared.control import Cmd, NotSent, send_command
from shared.files import Unreadable, write_whole
from simulator.core import fees

if TYPE_CHECKING:
    from proof.run import Run

GATE_NAMES = ("cancel_only", "limit_only", "post_only", "offline", "auction")
GARBAGE = (
    b"",
    b"{",
    b'{"command":"run"}',
    b'{"command":"start","version":99}',
    b"\x00\xff\xfe",
    b'{"commands":[{"id":1}]}',
)
LEVELS = {"start": Cmd.START, "pause": Cmd.PAUSE, "stop": Cmd.STOP, "kill": Cmd.KILL}


class Operator:
    """Carries the plan's acts out."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._orders = 0
        self._good_control: bytes | None = None

    def schedule(self, acts: tuple[Act, ...]) -> None:
        for act in acts:
            self._run.loop.agenda.at(round(act.at_s * 1e6), lambda act=act: self._do(act))  # type: ignore[misc]

    def later(self, seconds: float, what: Any) -> None:
        self._run.loop.agenda.at(self._run.loop.now_us + round(seconds * 1e6), what)

    def _do(self, act: Act) -> None:
        run = self._run
        run.truth.acts.append({"us": run.loop.now_us, "kind": act.kind, "arg": act.arg})
        run.faults.count(act.kind)
        random = Random(f"act/{run.plan.seed}/{act.number}")
        getattr(self, f"_{act.kind}", self._level)(act, random)

    # Commands.

    def send(self, cmd: Cmd, args: dict[str, str] | None = None, by: str = "operator") -> None:
        """By the real protocol, as the dashboard and the CLI do it."""
        run = self._run
        seen = [r[0] for r in run.truth.states[-1]["receipts"]] if run.truth.states else []
        with contextlib.suppress(NotSent):
            command = send_command(run.paths, cmd, args, by=by, seen_ids=seen, now=run.now())
            run.truth.acts[-1:] = [{**run.truth.acts[-1], "id": command.id}] if run.truth.acts else []
        run.pulse.changed()

    def _level(self, act: Act, _random: Random) -> None:
        self.send(LEVELS[act.kind])

    def _kill_file(self, _act: Act, _random: Random) -> None:
        os.close(os.open(self._run.paths.kill, os.O_CREAT | os.O_WRONLY, 0o600))
        self._run.pulse.changed()

    def _reset_kill(self, _act: Act, _random: Random) -> None:
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
        """An old entry of the ring stands in it again, in another order."""
        run = self._run
        try:
            raw = orjson.loads(run.paths.control.read_bytes())
            old = raw["commands"]
            raw["commands"] = old + random.sample(old, len(old))
        except (OSError, ValueError, KeyError):
            return
        write_whole(run.paths.control, orjson.dumps(raw), durable=False)
        run.pulse.changed()

    def _control_garbage(self, _act: Act, random: Random) -> None:
        """A torn or foreign control.json for some seconds; what stood there comes back."""
        run = self._run
        with contextlib.suppress(OSError):
            data = run.paths.control.read_bytes()
            with contextlib.suppress(Unreadable):
                control.decode_control(data)
                self._good_control = data
        run.paths.control.write_bytes(random.choice(GARBAGE))
        run.pulse.changed()
        self.later(random.uniform(0.02, 20), self.mend_control)

    def mend_control(self) -> None:
        """The good control.json again, unless a command mended it meanwhile."""
        run = self._run
        try:
            control.decode_control(run.paths.control.read_bytes())
        except (Unreadable, OSError):
            if self._good_control is not None:
                write_whole(run.paths.control, self._good_control, durable=False)
            run.pulse.changed()

    def _state_garbage(self, _act: Act, random: Random) -> None:
        run = self._run
        path = random.choice((run.paths.state, run.paths.positions, run.paths.live_positions))
        path.write_bytes(random.choice(GARBAGE))
        if random.random() < 0.5:
            run.crash_soon()

    # The machine.

    def _crash(self, _act: Act, _random: Random) -> None:
        self._run.crash("time")

    def _crash_at_step(self, act: Act, _random: Random) -> None:
        """Some steps of the loop from now, which may well be without time passing."""
        self._run.loop.crash_at_step = self._run.loop.steps + 1 + round(act.arg * 40)

    def _sigterm(self, _act: Act, _random: Random) -> None:
        self._run.terminate()

    def _suspend(self, act: Act, random: Random) -> None:
        seconds = random.choice((1.0, 6.0, 20.0, 120.0)) * (0.5 + act.arg)
        self._run.loop.asleep_until_us = self._run.loop.now_us + round(seconds * 1e6)

    def _suspend_long(self, act: Act, _random: Random) -> None:
        self._run.loop.asleep_until_us = self._run.loop.now_us + round(1800e6 * (0.2 + act.arg))

    def _clock_jump(self, act: Act, random: Random) -> None:
        """The wall clock is off for some minutes."""
        run = self._run
        jump_s = random.choice((-3600, -30, -4, 2, 4, 30, 3600, 86_400)) * (0.5 + act.arg)
        run.clock_off_us = round(jump_s * 1e6)
        self.later(random.uniform(5, 300), run.mend_clock)
        if random.random() < 0.3:
            run.crash_soon()

    # The exchange.

    def _gate(self, _act: Act, random: Random) -> None:
        venue = self._run.venue
        product_id, name = random.choice(venue.plan.products), random.choice(GATE_NAMES)
        venue.set_gate(product_id, name)
        self.later(random.uniform(5, 400), lambda: venue.set_gate(product_id, "online"))

    def _fees(self, act: Act, _random: Random) -> None:
        venue = self._run.venue.sim.exchange.venue
        venue.tiers = fees.schedule(round(2000 * act.arg), round(5000 * act.arg))
        venue.tier, venue.tier_checked_us = venue.tiers[0], 0

    def _foreign_order(self, act: Act, random: Random) -> None:
        """Another program's resting order on this account; a fifth carry a mark like ours, of another bot."""
        run = self._run
        self._orders += 1
        product_id = random.choice(run.plan.products)
        market = run.venue.sim.exchange.venue.markets[product_id]
        tick = max(1, (market.last or 100) * (70 + round(20 * act.arg)) // 100)
        coid = f"manual-{self._orders}"
        if random.random() < 0.2:
            coid = f"ct-other-{random.getrandbits(128):032x}"
        body = {
            "client_order_id": coid,
            "product_id": product_id,
            "side": "BUY",
            "order_configuration": {
                "limit_limit_gtc": {
                    "base_size": market.product.size_text(_steps_for(run, product_id, 3.0)),
                    "limit_price": market.product.price_text(tick),
                }
            },
        }
        run.venue.own_post(body)

    def _transfer(self, act: Act, random: Random) -> None:
        self._run.venue.transfer("USD", f"{(act.arg - 0.4) * random.choice((1, 50, 500)):.2f}")

    def _manual_trade(self, act: Act, _random: Random) -> None:
        run = self._run
        self._orders += 1
        run.venue.own_post(
            {
                "client_order_id": f"manual-{self._orders}",
                "product_id": run.plan.products[0],
                "side": "BUY",
                "order_configuration": {"market_market_ioc": {"quote_size": f"{2 + 20 * act.arg:.2f}"}},
            }
        )

    def _shock(self, act: Act, random: Random) -> None:
        self._run.venue.shock(
            random.choice(self._run.plan.products), random.choice((0.7, 0.9, 1.3, 0.001)), 10 + 50 * act.arg
        )

    def _lose_ledger(self, _act: Act, _random: Random) -> None:
        self._run.lose_ledger = True
        self._run.crash_soon()


def _steps_for(run: "Run", product_id: str, usd: float) -> int:
    market = run.venue.sim.exchange.venue.markets[product_id]
    price = float(market.product.price_text(market.last or 1))
    size = usd / price
    return max(1, int(size * 1e20) // market.product.step)
