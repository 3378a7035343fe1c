"""What moves the lively market within a day: a mean that swings, and noise that always comes back to it.

Everything is a deviation from the day's level in billionths, a pure function of seed, product and time.
"""

from functools import lru_cache

from simulator.core.draws import Draws
from simulator.core.products import SimProduct

BILLION = 1_000_000_000
# The mean rises and falls once in so many minutes, no divisor of an hour or a day; products take turns.
CYCLE = 92
TURNS = 3
JITTER = 5  # a turn comes up to so many minutes early or late
SWING = 26_000_000  # usual height of the mean's turns
# Below that is a tide that all products share.
TIDE_CYCLE = 310
TIDE = 16_000_000
# Noise about the mean: its usual size at any moment, what is left of it after a minute (half of it is gone after
# six), and the share that all products have in common.
NOISE = 16_000_000
STAYS = 882
STEP = NOISE * 386 // 1000  # of a minute; its tails are fat
COMMON, OWN = 721, 693  # thousandths; their squares sum to one
JUMP = 22_000_000
JUMPS = 40  # per mille of hours with a jump


class Wave:
    """Turns up and down, by the key of its own draws, and the smooth way between them."""

    def __init__(self, key: tuple[int | str, ...], cycle: int, late: int, height: int) -> None:
        self._key, self._half, self._late, self._height = key, cycle // 2, late, height
        self._turn = lru_cache(maxsize=2048)(self._make_turn)  # the tide's are asked for by every product

    def _make_turn(self, number: int) -> tuple[int, int]:
        """(minute, height) of a turn: even ones are low, odd ones high."""
        draws = Draws(*self._key, number)
        at = number * self._half + self._late + draws.between(-JITTER, JITTER)
        height = self._height * draws.between(70, 130) // 100
        return at, height if number % 2 else -height

    def heights(self, minute: int, count: int) -> list[int]:
        """At `count` minutes in a row."""
        number = (minute - self._late) // self._half - 1
        first, second = self._turn(number), self._turn(number + 1)
        out = []
        for at in range(minute, minute + count):
            while second[0] <= at:
                number += 1
                first, second = second, self._turn(number + 1)
            part, whole = at - first[0], second[0] - first[0]
            smooth = part * part * (3 * whole - 2 * part)
            out.append(first[1] + (second[1] - first[1]) * smooth // whole**3)
        return out


class Swings:
    """The mean's way and the noise about it, of every product."""

    def __init__(self, seed: int, products: tuple[SimProduct, ...]) -> None:
        self._seed = seed
        self._tide = Wave((seed, "tide"), TIDE_CYCLE, 0, TIDE)
        self._own = {
            product.product_id: Wave((seed, product.product_id, "turn"), CYCLE, i % TURNS * CYCLE // TURNS, SWING)
            for i, product in enumerate(products)
        }

    def mean(self, product_id: str, minute: int, count: int) -> list[int]:
        """The mean at `count` minutes in a row."""
        own, tide = self._own[product_id].heights(minute, count), self._tide.heights(minute, count)
        return [a + b for a, b in zip(own, tide, strict=True)]

    def edge(self, product_id: str, hour: int, wild: int) -> int:
        """The noise at the beginning of an hour. `wild`: in percent."""
        common, own = Draws(self._seed, "edge", hour), Draws(self._seed, product_id, "edge", hour)
        noise = (common.bell(NOISE) * COMMON + own.bell(NOISE) * OWN) // 1000
        return noise * wild // 100

    def noise(self, product_id: str, hour: int, first: int, last: int, wild: int) -> list[int]:
        """The noise at an hour's 61 minutes, from `first` to `last`."""
        common, own = Draws(self._seed, "noise", hour), Draws(self._seed, product_id, "noise", hour)
        jump_at, jump = -1, 0
        if own.chance(JUMPS):
            jump_at, jump = own.between(5, 50), JUMP if own.chance(500) else -JUMP
        step = STEP * wild // 100
        path = [first]
        for minute in range(60):
            moved = (common.fat(step) * COMMON + own.fat(step) * OWN) // 1000
            path.append(path[-1] * STAYS // 1000 + moved + (jump if minute == jump_at else 0))
        missing, share = last - path[60], 1_000_000
        for minute in range(60, 0, -1):  # led to the end that is known, by little more than its last minutes
            path[minute] += missing * share // 1_000_000
            share = share * STAYS // 1000
        return path
