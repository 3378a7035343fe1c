"""Plans that are calm but for one act: where nothing else is going on, each rule can be judged without allowance."""

from random import Random

from simtest.drawing.acts import Timed, story
from simtest.plan import ACTS

# What is no act by itself, needs others before it, or has plans of its own (`drawing.exits`).
NO_ACT = frozenset(
    {"stop_at_bid", "start", "reset_kill", "repeat_command", "permit", "copied_folder", "close_lot", "cancel"}
    | {"move_take", "move_stop", "sell_part"}
)
LOSS = "loss"  # no act but a day's loss limit that is reached, with a transfer around it
ONE_ACTS = (*(kind for kind in ACTS if kind not in NO_ACT), "close_lot", "cancel", LOSS, LOSS)
# These come and go with prices and funds; more than one of them is needed to be judged.
SEVERAL = frozenset({"regrid", "close_lot", "cancel", "crash_at_step"})


def one_act(random: Random, length_s: float) -> tuple[str, list[Timed]]:
    """(the kind, what happens): one act in the middle of the run, and what a person does about it."""
    kind = random.choice(ONE_ACTS)
    at_s = random.uniform(min(75, length_s * 0.3), length_s * 0.5)
    if kind == LOSS:
        return kind, [(at_s, "transfer")]
    if kind in SEVERAL:
        return kind, [(at_s + 25 * number, kind) for number in range(5)]
    return kind, story(random, kind, at_s)
