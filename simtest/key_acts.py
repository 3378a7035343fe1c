"""What is done to the bot's key at the exchange while it runs: rights are taken from it or added to it for a while."""

from random import Random

from simtest.plan import Act
from simtest.run_context import RunContext

# For how long, in seconds; the bot asks for its rights 5 s after a request was refused.
LENGTHS_S = (3.0, 30.0, 90.0, 240.0)
CHANGES: tuple[tuple[str, ...], ...] = (("view",), ("view",), ("trade",), ("view", "trade", "transfer"), ())


class KeyActs:
    """The acts of the person who owns the key."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self.acts = {"key_change": self._change}

    def _change(self, act: Act, random: Random) -> None:
        run, rights = self._run, random.choice(CHANGES)
        run.venue.set_key(rights)
        for_us = round(random.choice(LENGTHS_S) * (0.5 + act.arg) * 1e6)
        run.truth.acts[-1] |= {"rights": list(rights), "until_us": run.loop.now_us + for_us}
        run.loop.event_queue.at(run.loop.now_us + for_us, run.venue.mend_key)
