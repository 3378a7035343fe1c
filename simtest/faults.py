"""Injects the faults of a plan: whether this occasion is hit, and how often each kind was."""

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random

from simtest.plan import Window


class FaultInjector:
    """All fault windows of a run. Each has its own random stream, so that removing one leaves the others unchanged."""

    def __init__(self, seed: int, windows: Iterable[Window], now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._by_kind: dict[str, list[tuple[int, int, Window, Random]]] = {}
        self.strikes: Counter[str] = Counter()
        self.cells: Counter[str] = Counter()  # "fault state": how often it struck while an order was in that state
        self.order_states: Callable[[], Iterable[str]] = tuple
        self.over = False
        for window in windows:
            begin, end = round(window.at_s * 1e6), round((window.at_s + window.for_s) * 1e6)
            random = Random(f"fault/{seed}/{window.number}")
            self._by_kind.setdefault(window.kind, []).append((begin, end, window, random))

    def open(self, kind: str, where: str = "") -> tuple[Window, Random] | None:
        """The window of this kind that is open now and covers `where`."""
        rows = self._by_kind.get(kind)
        if rows is None or self.over:
            return None
        now_us = self._now_us()
        for begin, end, window, random in rows:
            if begin <= now_us < end and _within(window.scope, where):
                return window, random
        return None

    def strike(self, kind: str, where: str = "") -> tuple[Window, Random] | None:
        """As `open`, but with the window's probability; a hit is counted."""
        found = self.open(kind, where)
        if found is None or found[1].random() >= found[0].rate:
            return None
        self.count(kind)
        return found

    def count(self, kind: str) -> None:
        self.strikes[kind] += 1
        for state in set(self.order_states()):
            self.cells[f"{kind} {state}"] += 1


def _within(scope: str, where: str) -> bool:
    return all(word in where for word in scope.split()) if scope else True
