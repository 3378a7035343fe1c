"""Waits between tries of something that does not work: each up to twice the one before, bounded, jittered."""

from shared.ports import Rng

FACTOR = 2.0


class Backoff:
    """Says how long to wait; the caller sleeps by its own clock, so that virtual time works as real time does.

    Each wait is drawn from the upper half of a growing bound, or from `least_s` up where that is given ("full jitter":
    many that lost one server at once do not come back at once). `rng` None: the bound itself, without a draw.
    """

    def __init__(self, first_s: float, most_s: float, rng: Rng | None, *, least_s: float | None = None) -> None:
        assert 0 < first_s <= most_s
        self._first_s, self._most_s, self._least_s, self._rng = first_s, most_s, least_s, rng
        self._bound_s = first_s

    def next_s(self) -> float:
        """Seconds to wait now; the next wait is longer."""
        bound_s, self._bound_s = self._bound_s, min(self._bound_s * FACTOR, self._most_s)
        if self._rng is None:
            return bound_s
        return self._rng.uniform(bound_s / FACTOR if self._least_s is None else self._least_s, bound_s)

    def reset(self) -> None:
        """It worked: the next wait is a first one again."""
        self._bound_s = self._first_s
