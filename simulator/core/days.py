"""The closes of days: each product wanders about its reference price, most of its way together with the others."""

from collections.abc import Sequence

from simulator.core.draws import Draws

FIRST_DAY = 18_262  # 2020-01-01


class DayPath:
    """Deviations of the days' closes from the reference prices, in millionths; a pure function of the seed."""

    def __init__(self, seed: int, products: Sequence[str], step: int, drift: int = 0) -> None:
        """`step`: usual move of a day's close; `drift`: of a close, on average. Both in millionths."""
        self._step, self._drift = step, drift
        self._closes: dict[str, list[tuple[int, int]]] = {}
        self._own = {product_id: Draws(seed, product_id, "days") for product_id in products}
        self._common = Draws(seed, "days")
        self._days: list[tuple[int, int]] = []  # (move, change of wildness) that all products share

    def close(self, product_id: str, day: int) -> tuple[int, int]:
        """(deviation of the day's close from the reference in millionths, the day's wildness in percent)."""
        known = self._closes.setdefault(product_id, [(0, 100)])
        step, own = self._step, self._own[product_id]
        deviation, wild = known[-1]
        while len(known) <= day - FIRST_DAY:
            if len(self._days) < len(known):
                self._days.append((self._common.fat(step), self._common.bell(14)))
            shared, change = self._days[len(known) - 1]
            wild = max(40, min(300, 100 + (wild - 100) * 92 // 100 + change))
            move = (shared * 4 + own.fat(step) * 3) // 5 * wild // 100
            if self._drift:  # rises for some two months, then begins again from below
                deviation = (deviation + move + self._drift) % 1_500_000
            else:
                deviation = max(-600_000, min(1_500_000, deviation * 985 // 1000 + move))
            known.append((deviation, wild))
        return known[day - FIRST_DAY]


def wild_hour(seed: int, hour: int) -> int:
    """An hour's wildness in percent: the mean of neighbouring draws, so that it clusters."""
    total = sum(Draws(seed, "wild", hour - i).below(1000) ** 2 // 1000 * (4 - i) for i in range(4))
    return 45 + total // 60
