"""Shrink a failing plan: remove faults and acts as long as the same invariant still breaks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from simtest.judged_run import judged
from simtest.plan import Plan

T = TypeVar("T")
RUNS_MAX = 120


class Shrinker:
    """Delta debugging over a plan's windows and acts."""

    def __init__(self, plan: Plan, invariant: str, say: Callable[[str], None]) -> None:
        self.plan, self._invariant, self._say = plan, invariant, say
        self.runs = 0

    def run(self) -> Plan:
        """The smallest plan found that still breaks the invariant."""
        self.plan = self._cut_time()
        for name in ("acts", "windows", "acts"):
            self._reduce(name)
        return self.plan

    def _breaks(self, plan: Plan) -> bool:
        if self.runs >= RUNS_MAX:
            return False
        self.runs += 1
        return self._invariant in judged(plan)["breaches"]

    def _cut_time(self) -> Plan:
        plan = self.plan
        for part in (0.25, 0.5, 0.75):
            shorter = replace(plan, minutes=plan.minutes * part)
            if self._breaks(shorter):
                self._say(f"breaks within {shorter.minutes:.1f} minutes, too")
                return shorter
        return plan

    def _reduce(self, name: str) -> None:
        items: Sequence[Any] = getattr(self.plan, name)
        step = max(len(items), 1)  # all of them first: often none is needed
        while items and self.runs < RUNS_MAX:
            taken = False
            for start in range(0, len(items), step):
                rest = tuple(items[:start]) + tuple(items[start + step :])
                changed: dict[str, Any] = {name: rest}
                candidate = replace(self.plan, **changed)
                if self._breaks(candidate):
                    self.plan, items, taken = candidate, rest, True
                    self._say(f"{len(rest)} {name} are enough ({self.runs} runs)")
                    break
            if not taken:
                if step == 1:
                    return
                step = max(step // 2, 1)
