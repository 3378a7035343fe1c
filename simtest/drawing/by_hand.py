"""What a person does to single lots, in one plan in ten: moves takes and stops, sells parts.

Drawn by a stream of its own, so that the other plans stay as they were. Half of these plans have no fault and no other
act, as only then is everything that they lead to judged without allowance.
"""

from random import Random

from simtest.drawing.acts import Timed

SHARE, UNDISTURBED = 1 / 10, 1 / 2
KINDS = ("move_take", "move_take", "move_stop", "move_stop", "sell_part")
EVERY_S = (20.0, 40.0, 90.0)


def drawn(seed: int) -> tuple[bool, Random]:
    """(whether a person does so in this plan, what draws the rest of it)."""
    random = Random(f"by hand/{seed}")
    return random.random() < SHARE, random


def hand_acts(random: Random, length_s: float) -> list[Timed]:
    """One act after the other, of which some name a lot that is gone by then."""
    every_s = random.choice(EVERY_S)
    return [
        (at * every_s + random.uniform(0, every_s), random.choice(KINDS)) for at in range(1, int(length_s / every_s))
    ]
