"""Which lot is the runner (docs/trading-rules.md §5). Arrays hold one product's open lots, oldest first."""

from typing import Any, Protocol


class Flags(Protocol):
    """A list or array of numbers that can be read."""

    def __getitem__(self, index: int, /) -> Any: ...


class Cells(Flags, Protocol):
    """A list or array of numbers that can be written, too."""

    def __setitem__(self, index: int, value: Any, /) -> None: ...


def promotion_index(is_runner: Flags, count: int) -> int:
    """Index of the lot that must become the runner: the newest; -1 if there is a runner or no lot (§5)."""
    for i in range(count):
        if is_runner[i]:
            return -1
    return count - 1


def promote(is_runner: Cells, trail_active: Cells, peak_ticks: Cells, count: int) -> int:
    """After the runner closed: the newest lot left becomes the runner, trailing reset, take untouched (§5).

    Writes into the arrays; returns the index promoted or -1.
    """
    i = promotion_index(is_runner, count)
    if i >= 0:
        is_runner[i] = True
        trail_active[i] = False
        peak_ticks[i] = 0
    return i


def scalps_before(is_runner: Flags, count: int) -> int:
    """k of the scalp take profit: scalps open now, before one more is added (§4)."""
    k = 0
    for i in range(count):
        if not is_runner[i]:
            k += 1
    return k
