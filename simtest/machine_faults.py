"""Faults of the machine: crashes, power cuts, sleep, wrong clocks, lost or old ledgers, a second bot."""

from random import Random

from simtest import disk
from simtest.plan import Act
from simtest.run_context import RunContext


class MachineFaults:
    """The acts of the machine."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self.acts = {
            "crash": self._crash,
            "crash_at_step": self._crash_at_step,
            "power_cut": self._power_cut,
            "sigterm": self._sigterm,
            "suspend": self._suspend,
            "suspend_long": self._suspend_long,
            "clock_jump": self._clock_jump,
            "second_bot": self._second_bot,
            "copied_folder": self._copied_folder,
            "lock_gone": self._lock_gone,
            "lose_ledger": self._lose_ledger,
            "old_ledger": self._old_ledger,
            "restore": self._restore,
            "ledger_removed": self._ledger_removed,
        }

    def _crash(self, act: Act, _random: Random) -> None:
        """Now and then a part of the program dies, and the process ends by itself with the code of an error."""
        if act.arg > 0.7:
            self._run.part_dies()
        else:
            self._run.crash("time")

    def _crash_at_step(self, act: Act, _random: Random) -> None:
        """Crash after some steps of the event loop, possibly without time passing."""
        self._run.loop.crash_at_step = self._run.loop.steps + 1 + round(act.arg * 40)

    def _sigterm(self, _act: Act, _random: Random) -> None:
        self._run.terminate()

    def _suspend(self, act: Act, random: Random) -> None:
        seconds = random.choice((1.0, 6.0, 20.0, 120.0)) * (0.5 + act.arg)
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        run = self._run
        run.loop.asleep_until_us = run.loop.now_us + round(seconds * 1e6)
        run.truth.acts[-1] |= {"until_us": run.loop.asleep_until_us}

    def _suspend_long(self, act: Act, _random: Random) -> None:
        self._sleep(1800 * (0.2 + act.arg))

    def _clock_jump(self, act: Act, random: Random) -> None:
        """The wall clock is off for some minutes: by seconds, by hours, and now and then by 20 days."""
        run = self._run
        jump_s = random.choice((-3600, -30, -4, 2, 4, 30, 3600, 86_400)) * (0.5 + act.arg)
        if act.arg > 0.7:
            jump_s = 20 * 86_400 if act.arg > 0.8 else -20 * 86_400
        run.set_clock(round(jump_s * 1e6))
        mended_us = run.loop.now_us + round(random.uniform(5, 300) * 1e6)
        run.loop.event_queue.at(mended_us, run.mend_clock)
        run.truth.acts[-1] |= {"until_us": mended_us, "off_us": round(jump_s * 1e6)}
        if random.random() < 0.3:
            run.crash_soon()

    def _power_cut(self, _act: Act, _random: Random) -> None:
        self._run.cut_power()

    def _second_bot(self, _act: Act, _random: Random) -> None:
        """Not beside a bot whose lock somebody deleted: nothing keeps the two apart then, and both write."""
        if self._run.paths.bot_lock.exists():
            self._run.second_bot()

    def _copied_folder(self, _act: Act, _random: Random) -> None:
        self._run.copied_folder()

    def _lock_gone(self, _act: Act, random: Random) -> None:
        """Somebody deletes the lock; a person restarts the bot, as its state asks."""
        run = self._run
        run.paths.bot_lock.unlink(missing_ok=True)
        run.loop.event_queue.at(run.loop.now_us + round(random.uniform(5, 60) * 1e6), run.terminate)

    def _lose_ledger(self, _act: Act, _random: Random) -> None:
        self._run.at_restart = "lose"
        self._run.crash_soon()

    def _old_ledger(self, act: Act, _random: Random) -> None:
        """A copy is taken now, and put back by somebody a little later."""
        self._run.keep_ledger()
        self._put_back_later("old", act)

    def _ledger_removed(self, act: Act, _random: Random) -> None:
        """Somebody deletes the ledger under the bot; a person stops it and restores the copy, as its state asks."""
        run = self._run
        disk.remove(run.paths.ledger)
        run.at_restart = "rescued"
        run.loop.event_queue.at(run.loop.now_us + round((5 + 60 * act.arg) * 1e6), run.terminate)

    def _restore(self, act: Act, _random: Random) -> None:
        """The same by the project's own commands: `./coin backup` now, `./coin restore` later."""
        self._run.keep_backup()
        self._put_back_later("restore", act)

    def _put_back_later(self, how: str, act: Act) -> None:
        run = self._run

        def put_back() -> None:
            run.at_restart = how
            run.crash_soon()

        run.loop.event_queue.at(run.loop.now_us + round(20e6 + 200e6 * act.arg), put_back)
