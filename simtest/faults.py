"""Injects the faults of a plan: whether this occasion is hit, and how often each kind was."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from random import Random

from simtest.plan import Window

MERGED_US = 1_000_000  # strikes so close to each other are one interval of the ground truth
PART = 20  # a longer part of a path is an id


class FaultInjector:
    """All fault windows of a run. Each has its own random stream, so that removing one leaves the others unchanged."""

    def __init__(self, seed: int, windows: Iterable[Window], now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._by_kind: dict[str, list[tuple[int, int, Window, Random]]] = {}
        self.strikes: Counter[str] = Counter()
        self.cells: Counter[str] = Counter()  # "fault state": how often it struck while an order was in that state
        self.own_cells: Counter[str] = Counter()  # "fault state": how often it struck a request of an order so
        self.order_states: Callable[[], Iterable[str]] = tuple
        self._about: tuple[str, Callable[[], Iterable[str]]] = ("", tuple)
        self.struck: dict[tuple[str, str], list[list[int]]] = {}  # (kind, where) → [first, last us] of its strikes
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
        self.count(kind, where)
        return found

    def count(self, kind: str, where: str = "") -> None:
        """One strike, now. `where`: the request, stream or commit that it hit."""
        self.strikes[kind] += 1
        for state in set(self.order_states()):
            self.cells[f"{kind} {state}"] += 1
        if where and where == self._about[0]:
            for state in self._about[1]():
                self.own_cells[f"{kind} {state}"] += 1
        now_us, spans = self._now_us(), self.struck.setdefault((kind, _without_ids(where)), [])
        if spans and now_us - spans[-1][1] <= MERGED_US:
            spans[-1][1] = now_us
        else:
            spans.append([now_us, now_us])

    @contextmanager
    def about(self, where: str, states: Callable[[], Iterable[str]]) -> Iterator[None]:
        """What strikes `where` meanwhile strikes orders in these states: the request or the frame is about them."""
        before, self._about = self._about, (where, states)
        try:
            yield
        finally:
            self._about = before

    def intervals(self) -> list[list[object]]:
        """[kind, where, first us, last us] of all strikes."""
        return [[kind, where, first, last] for (kind, where), spans in self.struck.items() for first, last in spans]


def _without_ids(where: str) -> str:
    return "/".join("ID" if len(part) > PART else part for part in where.split("/"))


def _within(scope: str, where: str) -> bool:
    return all(word in where for word in scope.split()) if scope else True
